"""The contract of every `Model`, as numbered checks to run against an implementation.

::

    @pytest.mark.parametrize("check", checks_for(MyStand.abilities), ids=lambda c: c.__name__)
    async def test_it_conforms(check: Check) -> None:
        await check(MyStand())

A `Stand` connects models to a scripted endpoint, and shows the requests that reached it. Its
`Abilities` tell which features a model lacks: some checks are left out then, and others expect a
refusal. The checks close the models they open.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Literal, Protocol, TypeAlias

import anyio
from jsonschema import validate

from atlas_mcp.atlas.messages import (
    EFFORTS,
    Effort,
    Image,
    Json,
    ModelRequest,
    Reply,
    Text,
    Tool,
    ToolResult,
    UserTurn,
)
from atlas_mcp.atlas.usage import NO_CHARGE, Charge
from atlas_mcp.errors import ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.base import Model
from atlas_mcp.testing.replies import ApiReply, Call, Fault, refusal, status, truncated


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

    def said(self) -> Sequence[Json]:
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

_NEEDS: dict[str, str] = {}
"""The ability that a check needs, by the check's name. Without it the check is left out."""


def _needs(ability: str) -> Callable[[Check], Check]:
    def mark(check: Check) -> Check:
        _NEEDS[check.__name__] = ability
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


async def check_01_a_model_is_called_by_vendor_and_name(stand: Stand) -> None:
    """Before it has been asked anything, and after."""
    async with _open(stand) as model:
        assert model.name == stand.name
        vendor, slash, name = model.name.partition("/")
        assert all((vendor, slash, name))


async def check_02_a_reply_has_text_an_end_and_counts(stand: Stand) -> None:
    """One request, and tokens both ways."""
    stand.script(ApiReply(text="Blue. ✓\u2028So."))
    async with _open(stand) as model:
        reply = await model.generate(asking())

        assert reply.turn.text
        assert reply.charge.usage.requests == 1
        assert reply.charge.usage.input_tokens > 0
        assert reply.charge.usage.output_tokens > 0
        if stand.abilities.scripted:
            assert reply.turn.text == "Blue. ✓\u2028So."
            assert reply.end == "end"
            assert reply.turn.tool_calls == ()


async def check_03_a_reply_to_a_schema_comes_whether_it_is_held_or_not(stand: Stand) -> None:
    """A model that holds replies to a schema gives a value that fits it, and no other text."""
    stand.script(ApiReply(text=json.dumps({"colour": "red", "percent": 7})))
    async with _open(stand) as model:
        reply = await model.generate(replace(asking(), schema=SCHEMA))

        assert reply.end == "end"
        if stand.abilities.schema:
            validate(json.loads(reply.turn.text), SCHEMA)


async def check_04_a_text_without_end_is_a_value_and_was_paid_for(stand: Stand) -> None:
    """A reply cut off at its ceiling has its text so far, and its counts."""
    stand.script(truncated("One, two, "))
    async with _open(stand) as model:
        request = replace(asking("Tell me a long story."), max_tokens=2, temperature=0.0)
        reply = await model.generate(request)

        assert reply.end == "max_tokens"
        assert reply.turn.text
        assert reply.charge.usage.output_tokens > 0


@_needs("refuses")
async def check_05_a_refusal_is_a_value_with_what_is_said_of_it(stand: Stand) -> None:
    """A refusal raises nothing: it was paid for, and has a meaning."""
    stand.script(refusal("cyber", "It may harm."))
    async with _open(stand) as model:
        reply = await model.generate(asking())

        assert reply.end == "refusal"
        assert "It may harm." in reply.detail
        assert reply.charge.usage.requests == 1


async def check_06_tools_are_called_with_their_arguments_or_refused_by_name(stand: Stand) -> None:
    """Each call has an id of its own, and its arguments as they were written."""
    calls = (Call("explore", {"strategy": "diréct"}), Call("explore"))
    request = replace(asking(), tools=(EXPLORE,))
    if not stand.abilities.tools:
        async with _open(stand) as model:
            assert isinstance(await _error(model.generate(request)), ModelRejected)
        return
    stand.script(ApiReply(text="Two of them.", calls=calls))
    async with _open(stand) as model:
        reply = await model.generate(request)

        assert reply.end == "tool_calls"
        assert [call.name for call in reply.turn.tool_calls] == ["explore", "explore"]
        assert [call.arguments for call in reply.turn.tool_calls] == [{"strategy": "diréct"}, {}]
        assert len({call.id for call in reply.turn.tool_calls}) == 2
        assert not any(call.fault for call in reply.turn.tool_calls)


