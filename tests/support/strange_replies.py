"""A grammar of strange replies, as models and endpoints write them unexpectedly.

Deep, huge, mistyped, not finite, no Unicode: as values in Python, as JSON in text, as the streams
of both wires, and as whole runs that are played with them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Protocol

import anyio
import httpx2
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from atlas_mcp.atlas.calls import Cause, NoReply, conclude
from atlas_mcp.atlas.commands import (
    AskOrchestrator,
    AskQuestion,
    CompareAnswers,
    Note,
    ReadReply,
    RunSolver,
)
from atlas_mcp.atlas.events import AnswersCompared, Event, Record, RunOpened
from atlas_mcp.atlas.messages import AssistantTurn, Reply, ToolCall
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.replies import read_reply
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import NO_CHARGE, Charge, Price, Usage
from atlas_mcp.errors import ModelError, ModelUnavailable
from atlas_mcp.models.chat.call import ChatCall
from atlas_mcp.models.claude.call import ClaudeCall
from atlas_mcp.models.claude.connection import OWN_ADDRESS
from atlas_mcp.models.wire.connections import Route
from atlas_mcp.models.wire.reading import ReplyReader, read_body
from tests.support.drawing import draws

often = settings(
    max_examples=draws(2_000),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""The settings of a test that draws strange values: many of them, however large."""

PRICE = Price(Decimal(2), Decimal(10))


MOST_STEPS = 200
"""Steps after which a run counts as endless."""


def nested(levels: int, kind: str = "[") -> Any:
    """Return a value nested so deep, built without recursion."""
    value: Any = 0
    for _ in range(levels):
        value = [value] if kind == "[" else {"a": value}
    return value


def nested_text(levels: int, kind: str = "[") -> str:
    """Return JSON nested so deep, which no encoder would write."""
    opening, closing = ("[", "]") if kind == "[" else ('{"a":', "}")
    return opening * levels + "0" + closing * levels


LEVELS = st.sampled_from([3, 60, 99, 100, 101, 199, 205, 300, 900, 990, 5_000])
KINDS = st.sampled_from(["[", "{"])

# Texts as Python holds them, lone surrogates, controls and megabytes included.
TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(st.characters(), max_size=6),
    st.sampled_from(
        ["", " ", "42", "\ud800", "a\udc00b", "\ud83d\ude00", "\x00", "\u2028", "NaN", "{", '{"a"']
    ),
    st.sampled_from(["$", "\\boxed{", '{"a": ', "\n \t", "1,"]).map(lambda piece: piece * 2_000),
)

NUMBERS: st.SearchStrategy[Any] = st.sampled_from(
    [
        0, 5, -1, 3.5, 100.0, True, 10**9, 10**60, -(10**60), 10**400, 10**5_000,
        float("nan"), float("inf"), float("-inf"), 1e308, -0.0, 5e-324, Decimal("NaN"),
        Decimal("Infinity"), Decimal("1e400"), Decimal("0.5"),
    ]
)  # fmt: skip

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    NUMBERS,
    TEXTS,
    st.sampled_from([[], {}, [1], {"a": 1}, b"\xff", {1: 2}, object, ["a"] * 300]),
    st.builds(nested, LEVELS, KINDS),
)

# JSON as it is written: not all of it is JSON, and not all that is can be read or written again.
WRITTEN = st.one_of(
    st.sampled_from(
        [
            "null", "true", "0", "42", "-0", "4.0", "[]", "{}", '""', '"42"', "NaN", "Infinity",
            "-Infinity", "1e400", "-1e400", "1e-400", "1" + "0" * 60, "1" + "0" * 400, "9" * 1_000,
            "9" * 5_000, '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"a\nb"', "nil", "{", '"',
            '{"a": 1, "a": 2}', "[1,]", "'x'", '"\\x"',
        ]
    ),
    st.builds(nested_text, LEVELS, KINDS),
    TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False)),
    TEXTS.map(json.dumps),
)  # fmt: skip


