"""What an endpoint was paid for is kept, however strange it is, and not asked for again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.messages import Reply
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.usage import NO_CHARGE, Charge, Usage
from atlas_mcp.config.endpoints import PriceSettings, SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.claude import call as claude_call
from atlas_mcp.models.claude import connection as claude_connection
from atlas_mcp.models.claude.connection import ClaudeConnection
from atlas_mcp.models.claude.stream import MessageStream
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.wire import reading
from atlas_mcp.models.wire.chat_stream import ChatStream
from atlas_mcp.models.wire.json_events import LARGE_BYTES, Event, event_of
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.testing.atlas_api import candidate_text
from atlas_mcp.views.rendering import view_of
from tests.support.arriving_replies import (
    ASK,
    BLOCK,
    CHAT,
    CLAUDE,
    COST,
    COUNTED,
    END,
    MIDDLE,
    MODELS,
    RATES,
    START,
    STREAMS,
    WHOLE,
    both,
    event,
    on_asyncio,
    reply_to,
    reply_within,
    text_delta,
    with_it,
)
from tests.support.claude_models import claude_model
from tests.support.raw_servers import Answer, answering, heading, once
from tests.support.strange_replies import nested_text

PRICED = PriceSettings(input=Decimal(1), output=Decimal(1))


@pytest.mark.every_day(4)
@both
@on_asyncio
@pytest.mark.parametrize(
    "strange",
    [
        event('{"type": "x", "x": ' + nested_text(300) + "}"),
        event('{"type": "x", "x": ' + nested_text(100_000, "{") + "}"),
        event('{"type": "x", "x": ' + "[" * 20_000),
        event('{"type": "x", "x": [' + "{}," * 1_200_000 + "{}]}"),
        event("nonsense"),
        event('{"type": '),
    ],
    ids=["deep", "very deep", "deep and cut", "wide", "no JSON", "cut"],
)
async def test_a_reply_that_is_finished_and_not_understood_is_kept_with_its_counts(
    adapter: str, strange: bytes
) -> None:
    reply = await reply_to(adapter, once(heading(), with_it(adapter, strange)))

    assert (reply.end, reply.turn.text) == ("garbled", "So be it.")
    assert reply.charge == Charge(COUNTED, COST)
    assert reply.detail


@both
@on_asyncio
@pytest.mark.parametrize(
    "after",
    [b"data: [DONE]\n\n", b"data: nonsense\n\n", b"data:\n\n: x\n\n", event({"error": "late"})],
)
@pytest.mark.parametrize("left_out", [0, 1])
async def test_what_comes_after_the_end_is_ignored(
    adapter: str, after: bytes, left_out: int
) -> None:
    stream = STREAMS[adapter][: -1 if left_out else None]

    reply = await reply_to(adapter, once(heading(), *stream, after))

    assert (reply.end, reply.turn.text, reply.charge.usage) == ("end", "So be it.", COUNTED)


@both
@on_asyncio
async def test_a_reply_in_one_piece_is_not_lost_with_the_end_of_its_connection(
    adapter: str,
) -> None:
    sent = json.dumps(WHOLE[adapter]).encode()
    head = heading(kind="application/json", content_length=str(len(sent) + 5))

    reply = await reply_to(adapter, once(head, sent))

    assert (reply.end, reply.turn.text) == ("end", "So be it.")
    assert reply.charge == Charge(COUNTED, COST)


@both
@on_asyncio
@pytest.mark.parametrize("levels", [200, 1_000, 100_000])
async def test_a_deep_reply_in_one_piece_keeps_its_counts(adapter: str, levels: int) -> None:
    sent = json.dumps(WHOLE[adapter])[:-1] + f', "x": {nested_text(levels)}}}'

    reply = await reply_to(adapter, once(heading(kind="application/json"), sent.encode()))

    assert (reply.end, reply.turn.text) == ("garbled", "So be it.")
    assert reply.charge == Charge(COUNTED, COST)


@on_asyncio
@pytest.mark.parametrize("choices", [{"choices": []}, {}, {"choices": None}, {"choices": "none"}])
@pytest.mark.parametrize("streamed", [True, False])
async def test_a_reply_without_choices_keeps_its_counts(
    choices: dict[str, Any], streamed: bool
) -> None:
    body = {**choices, "usage": WHOLE["chat"]["usage"]}
    sent = event(body) + event("[DONE]") if streamed else json.dumps(body).encode()

    reply = await reply_to("chat", once(heading(), sent))

    assert (reply.end, reply.charge.usage, reply.charge.cost) == ("garbled", COUNTED, COST)
    assert "no choices" in reply.detail


@on_asyncio
@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('{"status": "ok"}', "data that is not a reply"),
        ('{"error": {"message": "no"}}', "broke off"),
    ],
)
async def test_json_that_is_no_message_is_none(body: str, says: str) -> None:
    with pytest.raises((ModelRejected, ModelUnavailable), match=says):
        await reply_to("claude", once(heading(kind="application/json"), body.encode()))


def delta_of(reason: Any) -> bytes:
    said = {} if reason is ... else {"stop_reason": reason}
    return event({"type": "message_delta", "delta": said, "usage": END})


LACKING: dict[str, tuple[bytes, ...]] = {
    "no reason": (*CLAUDE[:5], delta_of(...), CLAUDE[6]),
    "a reason that is null": (*CLAUDE[:5], delta_of(None), CLAUDE[6]),
    "an empty reason": (*CLAUDE[:5], delta_of(""), CLAUDE[6]),
    "no beginning": (*CLAUDE[1:5], CLAUDE[5].replace(b'{"output', b'{"input_tokens": 100, "output'),
                     CLAUDE[6]),
    "a block without its end": (*CLAUDE[:4], *CLAUDE[5:]),
    "a block without its beginning": (START, *CLAUDE[2:]),
}  # fmt: skip


@on_asyncio
@pytest.mark.parametrize("name", [*LACKING, "no end"])
async def test_behind_a_gateway_what_is_missing_around_a_reply_is_not_missed(name: str) -> None:
    stream = LACKING.get(name, CLAUDE[:-1])

    reply = await reply_to("claude", once(heading(), *stream))

    assert (reply.end, reply.turn.text) == ("end", "So be it.")
    assert reply.charge == Charge(COUNTED, COST)


async def of_the_vendor(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> Reply:
    with answering(answer) as url:
        for module in (claude_call, claude_connection):
            monkeypatch.setattr(module, "OWN_ADDRESS", url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
        connection = ClaudeConnection(own_address=url)
        try:
            return await claude_model("claude-x", price=RATES, connection=connection).generate(ASK)
        finally:
            await connection.aclose()


@on_asyncio
@pytest.mark.parametrize("name", [one for one in LACKING if one != "a block without its beginning"])
async def test_of_the_vendor_itself_what_lacks_a_part_is_kept_as_garbled(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = await of_the_vendor(monkeypatch, once(heading(), *LACKING[name]))

    assert (reply.end, reply.turn.text) == ("garbled", "So be it.")
    assert reply.charge == Charge(COUNTED, COST)
    assert "lacks" in reply.detail


@on_asyncio
async def test_of_the_vendor_itself_a_stream_without_its_end_was_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ModelUnavailable, match="ended before") as caught:
        await of_the_vendor(monkeypatch, once(heading(), *CLAUDE[:-1]))

    assert (caught.value.charge or NO_CHARGE).usage == COUNTED


@on_asyncio
async def test_a_reply_whose_end_has_no_reason_and_that_calls_tools_wants_them_run() -> None:
    content = {"type": "tool_use", "id": "t", "name": "explore", "input": {"a": 1}}
    start = event({"type": "content_block_start", "index": 0, "content_block": content})

    reply = await reply_to("claude", once(heading(), START, start, delta_of(None), CLAUDE[6]))

    assert reply.end == "tool_calls"
    assert [dict(call.arguments) for call in reply.turn.tool_calls] == [{"a": 1}]


@both
@on_asyncio
async def test_a_reply_that_ends_for_an_unknown_reason_is_kept_and_its_reason_told(
    adapter: str,
) -> None:
    """It may call tools, too."""
    text = b"".join(STREAMS[adapter]).replace(b'"end_turn"', b'"new"').replace(b'"stop"', b'"new"')
    calls = {
        "chat": CHAT[0].replace(
            b'"content": "So "',
            b'"tool_calls": [{"id": "t", "function": {"name": "explore", "arguments": "{}"}}]',
        )
        + text,
        "claude": text.replace(
            b'{"type": "text", "text": ""}', b'{"type": "tool_use", "id": "t", "name": "explore"}'
        ),
    }

    said = await reply_to(adapter, once(heading(), text))
    called = await reply_to(adapter, once(heading(), calls[adapter]))

    assert (said.end, said.turn.text, said.charge.usage) == ("end", "So be it.", COUNTED)
    assert (called.end, len(called.turn.tool_calls)) == ("tool_calls", 1)
    assert said.detail == called.detail == "it ended for a reason that is not known: 'new'"


@both
@on_asyncio
@pytest.mark.parametrize("content", [5, 0.5, {"answer": "42"}, [1, 2], True])
async def test_content_that_is_no_text_is_kept_as_its_json(adapter: str, content: Any) -> None:
    strange = {
        "chat": event({"choices": [{"delta": {"content": content}}]}),
        "claude": text_delta(content),
    }
    stream = STREAMS[adapter]
    sent = b"".join([*stream[: MIDDLE[adapter]], strange[adapter], *stream[MIDDLE[adapter] + 1 :]])

    reply = await reply_to(adapter, once(heading(), sent))

    assert (reply.end, reply.turn.text) == ("end", f"So {json.dumps(content)}")


@on_asyncio
async def test_calls_without_end_are_bounded() -> None:
    call = {"id": "c", "function": {"name": "explore", "arguments": "{}"}}
    pieces = [
        event({"choices": [{"delta": {"tool_calls": [{"index": number, **call}]}}]})
        for number in range(3_000)
    ]

    reply = await reply_to("chat", once(heading(), *pieces, *CHAT[2:]))

    assert len(reply.turn.tool_calls) == 1_000
    assert (reply.end, reply.charge.usage) == ("garbled", COUNTED)
    assert "more than 1,000 calls" in reply.detail


@on_asyncio
async def test_a_stream_that_stays_open_after_a_stop_reason_keeps_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(connection: Any) -> None:
        connection.sendall(heading() + b"".join(CLAUDE[:-1]))
        connection.recv(1)

    monkeypatch.setattr(reading, "DRAIN_TIMEOUT", 0.05)
    monkeypatch.setattr(reading, "LAST_WORDS_TIMEOUT", 0.05)

    assert (await reply_to("claude", answer)).turn.text == "So be it."


KINDS: dict[str, Any] = {"chat": ChatStream, "claude": MessageStream}
"""What takes in the events of a reply."""


def left_open(*pieces: bytes) -> Answer:
    """Say something, and leave the line open until the other end closes it."""

    def answer(connection: Any) -> None:
        connection.sendall(b"".join(pieces))
        connection.recv(1)

    return answer


def cancel_once(
    monkeypatch: pytest.MonkeyPatch,
    adapter: str,
    scope: anyio.CancelScope,
    is_due: Callable[[Any], bool],
) -> None:
    """Cancel the call when an event of its reply has been taken in."""
    take = KINDS[adapter].take

    def taking(stream: Any, event: Event) -> None:
        take(stream, event)
        if is_due(stream):
            scope.cancel()

    monkeypatch.setattr(KINDS[adapter], "take", taking)


@both
@pytest.mark.parametrize("counted", [True, False])
async def test_a_reply_that_is_whole_is_kept_when_its_call_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, adapter: str, *, counted: bool
) -> None:
    stream = STREAMS[adapter][:-1] if counted else STREAMS[adapter][:3]
    if adapter == "claude" and not counted:
        stream = (*CLAUDE[:5], event({"type": "message_delta", "delta": {"stop_reason": "x"}}))
    scope = anyio.CancelScope()
    cancel_once(monkeypatch, adapter, scope, lambda stream: stream.complete)

    reply = await reply_within(scope, adapter, left_open(heading(), *stream))

    assert scope.cancel_called
    assert reply is not None
    assert reply.turn.text == "So be it."


@both
async def test_a_large_reply_in_one_piece_is_kept_when_its_call_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, adapter: str
) -> None:
    text = "a" * 2 * LARGE_BYTES
    body = {
        "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "input_tokens": 1},
    }
    scope = anyio.CancelScope()

    async def cancelled(data: bytes) -> Event:
        scope.cancel()
        return await event_of(data)

    monkeypatch.setattr(reading, "event_of", cancelled)
    sent = once(heading(kind="application/json"), json.dumps(body).encode())

    reply = await reply_within(scope, adapter, sent)

    assert scope.cancel_called
    assert reply is not None
    assert reply.turn.text == text


@both
async def test_a_large_end_of_a_stream_is_read_when_its_call_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, adapter: str
) -> None:
    scope = anyio.CancelScope()

    async def cancelled(data: bytes) -> Event:
        scope.cancel()
        return await event_of(data)

    monkeypatch.setattr(reading, "event_of", cancelled)
    end: dict[str, Any] = {
        "choices": [{"delta": {}, "finish_reason": "stop"}],
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "output_tokens": 50},
        "further": "a" * 2 * LARGE_BYTES,
    }
    stream = (*STREAMS[adapter][: -2 if adapter == "claude" else 2], event(end))

    reply = await reply_within(scope, adapter, left_open(heading(), *stream))

    assert scope.cancel_called
    assert reply is not None
    assert (reply.turn.text, reply.charge.usage) == ("So be it.", COUNTED)


@both
async def test_a_reply_that_is_not_whole_is_not_kept_back_by_a_cancel(
    monkeypatch: pytest.MonkeyPatch, adapter: str
) -> None:
    scope = anyio.CancelScope()
    cancel_once(monkeypatch, adapter, scope, lambda _: True)

    answer = left_open(heading(), *STREAMS[adapter][:2])

    assert await reply_within(scope, adapter, answer) is None
    assert scope.cancelled_caught


@both
@on_asyncio
async def test_a_reply_that_is_whole_and_counted_waits_for_no_last_words(
    monkeypatch: pytest.MonkeyPatch, adapter: str
) -> None:
    monkeypatch.setattr(reading, "DRAIN_TIMEOUT", 0.05)
    monkeypatch.setattr(reading, "LAST_WORDS_TIMEOUT", 3_600.0)

    with anyio.fail_after(30):
        reply = await reply_to(adapter, left_open(heading(), *STREAMS[adapter][:-1]))

    assert (reply.turn.text, reply.charge.usage) == ("So be it.", COUNTED)


@on_asyncio
async def test_counts_that_come_late_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "DRAIN_TIMEOUT", 0.0)

    def answer(connection: Any) -> None:
        connection.sendall(heading() + b"".join(CHAT[:3]))
        read_on.wait()
        connection.sendall(b"".join(CHAT[3:]))

    read_on = threading.Event()
    take = ChatStream.take

    def taking(stream: ChatStream, event: Event) -> None:
        take(stream, event)
        if stream.finish_reason is not None:
            read_on.set()

    monkeypatch.setattr(ChatStream, "take", taking)

    assert (await reply_to("chat", answer)).charge.usage == COUNTED


@both
@pytest.mark.parametrize("stopped", ["user", "shutdown"])
async def test_a_run_that_is_stopped_records_a_reply_that_is_whole_and_asks_no_second_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, adapter: str, stopped: str
) -> None:
    arrived, heads = anyio.Event(), list[bytes]()
    take = KINDS[adapter].take

    def taking(stream: Any, event: Event) -> None:
        take(stream, event)
        if stream.complete:
            arrived.set()

    monkeypatch.setattr(KINDS[adapter], "take", taking)
    text = candidate_text("42")
    stream = {
        "chat": (event({"choices": [{"delta": {"content": text}}]}), *CHAT[2:-1]),
        "claude": (START, event(BLOCK), text_delta(text), *CLAUDE[4:-1]),
    }
    with anyio.fail_after(60), answering(left_open(heading(), *stream[adapter]), heads) as url:
        model = MODELS[adapter](url)
        settings = Settings(
            home=tmp_path, solvers={"s": SolverSettings(model=model.name, price=PRICED)}
        )
        pool = Pool(settings, {model.name: model})
        async with open_service(settings, pool=pool) as service:
            run_id = await service.explore(make_problem("6 * 7?"), RunRequest(), ExploreRequest())
            await arrived.wait()
            if stopped == "user":
                await service.cancel(run_id)
            else:
                await service.leave(grace=0)
            view = view_of(await service.wait(run_id, 10))

            assert [(one.status, one.answer) for one in view.candidates] == [("ok", "42")]
            assert view.usage.output_tokens == 50
            await service.resume(run_id)
            again = view_of(await service.wait(run_id, 10))
        await model.aclose()

    assert [one.answer for one in again.candidates] == ["42"]
    assert len(heads) == 1


@both
@on_asyncio
@pytest.mark.parametrize(
    ("kind", "body", "is_free"),
    [
        ("application/json", b'{"result": "ok"}', False),
        ("text/plain", b"Please ask again.", False),
        ("text/event-stream", b"", False),
        ("text/html", b"<!doctype html><html><title>Welcome</title>", True),
    ],
    ids=["JSON", "words", "nothing", "page"],
)
async def test_an_answer_that_is_no_reply_may_have_been_billed_unless_it_is_a_page(
    adapter: str, kind: str, body: bytes, *, is_free: bool
) -> None:
    with pytest.raises((ModelRejected, ModelUnavailable)) as caught:
        await reply_to(adapter, once(heading(kind=kind), body))

    assert caught.value.complete == is_free
    assert caught.value.charge == Charge(Usage(1))