@_needs("tools")
async def check_07_what_was_said_goes_back_as_it_came(stand: Stand) -> None:
    """Thinking included, then the results of its tool calls: vendors refuse edited messages."""
    turn = ApiReply(text="More.", thinking="Hm.", calls=(Call("explore"), Call("explore")))
    stand.script(turn, turn, ApiReply(text="Done."))
    async with _open(stand) as model:
        request = replace(asking(), tools=(EXPLORE,))
        for _ in range(2):
            reply = await model.generate(request)
            results = [ToolResult(call.id, "It is 7.") for call in reply.turn.tool_calls]
            more = UserTurn((*results, Text("3 explores left.")))
            request = replace(request, turns=(*request.turns, reply.turn, more))
        reply = await model.generate(request)

        assert reply.turn.text == "Done."
    sent, said = stand.conversations(), stand.said()
    for number, (shorter, longer) in enumerate(pairwise(sent)):
        assert longer[: len(shorter)] == shorter
        assert longer[len(shorter)] == said[number]


async def check_08_a_conversation_in_words_only_grows(stand: Stand) -> None:
    """An empty turn stays in the conversation."""
    stand.script(ApiReply(text="Blue."), ApiReply(), ApiReply(text="Red."))
    async with _open(stand) as model:
        request = asking()
        texts: list[str] = []
        for _ in range(3):
            reply = await model.generate(request)
            texts.append(reply.turn.text)
            more = UserTurn((Text("Pick another."),))
            request = replace(request, turns=(*request.turns, reply.turn, more))

        if stand.abilities.scripted:
            assert texts == ["Blue.", "", "Red."]
    for shorter, longer in pairwise(stand.conversations()):
        assert longer[: len(shorter)] == shorter


@_needs("caches")
async def check_09_input_includes_what_was_read_from_a_cache(stand: Stand) -> None:
    """The same prompt has the same count, whether it was read from a cache or not."""
    async with _open(stand) as model:
        stand.script(ApiReply(text="a"), ApiReply(text="a"))
        first = (await model.generate(asking(LONG))).charge.usage
        second = (await model.generate(asking(LONG))).charge.usage

        assert first.cache_read_tokens == 0
        assert 0 < second.cache_read_tokens <= second.input_tokens
        assert first.input_tokens == second.input_tokens
        assert first.cache_write_tokens <= first.input_tokens


async def check_10_a_cost_is_unknown_only_where_its_price_is(stand: Stand) -> None:
    """A free model costs 0, which is not unknown."""
    stand.script(ApiReply(text="Blue."))
    async with _open(stand) as model:
        cost = (await model.generate(asking())).charge.cost

        match stand.abilities.billing:
            case "priced":
                assert cost is not None
                assert cost > 0
            case "free":
                assert cost == 0
            case "unknown":
                assert cost is None


async def check_11_progress_rises_and_is_told_before_the_end(stand: Stand) -> None:
    """Progress never exceeds the final count."""
    stand.script(ApiReply(text="a story " * 200, deltas=20))
    async with _open(stand) as model:
        heard: list[int] = []
        request = replace(asking("Tell me a long story."), max_tokens=128)
        reply = await model.generate(request, on_tokens=heard.append)

        assert heard
        assert heard == sorted(heard)
        assert 0 < heard[-1] <= reply.charge.usage.output_tokens


async def check_12_usage_that_is_told_on_the_way_is_the_one_in_the_end(stand: Stand) -> None:
    """The usage of an aborted call is known from these reports alone."""
    stand.script(ApiReply(text="Blue."))
    async with _open(stand) as model:
        heard: list[Charge] = []
        reply = await model.generate(asking(), on_usage=heard.append)

        for usage in (charge.usage for charge in heard):
            assert usage.requests == 1
            assert usage.input_tokens == reply.charge.usage.input_tokens
            assert usage.output_tokens <= reply.charge.usage.output_tokens


@_needs("faulty")
async def check_13_what_may_work_later_is_unavailable_and_may_be_tried_again(stand: Stand) -> None:
    """The error is retryable, costs nothing, and does not hinder the next call."""
    stand.script(status(503, message="too busy"), ApiReply(text="Blue."))
    async with _open(stand) as model:
        error = await _error(model.generate(asking(SECRET)))

        assert isinstance(error, ModelUnavailable)
        assert error.retryable
        assert error.complete
        assert (error.charge or NO_CHARGE).cost == 0
        assert error.model == stand.name
        assert SECRET not in f"{error} {error!r}"
        assert (await model.generate(asking())).turn.text == "Blue."


