"""Conformance of models: the contract of every `Model`, as numbered checks.

::

    @pytest.mark.parametrize("check", checks_for(MyStand.abilities), ids=lambda c: c.__name__)
    async def test_it_conforms(check: Check) -> None:
        await check(MyStand())

A `Stand` connects models to a scripted endpoint, and shows the requests that reached it. Its
`Abilities` tell which features a model lacks: some checks are left out then, and others expect a
refusal. The checks close the models they open. `checks_for` is in `suite`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias, cast

from atlas_mcp.atlas.messages import (
    EFFORTS as EFFORTS,
)
from atlas_mcp.atlas.messages import (
    Effort,
    Json,
    ModelRequest,
    Text,
    Tool,
    UserTurn,
)
from atlas_mcp.atlas.messages import (
    Image as Image,
)
from atlas_mcp.atlas.messages import (
    Reply as Reply,
)
from atlas_mcp.atlas.messages import (
    ToolResult as ToolResult,
)
from atlas_mcp.atlas.usage import NO_CHARGE as NO_CHARGE
from atlas_mcp.atlas.usage import Charge as Charge
from atlas_mcp.errors import ModelError
from atlas_mcp.errors import ModelRejected as ModelRejected
from atlas_mcp.errors import ModelUnavailable as ModelUnavailable
from atlas_mcp.models.base import Model
from atlas_mcp.testing.replies import ApiReply, Fault
from atlas_mcp.testing.replies import Call as Call
from atlas_mcp.testing.replies import refusal as refusal
from atlas_mcp.testing.replies import status as status
from atlas_mcp.testing.replies import truncated as truncated


@dataclass(frozen=True, slots=True)
class Abilities:
    """The features of a model, and of its stand.

    Attributes:
        tools: It calls tools.
        schema: Its replies are held to a schema.
        images: It sees pictures.
        efforts: It takes an effort.
        caches: It counts the tokens of a prompt that were read from a cache.
        refuses: It can refuse to answer.
        billing: Whether its price is known, it is free, or its price is unknown.
        scripted: It replies as scripted; real weights reply freely.
        faulty: The stand can make its calls fail.
    """

    tools: bool = True
    schema: bool = True
    images: bool = True
    efforts: bool = True
    caches: bool = True
    refuses: bool = True
    billing: Literal["priced", "free", "unknown"] = "priced"
    scripted: bool = True
    faulty: bool = True


class Stand(Protocol):
    """The model under test, and the endpoint behind it.

    Attributes:
        abilities: The model's features.
        name: The name that the model must have.
    """

    abilities: Abilities
    name: str

    def open(self) -> Model:
        """Return a model; all models of a stand share its endpoint."""
        ...

    def script(self, *outcomes: ApiReply | Fault) -> None:
        """Set the outcomes of the next calls. A stand that is not scripted may do nothing here."""
        ...

    def conversations(self) -> Sequence[Sequence[Json]]:
        """Return the messages of each call as they arrived, without parts that move by design."""
        ...

    def written(self) -> Sequence[Json]:
        """Return the model's messages as they must come back, in order."""
        ...

    def efforts(self) -> Sequence[str | None]:
        """Return the effort of each call as it arrived; `None` for none."""
        ...

    async def under_way(self, count: int) -> None:
        """Return once so many calls are being answered."""
        ...

    async def left(self, count: int) -> None:
        """Return once so many calls have been left before their answer."""
        ...


Check: TypeAlias = Callable[[Stand], Awaitable[None]]

NEEDED: dict[str, str] = {}
"""The ability that a check needs, by the check's name. Without it the check is left out."""


def needs(ability: str) -> Callable[[Check], Check]:
    """Leave a check out for models that lack an ability."""

    def mark(check: Check) -> Check:
        NEEDED[check.__name__] = ability
        return check

    return mark


EXPLORE = Tool(
    "explore",
    "Send a solver at the problem.",
    {"type": "object", "properties": {"strategy": {"type": "string"}}},
)

SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {
        "colour": {"type": "string", "enum": ["red", "green", "blue"]},
        "percent": {"type": "integer"},
    },
    "required": ["colour", "percent"],
    "additionalProperties": False,
}

LONG = "A statement of the problem, word by word. " * 150
"""Long enough to be cached wherever prompts are."""

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # noqa: E501
"""A picture of one pixel, PNG in base64."""

SECRET = "the problem nobody may read in a log"

TOGETHER = 3
"""Calls at once: fewer than any model serves side by side."""

STALLS = Fault("stall", after=4, seconds=3_600, reply=ApiReply(text="x" * 4_000, deltas=8))
"""A reply that begins and then stalls."""


def asking(text: str = "Pick a colour.", *, effort: Effort | None = None) -> ModelRequest:
    """Return a request of one turn."""
    turn = UserTurn((Text(text, cache=True),))
    return ModelRequest("You are terse.", (turn,), max_tokens=512, effort=effort, temperature=0.7)


def checks_of(names: Mapping[str, object]) -> tuple[Check, ...]:
    """Return the checks among the names of a module, in their order."""
    found = sorted(name for name in names if name.startswith("check_"))
    return tuple(cast("Check", names[name]) for name in found)


def endless() -> ModelRequest:
    """Return a request whose reply has no end of its own."""
    # `TOGETHER` such requests fit the context of any model.
    return replace(asking("Count from one to one million, one a line."), max_tokens=2_000)


@asynccontextmanager
async def opened(stand: Stand) -> AsyncGenerator[Model]:
    """Open a model for the length of a block."""
    model = stand.open()
    try:
        yield model
    finally:
        await model.aclose()


async def error_of(outcome: Awaitable[object]) -> ModelError | None:
    """Return the error of a call, `None` for a reply; any other error is a bug."""
    try:
        await outcome
    except ModelError as error:
        return error
    return None
