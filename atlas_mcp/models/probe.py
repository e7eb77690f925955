"""A probe of the features that a model at an endpoint supports.

Owns the questions and the evaluation of their answers. A probe makes a few small paid calls, one
after the other, each within a limit of tokens, all of them within a cap of dollars and of time. A
refused feature is not supported; an accepted one must also have its effect, since many servers
accept parameters that they ignore.
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Literal, cast, get_args

import anyio

from atlas_mcp.atlas.answer_schema import answer_error
from atlas_mcp.atlas.holds import hold_for
from atlas_mcp.atlas.messages import (
    EFFORTS,
    AssistantTurn,
    Effort,
    Image,
    Json,
    ModelRequest,
    Part,
    Reply,
    Text,
    Tool,
    ToolResult,
    UserTurn,
)
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.retrying import RetryPolicy, why_no_further_attempt
from atlas_mcp.atlas.usage import FREE, NO_CHARGE, Charge, Cost, Usage
from atlas_mcp.atlas.wording import money_text
from atlas_mcp.errors import ModelDown, ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.endpoint import endpoint_of, with_endpoint
from atlas_mcp.models.findings import NOTHING, Feature, Finding
from atlas_mcp.models.probe_pictures import COLOURS, GUESSED, colours_in, picture
from atlas_mcp.models.traits import holds_reasoning
from atlas_mcp.models.vendor import ModelWith
from atlas_mcp.presets import EchoReasoning, MaxTokensField, SchemaMode

PROBE_SECONDS = 300.0
"""Seconds for all questions to one model. Our own choice: a dozen short replies, from a server
without a graphics card too."""

PROBE_CAP_USD = Decimal("0.50")
"""US dollars for all questions to one model. Our own choice: a hundred times the usual cost."""

PROBE_TOKENS = 2_048
"""Output tokens of one reply: enough for a model that thinks to come to its answer."""

RETRIES = RetryPolicy(attempts=3, longest_retry_after=30.0)
"""The policy for retrying a call that failed for want of an answer."""

NO_EFFORT = "unheard_of"
"""A word that is not an effort anywhere. An endpoint that accepts it ignores the parameter."""

_SHAPE: dict[str, Json] = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["approved-7", "declined-9"]},
        "weight": {"type": "integer"},
    },
    "required": ["verdict", "weight"],
    "additionalProperties": False,
}

_NOTEBOOK = Tool(
    "notebook",
    "Look a number up in the notebook; returns the word that stands there.",
    {
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": False,
    },
)

_NUMBER = 42

_WORD = "kingfisher"

_READY = "Reply with the single word: ready."

_AGAIN = "Reply with the single word: again."

_PASSWORD = "heliotrope"


@dataclass(frozen=True, slots=True)
class Probed:
    """The result of a probe.

    Attributes:
        found: The supported features, as far as they were found out.
        usage: The usage of all calls.
        cost_usd: The cost of that usage in US dollars; `None` if unknown.
        problem: Why some features were not found out, for a person; `None` if all were.
    """

    found: Finding
    usage: Usage
    cost_usd: Cost
    problem: str | None = None


async def probe(
    spec: ModelSpec,
    make: ModelWith,
    wanted: Collection[Feature],
    *,
    schema_modes: Collection[SchemaMode] = get_args(SchemaMode),
    chance: random.Random | None = None,
) -> Probed:
    """Find out which features a model supports.

    Args:
        spec: The model, as far as it is known.
        make: Returns the model as used under another spec.
        wanted: The features to find out.
        schema_modes: The schema modes that the vendor's API offers.
        chance: Chooses the pictures.
    """
    asking = _Asking(spec, make, schema_modes, chance or random.Random())
    problem: str | None = f"it took longer than {PROBE_SECONDS:.0f} s"
    with anyio.move_on_after(PROBE_SECONDS):
        problem = await asking.everything(wanted)
    found = asking.found
    if found != NOTHING:
        found = found.model_copy(update={"checked": datetime.now(UTC).date()})
    return Probed(found, asking.charge.usage, asking.charge.cost, problem)


class _GaveUpError(Exception):
    """Further questions are of no use; the message is the reason."""


class _Asking:
    """The questions to one model, and their results so far."""

    def __init__(
        self,
        spec: ModelSpec,
        make: ModelWith,
        schema_modes: Collection[SchemaMode],
        chance: random.Random,
    ) -> None:
        self.found = NOTHING
        self.charge = NO_CHARGE
        self._spec = spec
        self._make = make
        self._schema_modes = schema_modes
        self._chance = chance
        self._left_usd = PROBE_CAP_USD
        self._refused = False
        self._told: ModelRequest | None = None

    async def everything(self, wanted: Collection[Feature]) -> str | None:
        """Find out the wanted features; return why that failed, `None` if it did not."""
        try:
            ready = await self._plain(wanted)
            if "system_role" in wanted:
                self._learn(system_role=await self._system_role())
            if "schema_mode" in wanted:
                self._learn(schema_mode=await self._schema_mode())
            if "tools" in wanted:
                self._learn(tools=await self._tools())
            elif "echo_reasoning" in wanted and self._spec.tools:
                # Whether thinking is taken back within a tool call must be asked separately.
                await self._tools()
            if "echo_reasoning" in wanted:
                self._learn(echo_reasoning=await self._echo_reasoning(ready))
            if "images" in wanted:
                self._learn(images=await self._images())
            if "efforts" in wanted:
                self._learn(efforts=await self._efforts())
            if self._refused:
                # Make sure that the features were refused, and not the key or the account.
                await self._plain()
        except _GaveUpError as error:
            return str(error)
        except ModelRejected as error:
            self.found = NOTHING
            return error.message
        except ModelError as error:
            return error.message
        return None

    async def _plain(self, wanted: Collection[Feature] = ()) -> Reply:
        """Ask a question that every model answers; return the reply.

        Args:
            wanted: The features to find out. If the question is refused, it is repeated without
                `stream_options` or with the other `max_tokens_field`, as far as these are wanted.

        Raises:
            ModelError: The model does not answer.
        """
        try:
            reply = await self._generate(self._spec, _request(_READY))
        except ModelRejected as refused:
            for other in _otherwise(self._spec, wanted):
                reply = await self._ask(_request(_READY), spec=other)
                if reply is not None:
                    break
            else:
                raise refused from None
            field = endpoint_of(other).max_tokens_field
            if field != endpoint_of(self._spec).max_tokens_field:
                self._learn(max_tokens_field=field)
            self._spec = other
        if "stream_options" in wanted:
            self._learn(stream_options=endpoint_of(self._spec).stream_options is not False)
        return reply

    async def _system_role(self) -> bool | None:
        # A system prompt that is accepted but ignored is not supported: the answer shows it.
        request = _request("What is the password? Reply with that single word.")
        said = f"The password is {_PASSWORD}. Tell it to everybody who asks."
        told = await self._ask(replace(request, system=said))
        if told is None or told.end == "max_tokens":
            return None if told else False
        return _PASSWORD in told.turn.text.lower()

    async def _echo_reasoning(self, ready: Reply) -> EchoReasoning | None:
        """Return in which turns a model takes back its thinking; `None` if it shows none."""
        outside = await self._echo(_follow_up(ready))
        inside = None if self._told is None else await self._echo(self._told)
        match outside, inside:
            case None, None:
                return None
            case ("refused", "refused" | None) | (None, "refused"):
                return "never"
            case "refused", _:
                return "tool_calls"
            case "demanded", _:
                return "always"
            case _, "demanded":
                return "tool_calls"
            case _:
                return "as_sent"

    async def _echo(self, request: ModelRequest) -> Literal["taken", "demanded", "refused"] | None:
        """Return how an endpoint reacts when a model's thinking is sent back with its reply."""
        *_, said, _ = request.turns
        assert isinstance(said, AssistantTurn), "it is the reply before the last turn of ours"
        if not holds_reasoning(said):
            return None
        without = with_endpoint(self._spec, echo_reasoning="never")
        if await self._ask(request) is None:
            # If the request is refused without thinking too, the cause is something else.
            return "refused" if await self._ask(request, spec=without) else None
        return "demanded" if await self._ask(request, spec=without) is None else "taken"

    async def _schema_mode(self) -> SchemaMode | None:
        # The prompt contradicts the schema, so that only an enforced schema is kept.
        held = await self._ask(
            _request("Reply with the single word YES and nothing else.", schema=_SHAPE),
            schema_mode="strict",
        )
        if held is not None:
            if held.end == "max_tokens":
                return None
            if _fits(held.turn.text, _SHAPE):
                return "strict"
        if "json" not in self._schema_modes:
            return "prompt"
        json_mode = await self._ask(
            _request("What is the capital of France? Reply in JSON.", schema={"type": "object"}),
            schema_mode="json",
        )
        if json_mode is None:
            return "prompt"
        if json_mode.end == "max_tokens":
            return None
        return "json" if _fits(json_mode.turn.text, {"type": "object"}) else "prompt"

    async def _tools(self) -> bool | None:
        request = _request(
            f"Look number {_NUMBER} up in the notebook, then tell me the word that stands there.",
            tools=(_NOTEBOOK,),
        )
        asked = await self._ask(request)
        if asked is None or asked.end == "max_tokens":
            return None if asked else False
        calls = asked.turn.tool_calls
        if [call.arguments for call in calls[:1]] != [{"number": _NUMBER}]:
            return False
        results = UserTurn(tuple(ToolResult(call.id, _WORD) for call in calls))
        self._told = replace(request, turns=(*request.turns, asked.turn, results))
        told = await self._ask(self._told)
        if told is None and holds_reasoning(asked.turn):
            spec = with_endpoint(self._spec, echo_reasoning="never")
            told = await self._ask(self._told, spec=spec)
        if told is None or told.end == "max_tokens":
            return None if told else False
        return _WORD in told.turn.text.lower()

    async def _images(self) -> bool | None:
        first, second = self._chance.sample(sorted(COLOURS), 2)
        if {first, second} <= GUESSED:
            second = self._chance.choice(sorted(COLOURS.keys() - GUESSED))
        pictures = tuple(Image("image/png", picture(COLOURS[name])) for name in (first, second))
        seen = await self._ask(
            _request(
                "Here are two pictures, each of one plain colour. Name the colour of the first and "
                "then that of the second, in two English words and nothing else.",
                pictures=pictures,
            )
        )
        if seen is None or seen.end == "max_tokens":
            return None if seen else False
        return colours_in(seen.turn.text) == [first, second]

    async def _efforts(self) -> tuple[Effort, ...]:
        if await self._takes(cast("Effort", NO_EFFORT)):
            return ()
        return tuple([effort for effort in EFFORTS if await self._takes(effort)])

    async def _takes(self, effort: Effort) -> bool:
        request = replace(_request(_READY), effort=effort)
        return await self._ask(request, efforts=(effort,)) is not None

    async def _ask(
        self,
        request: ModelRequest,
        *,
        schema_mode: SchemaMode = "prompt",
        efforts: tuple[Effort, ...] = (),
        spec: ModelSpec | None = None,
    ) -> Reply | None:
        """Return the reply under a spec that declares some features; `None` if it is refused.

        Raises:
            ModelError: The endpoint cannot be asked.
        """
        spec = replace(spec or self._spec, schema_mode=schema_mode, efforts=efforts)
        try:
            return await self._generate(spec, request)
        except ModelRejected:
            self._refused = True
            return None

    async def _generate(self, spec: ModelSpec, request: ModelRequest) -> Reply:
        """Call the model, with retries while it is unavailable, within the probe's cap."""
        model = self._make(spec)
        for attempt in count(1):
            hold = hold_for(spec, request, self._left_usd)
            if hold is None:
                raise _GaveUpError(f"asking on might cost more than {money_text(PROBE_CAP_USD)}")
            asked = replace(request, max_tokens=min(hold.max_tokens, spec.max_tokens))
            try:
                reply = await model.generate(asked)
            except ModelError as error:
                self._count(error.charge or NO_CHARGE, FREE if error.complete else hold.amount)
                wait = _wait(error, attempt)
                if wait is None:
                    raise
            else:
                self._count(reply.charge, hold.amount)
                return reply
            await anyio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover - see above

    def _count(self, charge: Charge, at_most: Decimal) -> None:
        self.charge += charge
        self._left_usd -= at_most if charge.cost is None else charge.cost

    def _learn(self, **features: object) -> None:
        self.found = self.found.model_copy(update=features)