def some(draw: st.DrawFn, usual: Any, strange: st.SearchStrategy[Any]) -> Any:
    """Draw what is usual, and the strange once in a while."""
    # Neither end of the range: those are drawn more often than the others.
    return draw(strange) if draw(st.integers(0, 5)) == 3 else usual


@st.composite
def mostly(draw: st.DrawFn, usual: st.SearchStrategy[Any], strange: st.SearchStrategy[Any]) -> Any:
    return draw(strange if draw(st.integers(0, 5)) == 3 else usual)


@st.composite
def objects(draw: st.DrawFn, usual: dict[str, str]) -> str:
    """Draw an object as a model writes it, with a few strange places in it."""
    fields = dict(usual)
    for key in draw(st.lists(st.sampled_from([*usual, "extra"]), max_size=2)):
        fields[key] = draw(WRITTEN)
    for key in draw(st.lists(st.sampled_from([*usual]), max_size=1)):
        if draw(st.integers(0, 3)) == 0:
            fields.pop(key, None)
    text = "{" + ", ".join(f'"{key}": {value}' for key, value in fields.items()) + "}"
    return draw(
        st.sampled_from(
            [text, text, text, f"So: {text}", f"```json\n{text}\n```", text[:-3], text + text]
        )
    )


CANDIDATE = {
    "approach": '"Counting."',
    "justification": '"One by one."',
    "answer": '"42"',
    "confidence_percent": "80",
}
SYNTHESIS = {
    "explanation": '"Both say so."',
    "answer": '"42"',
    "supported": "true",
    "confidence_percent": "90",
    "dissent": "null",
}
MESSAGE_COUNTS = {"input_tokens": "100", "output_tokens": "50"}
EXPLORE = {"strategy": '"decompose"', "instruction": '"Check it."'}

SOLVER_TEXTS = mostly(objects(CANDIDATE), st.one_of(TEXTS, WRITTEN))
BOSS_TEXTS = mostly(
    st.one_of(
        objects(SYNTHESIS),
        objects(SYNTHESIS),
        objects({"action": '"explore"', **EXPLORE}),
        objects({"name": '"explore"', "arguments": '{"strategy": 5}'}),
    ),
    st.one_of(TEXTS, WRITTEN),
)

SCHEMAS: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        None,
        {},
        {"type": "number"},
        {"type": "integer"},
        {"type": ["string", "number", "null"]},
        {"multipleOf": 0.5},
        {"type": "array"},
        {"type": "object", "additionalProperties": {"type": "number"}},
        {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/nowhere"}]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"items": {"$ref": "#/$defs/a"}}]}}},
        {"uniqueItems": True},
        {"const": 42},
        {"enum": [1, "42", None]},
        {"pattern": "^4"},
        {"minimum": 1e300},
    ]
)


@dataclass(frozen=True)
class Strange:
    """Attributes of no type that is known, as an adapter with a fault would hand them over."""

    turn: Any = None
    end: Any = "end"
    charge: Any = field(default_factory=lambda: Charge(Usage(1, 100, 50), Decimal("0.001")))
    detail: Any = ""
    request_id: Any = None


@dataclass(frozen=True)
class StrangeCharge:
    """What a call consumed, in values of no type that is known."""

    usage: Any
    cost: Any
    uncertain: Any


