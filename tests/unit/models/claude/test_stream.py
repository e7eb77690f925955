"""What is strange in a stream of the Messages API: passed over where a reply can be kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from atlas_mcp.atlas.storable import MAX_COUNT
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.models.claude.stream import MessageStream, StreamFailed
from atlas_mcp.models.wire import pieces
from atlas_mcp.models.wire.event_lines import EventLines
from atlas_mcp.models.wire.json_events import Event, read_event

USAGE = {"input_tokens": 100, "output_tokens": 1}


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def block(content: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    return b"".join(
        [
            event(type="content_block_start", index=0, content_block=content),
            *(event(type="content_block_delta", index=0, delta=delta) for delta in deltas),
            event(type="content_block_stop", index=0),
        ]
    )


def said(text: str) -> bytes:
    return block({"type": "text", "text": ""}, {"type": "text_delta", "text": text})


def called(written: str, **content: Any) -> bytes:
    whole: dict[str, Any] = {
        "type": "tool_use",
        "id": "t",
        "name": "explore",
        "input": {},
        **content,
    }
    return block(whole, {"type": "input_json_delta", "partial_json": written})


def feed(message: MessageStream, wire: bytes) -> None:
    """Have a message take in what a piece of a stream says."""
    for line in EventLines().feed(wire):
        message.take(read_event(line))


def read(
    *parts: bytes,
    start: Any = USAGE,
    end: Any = {"output_tokens": 50},  # noqa: B006 - never changed
    stop: Any = "end_turn",
) -> MessageStream:
    message = MessageStream()
    feed(message, event(type="message_start", message={"usage": start}))
    for part in parts:
        feed(message, part)
    feed(message, event(type="message_delta", delta={"stop_reason": stop}, usage=end))
    feed(message, event(type="message_stop"))
    assert message.done
    return message


def test_counts_that_are_all_there_count_the_reply() -> None:
    message = read(said("So."))

    assert (message.counted, message.usage) == (True, Usage(1, 100, 50))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (USAGE, None),
        (USAGE, {}),
        (USAGE, {"output_tokens": 0}),
        (USAGE, {"output_tokens": None}),
        (USAGE, {"output_tokens": "50"}),
        (USAGE, {"output_tokens": [50]}),
        (USAGE, {"output_tokens": -50}),
        (USAGE, {"output_tokens": 10**60}),
        (USAGE, {"output_tokens": float("inf")}),
        (USAGE, {"output_tokens": float("nan")}),
        (USAGE, {"output_tokens": MAX_COUNT + 1}),
        (None, {"output_tokens": 50}),
        ({}, {"output_tokens": 50}),
        ([], {"output_tokens": 50}),
        ({"input_tokens": 0, "output_tokens": 0}, {"output_tokens": 0}),
        ({"input_tokens": 100, "cache_read_input_tokens": "many"}, {"output_tokens": 50}),
    ],
)
def test_counts_that_are_missing_or_none_do_not_count_the_reply(start: Any, end: Any) -> None:
    message = read(said("So."), start=start, end=end)

    assert not message.counted
    assert message.turn.text == "So."
    assert 0 <= message.usage.output_tokens <= 50


def test_a_call_without_arguments_is_written_in_tokens_too() -> None:
    call = block({"type": "tool_use", "id": "c", "name": "explore", "input": {}})

    assert not read(call, start=USAGE, end={"output_tokens": 0}).counted
    assert read(b"", start=USAGE, end={"output_tokens": 0}).counted


def test_a_count_that_no_integer_holds_leaves_the_reply() -> None:
    message = MessageStream()
    feed(message, event(type="message_start", message={"usage": USAGE}) + said("So."))
    usage = b'{"output_tokens": ' + b"9" * 5_000 + b"}"
    delta = b'{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": '
    feed(message, b"data: " + delta + usage + b"}\n\n" + event(type="message_stop"))

    assert (message.done, message.stop_reason, message.counted) == (True, "end_turn", False)
    assert message.turn.text == "So."


@pytest.mark.parametrize(
    ("content", "call_id", "name"),
    [
        ({"id": 7}, "7", "explore"),
        ({"id": None}, "call-0", "explore"),
        ({"id": ["t"]}, "call-0", "explore"),
        ({"name": 5}, "t", "5"),
        ({"name": None}, "t", ""),
    ],
)
def test_an_id_or_a_name_that_is_no_text_becomes_one_also_in_what_is_sent_back(
    content: dict[str, Any], call_id: str, name: str
) -> None:
    turn = read(called("{}", **content), stop="tool_use").turn

    [call] = turn.tool_calls
    assert (call.id, call.name, call.fault) == (call_id, name, None)
    [sent] = turn.verbatim["content"]
    assert (sent["id"], sent["name"], sent["input"]) == (call_id, name, {})


def test_no_two_calls_share_an_id() -> None:
    turn = read(called("{}"), called("{}"), called("{}", id=None), stop="tool_use").turn

    ids = [call.id for call in turn.tool_calls]
    assert ids == ["t", "call-1", "call-2"]
    assert [sent["id"] for sent in turn.verbatim["content"]] == ids


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ('{"cut": ', "not JSON"),
        ("[1]", "no JSON object"),
        ('{"a":' * 200 + "0" + "}" * 200, "nested deeper"),
        ('{"a":' * 20_000, "not JSON"),
    ],
)
def test_arguments_that_cannot_be_kept_are_a_fault(written: str, fault: str) -> None:
    turn = read(called(written), stop="tool_use").turn

    [call] = turn.tool_calls
    assert call.fault is not None
    assert fault in call.fault
    assert call.arguments == {}


def test_numbers_that_are_none_are_kept_as_they_are_written() -> None:
    written = '{"a": NaN, "b": 1e400, "c": ' + "9" * 5_000 + "}"

    [call] = read(called(written), stop="tool_use").turn.tool_calls

    assert call.arguments == {"a": "NaN", "b": "1e400", "c": "9" * 5_000}


@pytest.mark.parametrize(
    "strange",
    [
        b"data: 1\n\n",
        b'data: {"delta": {}}\n\n',
        event(type=5),
        event(type="content_block_delta"),
        event(type="content_block_delta", delta={"type": ["text_delta"]}),
        event(type="content_block_delta", delta={"type": "text_delta", "text": 5}),
        event(type="content_block_start", content_block=5),
        event(type="content_block_stop"),
        event(type="message_delta", delta=5, usage=5),
        b"data: " + b'{"type":' * 20_000 + b"\n\n",
        block({"type": "text", "text": 5}),
        block({"text": "x"}),
    ],
)
def test_what_is_strange_in_a_reply_that_has_begun_is_passed_over(strange: bytes) -> None:
    message = read(strange, said("So."))

    assert message.turn.text.endswith("So.")
    assert message.stop_reason == "end_turn"


def test_what_follows_the_end_is_passed_over() -> None:
    message = read(said("So."))

    feed(message, b"data: [DONE]\n\ndata: {nonsense\n\n")

    assert message.turn.text == "So."


@pytest.mark.parametrize("error", ["overloaded", {"message": "overloaded"}, ["overloaded"]])
def test_an_error_of_any_shape_is_heard(error: Any) -> None:
    message = MessageStream()

    with pytest.raises(StreamFailed, match="overloaded") as failed:
        feed(message, event(type="error", error=error))
    assert failed.value.kind == "api_error"


def test_what_a_reply_holds_besides_is_bounded_in_sum_and_takes_nothing_of_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pieces, "MAX_CHARS", 1_000)
    stream = MessageStream()

    def take(kind: str, **fields: Any) -> None:
        stream.take(Event("data", {"type": kind, **fields}))

    take("message_start", message={})
    for number in range(100):
        block = {"type": "web_search_tool_result", "content": "a" * 100}
        take("content_block_start", index=number, content_block=block)
        delta = {"type": "signature_delta", "signature": "b" * 100}
        take("content_block_delta", index=number, delta=delta)
        delta = {"type": "citations_delta", "citation": "c" * 100}
        take("content_block_delta", index=number, delta=delta)
    take("content_block_start", index=100, content_block={"type": "text", "text": ""})
    for _ in range(5):
        delta = {"type": "text_delta", "text": "d" * 100}
        take("content_block_delta", index=100, delta=delta)

    kept = stream.turn

    assert kept.text == "d" * 500
    assert len(json.dumps(kept.verbatim)) < 2_500


def test_counts_that_are_nested_too_deep_lose_no_reply_and_count_nothing() -> None:
    deep: Any = 50
    for _ in range(400):
        deep = [deep]

    message = read(said("42"), end={"output_tokens": deep})

    assert (message.complete, message.fault, message.turn.text) == (True, None, "42")
    assert not message.counted