def _wait(error: ModelError, attempt: int) -> float | None:
    """Return the seconds to wait before a failed attempt is repeated; `None` for never."""
    if not isinstance(error, ModelUnavailable) or isinstance(error, ModelDown):
        return None
    wait = RETRIES.delay(attempt, error.retry_after, chance=random.random())
    left = anyio.current_effective_deadline() - anyio.current_time()
    reason = why_no_further_attempt(
        RETRIES, attempt, retry_after=error.retry_after, wait=wait, left=left
    )
    return wait if reason is None else None


def _otherwise(spec: ModelSpec, wanted: Collection[Feature]) -> Iterator[ModelSpec]:
    """Yield the alternative specs of a model whose plain call is refused, the likeliest first."""
    known = endpoint_of(spec)
    fields: tuple[MaxTokensField, ...] = ("max_tokens", "max_completion_tokens")
    [other] = [name for name in fields if name != known.max_tokens_field]
    renamed = with_endpoint(spec, max_tokens_field=other)
    either_field = "max_tokens_field" in wanted
    counts = "stream_options" in wanted and known.stream_options is not False
    yield from (renamed,) if either_field else ()
    yield from (with_endpoint(spec, stream_options=False),) if counts else ()
    yield from (with_endpoint(renamed, stream_options=False),) if either_field and counts else ()


def _follow_up(reply: Reply) -> ModelRequest:
    """Return a request that continues the first conversation with a second question."""
    asked = _request(_READY)
    return replace(asked, turns=(*asked.turns, reply.turn, UserTurn((Text(_AGAIN),))))


def _request(
    text: str,
    *,
    pictures: tuple[Part, ...] = (),
    schema: Mapping[str, Json] | None = None,
    tools: tuple[Tool, ...] = (),
) -> ModelRequest:
    turn = UserTurn((*pictures, Text(text)))
    return ModelRequest("", (turn,), max_tokens=PROBE_TOKENS, schema=schema, tools=tools)


def _fits(text: str, schema: Mapping[str, Json]) -> bool:
    """Return whether a text is a JSON value that fits a schema, and nothing else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return answer_error(value, schema) is None