@st.composite
def turns(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> Any:
    calls = [
        ToolCall(
            some(draw, f"t{number}", st.one_of(st.sampled_from(["t0", 7, None, ""]), VALUES)),
            some(draw, "explore", VALUES),
            some(draw, {"strategy": some(draw, "decompose", VALUES)}, VALUES),
            some(draw, None, VALUES),
        )
        for number in range(draw(st.sampled_from([0, 0, 1, 2])))
    ]
    return AssistantTurn(
        some(draw, draw(texts), VALUES),
        some(draw, tuple(calls), VALUES),
        some(draw, None, VALUES),
    )


def _counting(value: object) -> SimpleNamespace:
    return SimpleNamespace(input_tokens=value)


@st.composite
def scripted(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> Any:
    """Draw a reply as an adapter hands it over, of any type in some places."""
    usages = st.one_of(
        st.builds(Usage, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
        VALUES.map(_counting),
        VALUES,
    )
    turn = draw(turns(texts))
    end = "tool_calls" if turn.tool_calls else "end"
    return Strange(
        turn=some(draw, turn, VALUES),
        end=some(draw, end, st.one_of(st.sampled_from(["max_tokens", "refusal"]), VALUES)),
        charge=some(
            draw,
            StrangeCharge(
                some(draw, Usage(1, 100, 50), usages),
                some(draw, Decimal("0.001"), st.one_of(st.none(), NUMBERS, VALUES)),
                some(draw, Decimal(0), st.one_of(NUMBERS, VALUES)),
            ),
            VALUES,
        ),
        detail=some(draw, "", VALUES),
    )


def failures() -> st.SearchStrategy[NoReply]:
    # Those after which a call is not made again.
    causes: st.SearchStrategy[Cause] = st.sampled_from(["aborted", "down", "rejected", "bug"])
    return st.builds(NoReply, causes, TEXTS)


COUNTS = st.one_of(
    st.sampled_from(
        [
            "100", "50", "0", "null", "-1", "3.5", "1e400", "NaN", "1" + "0" * 60, "9" * 5_000,
            '"100"', '"many"', "[100]", "{}", "true", nested_text(300),
        ]
    )
)  # fmt: skip


def event(**fields: str) -> bytes:
    """Return one server-sent event of JSON that is written already."""
    body = "{" + ", ".join(f'"{key}": {value}' for key, value in fields.items()) + "}"
    return b"data: " + _line(body) + b"\n\n"


def counted(draw: st.DrawFn, usual: dict[str, str]) -> str:
    """Return an object of counts, as it is meant or strange."""
    counts = dict(usual)
    if draw(st.integers(0, 2)) == 1:
        counts = {key: draw(COUNTS) for key in usual if draw(st.booleans())}
    written = "{" + ", ".join(f'"{key}": {value}' for key, value in counts.items()) + "}"
    return some(draw, written, COUNTS)


@st.composite
def claude_replies(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> Any:
    """Draw what becomes of a stream of the Messages API with strange places in it."""
    start = counted(draw, {"input_tokens": "100", "output_tokens": "1"})
    end = counted(draw, {"output_tokens": "50"})
    stop = '"end_turn"'
    events = [event(type='"message_start"', message=f'{{"usage": {start}}}')]
    empty, delta_text = some(draw, '""', WRITTEN), some(draw, json.dumps(draw(texts)), WRITTEN)
    delta = f'{{"type": "text_delta", "text": {delta_text}}}'
    events += _block(f'{{"type": "text", "text": {empty}}}', [delta])
    for number in range(draw(st.sampled_from([0, 0, 1, 2]))):
        stop = '"tool_use"'
        fields = {
            "type": '"tool_use"',
            "id": some(draw, f'"t{number}"', st.one_of(st.sampled_from(['"t0"', "7"]), WRITTEN)),
            "name": some(draw, '"explore"', WRITTEN),
            "input": some(draw, "{}", WRITTEN),
        }
        if draw(st.integers(0, 5)) == 3:
            fields.pop(draw(st.sampled_from(["id", "name", "input", "type"])))
        block = "{" + ", ".join(f'"{key}": {value}' for key, value in fields.items()) + "}"
        written = json.dumps(draw(mostly(objects(EXPLORE), WRITTEN)))
        delta = f'{{"type": "input_json_delta", "partial_json": {some(draw, written, WRITTEN)}}}'
        events += _block(block, [delta, some(draw, '{"type": "ping"}', WRITTEN)])
    if draw(st.integers(0, 9)) == 5:
        events.append(event(type=draw(WRITTEN), index=draw(WRITTEN), delta=draw(WRITTEN)))
    reported = '{"type": "overloaded_error", "message": "too much"}'
    reason, details = some(draw, stop, WRITTEN), some(draw, "null", WRITTEN)
    delta = f'{{"stop_reason": {reason}, "stop_details": {details}}}'
    events += [event(type='"message_delta"', delta=delta, usage=end), event(type='"message_stop"')]
    whole = (
        f'{{"type": "message", "content": [{{"type": "text", "text": {delta_text}}}], '
        f'"stop_reason": {reason}, "usage": {counted(draw, MESSAGE_COUNTS)}}}'
    )
    disturb(draw, events, event(type='"error"', error=some(draw, reported, WRITTEN)))
    body = some(draw, b"".join(events), st.just(_line(whole)))
    # Only the vendor's own address is held to all that its API promises.
    route = Route(None, None, draw(st.sampled_from(["https://api.example.com", OWN_ADDRESS])))
    call = ClaudeCall("anthropic/claude-sonnet-5-5", PRICE, route)
    return heard(draw, body, call, refused=lambda text: call.no_reply({}, text))


def disturb(draw: st.DrawFn, events: list[bytes], error: bytes) -> None:
    """Leave out an event once in a while, and put an error or what is no event between them."""
    if draw(st.integers(0, 9)) == 5:
        del events[draw(st.integers(0, len(events) - 1))]
    if draw(st.integers(0, 9)) == 5:
        strange = draw(st.one_of(st.just(error), WRITTEN.map(lambda text: b"data: " + _line(text))))
        events.insert(draw(st.integers(0, len(events))), strange + b"\n\n")


def _block(block: str, deltas: Iterable[str]) -> list[bytes]:
    return [
        event(type='"content_block_start"', index="0", content_block=block),
        *(event(type='"content_block_delta"', index="0", delta=delta) for delta in deltas),
        event(type='"content_block_stop"', index="0"),
    ]


@st.composite
def chat_replies(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> Any:
    """Draw what becomes of a stream of Chat Completions with strange places in it."""
    deltas = [f'{{"content": {some(draw, json.dumps(draw(texts)), WRITTEN)}}}']
    reason = '"stop"'
    for number in range(draw(st.sampled_from([0, 0, 1, 2]))):
        reason = '"tool_calls"'
        name = some(draw, '"explore"', WRITTEN)
        arguments = json.dumps(draw(mostly(objects(EXPLORE), WRITTEN)))
        called = some(draw, f'"t{number}"', st.one_of(st.sampled_from(['"t0"', "7"]), WRITTEN))
        index = some(draw, str(number), WRITTEN)
        function = f'{{"name": {name}, "arguments": {some(draw, arguments, WRITTEN)}}}'
        deltas.append(
            f'{{"tool_calls": [{{"index": {index}, "id": {called}, "function": {function}}}]}}'
        )
    if draw(st.integers(0, 3)) == 0:
        key = draw(st.sampled_from(["refusal", "reasoning_content", "reasoning_details", "x"]))
        deltas.append(f'{{"{key}": {draw(WRITTEN)}}}')
    events = [event(choices=f'[{{"delta": {delta}}}]') for delta in deltas]
    finish = some(draw, reason, WRITTEN)
    events.append(event(choices=f'[{{"delta": {{}}, "finish_reason": {finish}}}]'))
    usual = {"prompt_tokens": "100", "completion_tokens": "50", "total_tokens": "150"}
    events.append(event(choices="[]", usage=counted(draw, usual), id=some(draw, '"x"', WRITTEN)))
    events.append(b"data: [DONE]\n\n")
    spec = ModelSpec("openai/m", price=PRICE)
    whole = (
        f'{{"choices": [{{"message": {deltas[0]}, "finish_reason": {finish}}}], '
        f'"usage": {counted(draw, usual)}}}'
    )
    disturb(draw, events, event(error=some(draw, '{"message": "too much"}', WRITTEN)))
    body = some(draw, b"".join(events), st.just(_line(whole)))
    call = ChatCall(
        spec,
        PRICE,
        route=Route(None, None, "https://api.example.com"),
        on_tokens=None,
        on_usage=None,
    )
    return heard(draw, body, call, refused=lambda text: call.no_reply({}, text))


class Call(ReplyReader, Protocol):
    """A call of an adapter: it reads an answer, and makes a reply or an error of it."""

    def errors_translated(self) -> AbstractContextManager[None]: ...

    async def finish(self) -> Reply: ...


def heard(
    draw: st.DrawFn, body: bytes, call: Call, *, refused: Callable[[str], ModelError]
) -> Reply | NoReply:
    """Return what the driver is handed of an answer, cut anywhere, that an adapter's call reads.

    It is read as the adapters read it: by `read_body`, and within the call's own errors.
    """
    size = draw(st.integers(1, 2_000))
    kinds = st.sampled_from([None, "application/json", "text/html"])
    declared = some(draw, "text/event-stream", kinds)
    kept = len(body)
    if lost := draw(st.integers(0, 7)) == 5:
        kept = draw(st.integers(0, len(body)))

    async def chunks() -> AsyncGenerator[bytes]:
        for at in range(0, kept, size):
            yield body[at : min(kept, at + size)]
        if lost:
            raise httpx2.ReadError("the connection is gone")

    async def read() -> Reply:
        with call.errors_translated():
            other = await read_body(chunks(), call, declared=declared)
            if other is not None:
                raise refused(other)
        return await call.finish()

    try:
        return anyio.run(read)
    except ModelError as error:
        # Not to be made again: what is drawn is the end of a call.
        cause: Cause = "down" if isinstance(error, ModelUnavailable) else "rejected"
        return NoReply(cause, error.message, error.model, charge=error.charge or NO_CHARGE)


def _line(text: str) -> bytes:
    return text.encode(errors="surrogatepass").replace(b"\n", b"\\n")


@st.composite
def arrivals(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> Any:
    """Draw what the driver may be handed: replies of three origins, and calls that failed."""
    kinds = [scripted, claude_replies, chat_replies]
    if draw(st.integers(0, 9)) == 5:
        return draw(st.one_of(VALUES, failures()))
    return draw(draw(st.sampled_from(kinds))(texts))


SOLVERS = arrivals(SOLVER_TEXTS)
BOSSES = arrivals(BOSS_TEXTS)


@dataclass
class Run:
    """A run that was played without I/O, with whatever its models handed over."""

    records: list[Record]
    state: RunState
    calls: list[RunSolver | AskOrchestrator | AskQuestion] = field(
        default_factory=list[RunSolver | AskOrchestrator | AskQuestion]
    )

    def add(self, event: Event) -> None:
        record = Record(self.state.seq + 1, float(self.state.seq), event)
        self.records.append(record)
        self.state = self.state.apply(record)


def opened(problem: Problem, spec: RunSpec) -> Run:
    records = [Record(1, 0.0, RunOpened(problem, spec))]
    return Run(records, RunState.fold(records))


def play_on(run: Run, solvers: Iterable[Any], bosses: Iterable[Any]) -> None:
    """Play a run to its end, its calls handing over one of `solvers` or `bosses` after the other.

    Where those are used up, replies are as they should be.
    """
    solving, deciding = iter(solvers), iter(bosses)
    for _ in range(MOST_STEPS):
        commands = next_commands(run.state)
        if not commands:
            assert run.state.finished is not None, "the run hangs"
            return
        asks: list[RunSolver | AskOrchestrator | AskQuestion] = []
        for command in commands:
            if isinstance(command, Note):
                run.add(command.event)
            elif isinstance(command, ReadReply):
                run.add(read_reply(run.state, command))
            elif isinstance(command, CompareAnswers):
                run.add(AnswersCompared(command.explore_ids))
            else:
                run.add(command.intent)
                asks.append(command)
        for command in asks:
            run.calls.append(command)
            if isinstance(command, RunSolver):
                arrived = next(solving, usual(CANDIDATE))
                run.add(conclude(run.state, command, arrived, now=run.state.at))
            else:
                arrived = next(deciding, usual(SYNTHESIS))
                run.add(conclude(run.state, command, arrived, now=run.state.at))
    raise AssertionError("the run does not end")


def usual(fields: dict[str, str]) -> Reply:
    """Return a reply as it should be."""
    text = "{" + ", ".join(f'"{key}": {value}' for key, value in fields.items()) + "}"
    return Reply(AssistantTurn(text), "end", Charge(Usage(1, 100, 50), Decimal("0.0007")))