@_needs("faulty")
async def check_14_what_would_fail_again_is_rejected_with_the_reason(stand: Stand) -> None:
    """The error quotes the endpoint's message, and leaves the prompt out."""
    stand.script(status(400, message="the prompt is too long"), ApiReply(text="Blue."))
    async with _open(stand) as model:
        error = await _error(model.generate(asking(SECRET)))

        assert isinstance(error, ModelRejected)
        assert not error.retryable
        assert "the prompt is too long" in str(error)
        assert SECRET not in f"{error} {error!r}"
        assert (await model.generate(asking())).turn.text == "Blue."


@_needs("faulty")
async def check_15_a_reply_that_breaks_off_may_have_cost_more_than_is_known(stand: Stand) -> None:
    """Only a free model's charge is complete then."""
    for fault in (Fault("cut"), Fault("ends"), Fault("garbage")):
        stand.script(fault)
        async with _open(stand) as model:
            error = await _error(model.generate(asking()))

            assert isinstance(error, ModelUnavailable), fault
            assert (error.charge or NO_CHARGE).usage.requests == 1
            assert error.complete == (stand.abilities.billing == "free")


async def check_16_a_cancelled_call_ends_at_once_and_the_model_works_on(stand: Stand) -> None:
    """The endpoint notices it, so that nothing more is written and billed."""
    stand.script(STALLS, ApiReply(text="Blue."))
    async with _open(stand) as model:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(model.generate, _endless()))
            await stand.under_way(1)
            tasks.cancel_scope.cancel()
        await stand.left(1)

        assert (await model.generate(asking())).turn.text


async def check_17_many_calls_are_open_at_once(stand: Stand) -> None:
    """No call waits for another."""
    stand.script(*[STALLS] * TOGETHER)
    async with _open(stand) as model:
        async with anyio.create_task_group() as tasks:
            for _ in range(TOGETHER):
                tasks.start_soon(partial(model.generate, _endless()))
            await stand.under_way(TOGETHER)
            tasks.cancel_scope.cancel()
        await stand.left(TOGETHER)


async def check_18_calls_that_come_together_are_all_answered(stand: Stand) -> None:
    """Also the first calls, while the model is being made ready."""
    stand.script(*[ApiReply(text="Blue.")] * TOGETHER)
    async with _open(stand) as model:
        replies: list[Reply] = []

        async def call() -> None:
            replies.append(await model.generate(asking()))

        async with anyio.create_task_group() as tasks:
            for _ in range(TOGETHER):
                tasks.start_soon(call)

        assert [bool(reply.turn.text) for reply in replies] == [True] * TOGETHER


async def check_19_pictures_arrive_unchanged_or_are_refused(stand: Stand) -> None:
    """A model that cannot see never ignores a picture."""
    picture = Image("image/png", PICTURE)
    request = replace(asking(), turns=(UserTurn((picture, Text("What is it?"))),))
    async with _open(stand) as model:
        if not stand.abilities.images:
            assert isinstance(await _error(model.generate(request)), ModelRejected)
            return
        stand.script(ApiReply(text="A dot."))

        assert (await model.generate(request)).end == "end"
        assert PICTURE in repr(stand.conversations()[-1])


async def check_20_an_effort_arrives_or_is_left_out(stand: Stand) -> None:
    """A call never fails for its effort, not even on a model that does not take that effort."""
    efforts: tuple[Effort, ...] = ("low", "max")
    stand.script(*[ApiReply(text="Blue.")] * len(efforts))
    async with _open(stand) as model:
        for effort in efforts:
            assert (await model.generate(asking(effort=effort))).turn.text

    low, high = stand.efforts()
    assert low == ("low" if stand.abilities.efforts else None)
    assert (high in EFFORTS) == stand.abilities.efforts
    assert (high != low) == stand.abilities.efforts


async def check_21_closing_is_harmless_twice_and_before_any_call(stand: Stand) -> None:
    """The owner of a model closes it in any case, so that it may be closed twice or unused."""
    model = stand.open()
    await model.aclose()
    await model.aclose()


CHECKS: tuple[Check, ...] = tuple(
    check for name, check in sorted(globals().items()) if name.startswith("check_")
)
"""All checks, in their order."""


def checks_for(abilities: Abilities) -> tuple[Check, ...]:
    """Return the checks that a model with these abilities must pass."""
    return tuple(
        check for check in CHECKS if getattr(abilities, _NEEDS.get(check.__name__, "always"), True)
    )


def _endless() -> ModelRequest:
    # `TOGETHER` such requests fit the context of any model.
    return replace(asking("Count from one to one million, one a line."), max_tokens=2_000)


@asynccontextmanager
async def _open(stand: Stand) -> AsyncGenerator[Model]:
    model = stand.open()
    try:
        yield model
    finally:
        await model.aclose()


async def _error(outcome: Awaitable[object]) -> ModelError | None:
    """Return the error of a call, `None` for a reply; any other error is a bug."""
    try:
        await outcome
    except ModelError as error:
        return error
    return None
