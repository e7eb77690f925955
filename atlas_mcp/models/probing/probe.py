"""A probe of the features that a model at an endpoint supports.

Owns the order of the questions, and the meaning of their answers. A probe makes a few small paid
calls, one after the other, within a cap of dollars (`models.probing.calls`) and of time. A refused
feature is not supported; an accepted one must also have its effect, since many servers accept
parameters that they ignore.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, cast, get_args

import anyio

from atlas_mcp.atlas.messages import (
    EFFORTS,
    AssistantTurn,
    Effort,
    Image,
    ModelRequest,
    Reply,
    ToolResult,
    UserTurn,
)
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import Cost, Usage
from atlas_mcp.errors import ModelError, ModelRejected
from atlas_mcp.feature_values import EchoReasoning, SchemaMode
from atlas_mcp.models.endpoint import endpoint_of, with_endpoint
from atlas_mcp.models.findings import NOTHING, Feature, Finding
from atlas_mcp.models.probing.calls import ProbeCalls, ProbeCapReached
from atlas_mcp.models.probing.pictures import COLOURS, GUESSED, colours_in, picture
from atlas_mcp.models.probing.questions import (
    NO_EFFORT,
    NOTEBOOK,
    NUMBER,
    PASSWORD,
    READY_QUESTION,
    VERDICT_SHAPE,
    WORD,
    alternatives,
    fits,
    follow_up,
    question,
)
from atlas_mcp.models.traits import holds_reasoning
from atlas_mcp.models.vendor import ModelWith

PROBE_SECONDS = 300.0
"""Seconds for all questions to one model. Our own choice: a dozen short replies, from a server
without a graphics card too."""


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
    probing = _Probing(spec, make, schema_modes, chance or random.Random())
    problem: str | None = f"it took longer than {PROBE_SECONDS:.0f} s"
    with anyio.move_on_after(PROBE_SECONDS):
        problem = await probing.everything(wanted)
    found = probing.found
    if found != NOTHING:
        found = found.model_copy(update={"checked": datetime.now(UTC).date()})
    return Probed(found, probing.calls.charge.usage, probing.calls.charge.cost, problem)


class _Probing:
    """The questions to one model, and their results so far."""

    def __init__(
        self,
        spec: ModelSpec,
        make: ModelWith,
        schema_modes: Collection[SchemaMode],
        chance: random.Random,
    ) -> None:
        self.found = NOTHING
        self.calls = ProbeCalls(make)
        self._spec = spec
        self._schema_modes = schema_modes
        self._chance = chance
        self._tool_answer: ModelRequest | None = None

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
            if self.calls.any_refused:
                # Make sure that the features were refused, and not the key or the account.
                await self._plain()
        except ProbeCapReached as error:
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
            reply = await self.calls.reply(question(READY_QUESTION), self._spec)
        except ModelRejected as refused:
            for other in alternatives(self._spec, wanted):
                reply = await self.calls.ask(question(READY_QUESTION), other)
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
        request = question("What is the password? Reply with that single word.")
        system = f"The password is {PASSWORD}. Tell it to everybody who asks."
        reply = await self._ask(replace(request, system=system))
        if reply is None or reply.end == "max_tokens":
            return None if reply else False
        return PASSWORD in reply.turn.text.lower()

    async def _echo_reasoning(self, ready: Reply) -> EchoReasoning | None:
        """Return in which turns a model takes back its thinking; `None` if it shows none."""
        outside = await self._echo(follow_up(ready))
        inside = None if self._tool_answer is None else await self._echo(self._tool_answer)
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
        *_, reply, _ = request.turns
        assert isinstance(reply, AssistantTurn), "it is the reply before the last user turn"
        if not holds_reasoning(reply):
            return None
        without = with_endpoint(self._spec, echo_reasoning="never")
        if await self._ask(request) is None:
            # If the request is refused without thinking too, the cause is something else.
            return "refused" if await self.calls.ask(request, without) else None
        return "demanded" if await self.calls.ask(request, without) is None else "taken"

    async def _schema_mode(self) -> SchemaMode | None:
        # The prompt contradicts the schema, so that only an enforced schema is kept.
        strict = await self._ask(
            question("Reply with the single word YES and nothing else.", schema=VERDICT_SHAPE),
            schema_mode="strict",
        )
        if strict is not None:
            if strict.end == "max_tokens":
                return None
            if fits(strict.turn.text, VERDICT_SHAPE):
                return "strict"
        if "json" not in self._schema_modes:
            return "prompt"
        json_mode = await self._ask(
            question("What is the capital of France? Reply in JSON.", schema={"type": "object"}),
            schema_mode="json",
        )
        if json_mode is None:
            return "prompt"
        if json_mode.end == "max_tokens":
            return None
        return "json" if fits(json_mode.turn.text, {"type": "object"}) else "prompt"

    async def _tools(self) -> bool | None:
        request = question(
            f"Look number {NUMBER} up in the notebook, then tell me the word that stands there.",
            tools=(NOTEBOOK,),
        )
        asked = await self._ask(request)
        if asked is None or asked.end == "max_tokens":
            return None if asked else False
        calls = asked.turn.tool_calls
        if [call.arguments for call in calls[:1]] != [{"number": NUMBER}]:
            return False
        results = UserTurn(tuple(ToolResult(call.id, WORD) for call in calls))
        self._tool_answer = replace(request, turns=(*request.turns, asked.turn, results))
        reply = await self._ask(self._tool_answer)
        if reply is None and holds_reasoning(asked.turn):
            spec = with_endpoint(self._spec, echo_reasoning="never")
            reply = await self.calls.ask(self._tool_answer, spec)
        if reply is None or reply.end == "max_tokens":
            return None if reply else False
        return WORD in reply.turn.text.lower()

    async def _images(self) -> bool | None:
        first, second = self._chance.sample(sorted(COLOURS), 2)
        if {first, second} <= GUESSED:
            second = self._chance.choice(sorted(COLOURS.keys() - GUESSED))
        pictures = tuple(Image("image/png", picture(COLOURS[name])) for name in (first, second))
        seen = await self._ask(
            question(
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
        request = replace(question(READY_QUESTION), effort=effort)
        return await self._ask(request, efforts=(effort,)) is not None

    async def _ask(
        self,
        request: ModelRequest,
        *,
        schema_mode: SchemaMode = "prompt",
        efforts: tuple[Effort, ...] = (),
    ) -> Reply | None:
        """Return the reply under the model's spec; see `ProbeCalls.ask`."""
        return await self.calls.ask(request, self._spec, schema_mode=schema_mode, efforts=efforts)

    def _learn(self, **features: object) -> None:
        self.found = self.found.model_copy(update=features)
