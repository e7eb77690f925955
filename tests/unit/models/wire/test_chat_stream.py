"""A reply of Chat Completions, put together from whatever pieces a server cuts it into."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas.messages import ReplyEnd
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.models.wire import pieces
from atlas_mcp.models.wire.chat_stream import ChatStream, error_of
from atlas_mcp.models.wire.event_lines import EventLines
from atlas_mcp.models.wire.json_events import Event, read_event
from atlas_mcp.testing.chat_endpoints import (
    DEEPSEEK,
    GOOGLE,
    LLAMA,
    MISTRAL,
    OPENAI,
    OPENROUTER,
    XAI,
    ChatEndpoint,
)
from atlas_mcp.testing.chat_wire import message_of, pieces_of, reported_usage, usage_of
from atlas_mcp.testing.replies import ApiReply, Call, Quirk, Tokens
from tests.support.chat_streams import CALL, delta, feed, feed_whole, stream_of
from tests.support.drawing import draws

TOKENS = Tokens(input=5, output=70, cache_read=2_000, reasoning=40)


CALLS = (Call("explore", {"strategy": "diréct", "n": [1, 2]}, "t1"), Call("explore", {}, "t2"))


KINDS = {
    "openai": OPENAI,
    "google": GOOGLE,
    "xai": XAI,
    "deepseek": DEEPSEEK,
    "mistral": MISTRAL,
    "openrouter": OPENROUTER,
    "llama.cpp": LLAMA,
}


COUNTS = {"prompt_tokens": 9, "completion_tokens": 4}


def wire(reply: ApiReply, endpoint: ChatEndpoint = OPENAI) -> tuple[bytes, dict[str, Any]]:
    """Return a reply as it goes over the wire, and as the message it is."""
    message = message_of(reply, endpoint)
    tokens = reply.tokens or TOKENS
    counts = None if "no_usage" in reply.quirks else usage_of(reply, tokens, endpoint)
    body = {"model": "m"}
    pieces = pieces_of(
        body, reply, message, counts, endpoint=endpoint, reported=reported_usage(tokens)
    )
    return b"".join(piece.data for piece in pieces), message


def read(sent: bytes, *cuts: int) -> ChatStream:
    """Return what comes of bytes that arrive in pieces, cut where it is said."""
    stream, lines = ChatStream(), EventLines()
    edges = (0, *cuts, len(sent))
    for piece in (*(sent[start:end] for start, end in pairwise(edges)), b"\n\n"):
        for line in lines.feed(piece):
            stream.take(read_event(line))
    return stream


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_stream_spells_its_message_again(kind: str) -> None:
    reply = ApiReply(text="I explore. ✓", thinking="Hm, so.", calls=CALLS)
    sent, message = wire(reply, KINDS[kind])

    stream = read(sent)

    assert stream.complete
    assert stream.turn.verbatim == message
    assert stream.turn.text == "I explore. ✓"
    assert [(call.id, call.arguments) for call in stream.turn.tool_calls] == [
        ("t1", {"strategy": "diréct", "n": [1, 2]}),
        ("t2", {}),
    ]
    assert stream.end == "tool_calls"
    assert stream.usage() == Usage(1, 2_005, 70, cache_read_tokens=2_000)


@pytest.mark.parametrize(
    "quirk",
    [
        "no_finish",
        "no_done",
        "stop_with_calls",
        "calls_without_index",
        "calls_at_one_index",
        "names_repeated",
        "typed_content",
    ],
)
def test_a_server_with_a_way_of_its_own_is_read_all_the_same(quirk: Quirk) -> None:
    reply = ApiReply(text="I explore.", calls=CALLS, quirks=frozenset({quirk}))
    sent, _ = wire(reply)

    stream = read(sent)

    assert stream.complete
    assert (stream.turn.text, stream.end) == ("I explore.", "tool_calls")
    assert [(c.id, c.name, c.fault) for c in stream.turn.tool_calls] == [
        ("t1", "explore", None),
        ("t2", "explore", None),
    ]


def test_calls_without_a_name_get_one_each_to_be_answered_by() -> None:
    sent, _ = wire(ApiReply(calls=CALLS, quirks=frozenset({"calls_without_id"})))

    turn = read(sent).turn

    names = [call.id for call in turn.tool_calls]
    assert len(set(names)) == 2
    assert [call["id"] for call in turn.verbatim["tool_calls"]] == names


def test_a_stream_reads_the_same_wherever_it_is_cut() -> None:
    sent, message = wire(ApiReply(text="é✓", thinking="…", calls=CALLS[:1], deltas=2))
    for cut in range(len(sent)):
        assert read(sent, cut).turn.verbatim == message
    assert read(sent.replace(b"\n", b"\r\n")).turn.verbatim == message


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85"])
def test_a_character_that_ends_lines_elsewhere_ends_none_here(character: str) -> None:
    """JSON may hold them as they are, and many servers write them so."""
    chunk = json.dumps(delta("stop", content=f"a{character}b"), ensure_ascii=False)

    assert read(f"data: {chunk}\n\n".encode()).turn.text == f"a{character}b"


def test_a_last_line_without_an_end_is_read() -> None:
    assert read(b"data: " + json.dumps(delta("stop", content="a")).encode()).turn.text == "a"


def test_signed_thinking_is_put_together_part_by_part() -> None:
    stream = stream_of(
        delta(reasoning_details=[{"index": 0, "type": "reasoning.text", "text": "I "}]),
        delta(reasoning_details=[{"index": 0, "text": "think."}]),
        delta(reasoning_details=[{"index": 0, "signature": "sig"}]),
        delta(reasoning_details=[{"index": 1, "type": "reasoning.encrypted", "data": "x"}]),
        delta("stop", content="So."),
    )

    assert stream.turn.verbatim["reasoning_details"] == [
        {"index": 0, "type": "reasoning.text", "text": "I think.", "signature": "sig"},
        {"index": 1, "type": "reasoning.encrypted", "data": "x"},
    ]


@pytest.mark.parametrize(
    "written",
    ['{"cut": ', "[1]", "no", '"text"', '{"a":' * 20_000],
    ids=lambda written: written[:12],
)
def test_arguments_that_cannot_be_read_are_a_fault_and_go_back_as_none(written: str) -> None:
    """Several servers read them when they come back, and refuse what they cannot read."""
    sent, _ = wire(ApiReply(calls=(Call("explore", written, "t1"),)))

    turn = read(sent).turn

    [call] = turn.tool_calls
    assert call.fault is not None
    assert call.arguments == {}
    assert turn.verbatim["tool_calls"][0]["function"]["arguments"] == "{}"


@pytest.mark.parametrize(
    ("sent", "ids"),
    [
        ([7, "t"], ["7", "t"]),
        ([None, None], ["call-0", "call-1"]),
        (["t", "t"], ["t", "call-1"]),
        ([["t"], ["u"]], ["call-0", "call-1"]),
    ],
)
def test_every_call_has_an_id_of_its_own_also_in_what_is_sent_back(
    sent: list[Any], ids: list[str]
) -> None:
    calls = [
        {"index": number, "id": one, "function": {"name": "explore", "arguments": "{}"}}
        for number, one in enumerate(sent)
    ]

    turn = stream_of(delta("tool_calls", tool_calls=calls)).turn

    assert [call.id for call in turn.tool_calls] == ids
    assert [call["id"] for call in turn.verbatim["tool_calls"]] == ids


@pytest.mark.parametrize(
    "counts",
    [
        None,
        {},
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": 9, "completion_tokens": 0},
        {"prompt_tokens": "many", "completion_tokens": 4},
        {"prompt_tokens": [9], "completion_tokens": 4},
        {"prompt_tokens": -9, "completion_tokens": 4},
        {"prompt_tokens": 9, "completion_tokens": 10**60},
        {"prompt_tokens": float("inf"), "completion_tokens": 4},
        {"prompt_tokens": 9, "completion_tokens": float("nan")},
        {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": "x"},
        {
            "prompt_tokens": 9,
            "completion_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": {}},
        },
    ],
)
def test_counts_that_are_missing_or_none_do_not_count_the_reply(counts: Any) -> None:
    stream = stream_of(delta("stop", content="a"), {"choices": [], "usage": counts})

    assert not stream.counted
    assert (stream.complete, stream.turn.text) == (True, "a")
    assert stream.usage().input_tokens <= 9


@pytest.mark.parametrize(
    "fields",
    [
        {"content": "a"},
        {"refusal": "No."},
        {"reasoning_details": [{"text": "Hm."}]},
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "explore"}}]},
        {"function_call": {"name": "explore", "arguments": "{}"}},
    ],
)
def test_nothing_is_written_in_no_tokens(fields: dict[str, Any]) -> None:
    usage: dict[str, Any] = {
        "choices": [],
        "usage": {"prompt_tokens": 9, "completion_tokens": 0},
    }

    assert not stream_of(delta("stop", **fields), usage).counted
    assert stream_of(delta("stop", content=""), usage).counted


def test_a_count_that_no_number_holds_leaves_the_reply() -> None:
    stream = stream_of(delta("stop", content="a"), done=False)
    feed(stream, 'data: {"choices": [], "usage": {"prompt_tokens": ' + "9" * 5_000 + "}}")
    feed(stream, 'data: {"choices": [], "x": ' + "[" * 20_000 + "}")

    assert (stream.complete, stream.counted, stream.turn.text) == (True, False, "a")


def test_arguments_that_come_as_an_object_go_back_as_text() -> None:
    call = {"index": 0, "id": "t", "function": {"name": "explore", "arguments": {"a": 1}}}

    turn = stream_of(delta("tool_calls", tool_calls=[call])).turn

    assert turn.tool_calls[0].arguments == {"a": 1}
    assert json.loads(turn.verbatim["tool_calls"][0]["function"]["arguments"]) == {"a": 1}


@pytest.mark.parametrize(
    ("chunk", "end", "detail"),
    [
        (delta("stop", content="a"), "end", ""),
        (delta("length", content="a"), "max_tokens", ""),
        (delta("content_filter"), "refusal", "the endpoint's content filter"),
        (delta("stop", refusal="I may not."), "refusal", "I may not."),
        (
            delta("something_new", content="{}"),
            "end",
            "it ended for a reason that is not known: 'something_new'",
        ),
        (delta(None, content="a"), "end", ""),
    ],
)
def test_every_reason_for_the_end_has_its_meaning(
    chunk: dict[str, Any], end: ReplyEnd, detail: str
) -> None:
    stream = stream_of(chunk)

    assert (stream.end, stream.detail) == (end, detail)


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}, Usage(1, 9, 4)),
        # Thinking left out of what was written, and counted in the total.
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 53}, Usage(1, 9, 44)),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 5}, Usage(1, 9, 0, 5)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 5}}, Usage(1, 9, 0, 5)),
        (
            {
                "prompt_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 8},
            },
            Usage(1, 9, 0, 5, 4),
        ),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 99}}, Usage(1, 9, 0, 9)),
        ({"prompt_tokens": None, "completion_tokens": -1, "total_tokens": "x"}, Usage(1)),
    ],
)
def test_counts_are_read_in_every_vendors_way(counts: dict[str, Any], usage: Usage) -> None:
    assert stream_of(delta("stop", content="a"), {"choices": [], "usage": counts}).usage() == usage


def test_counts_that_come_with_every_chunk_are_the_last_ones() -> None:
    first = {**delta(content="a"), "usage": {"prompt_tokens": 9, "completion_tokens": 1}}
    last = {**delta("stop", content="b"), "usage": {"prompt_tokens": 9, "completion_tokens": 2}}

    assert stream_of(first, last).usage() == Usage(1, 9, 2)


def test_a_reply_without_counts_is_one_request() -> None:
    stream = stream_of(delta("stop", content="a"))

    assert stream.counts is None
    assert stream.usage() == Usage(1)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('data: {"error": {"message": "overloaded", "code": 502}}', "overloaded"),
        ('data: {"error": "overloaded"}', "overloaded"),
        ('error: {"message": "overloaded", "code": 500}', "overloaded"),
        ("error: overloaded", "overloaded"),
        (
            'data: {"choices": [{"finish_reason": "error", "error": {"message": "overloaded"}}]}',
            "overloaded",
        ),
        ('data: {"choices": [{"finish_reason": "error"}]}', "no reason"),
    ],
)
def test_an_error_inside_a_stream_is_heard_in_every_servers_way(line: str, words: str) -> None:
    stream = stream_of(delta(content="a"), done=False)
    feed(stream, line)
    feed(stream, "data: [DONE]")

    assert stream.error is not None
    assert words in stream.error["message"]
    assert not stream.complete


def test_a_stream_that_only_ends_is_no_reply() -> None:
    assert not stream_of().complete
    assert not stream_of(delta(content="a"), done=False).complete


@pytest.mark.parametrize(
    "line", ["", ": ping", "event: message", "id: 4", "retry: 10", "data:", "data: "]
)
def test_lines_that_are_no_data_are_passed_over(line: str) -> None:
    stream = ChatStream()

    feed(stream, line)

    assert (stream.ended, stream.error) == (False, None)


@pytest.mark.parametrize(
    "line", ["data: {", "data: nonsense", "data: nil", "data: " + "[" * 20_000]
)
def test_data_that_is_no_json_makes_a_reply_unreadable_that_is_finished_all_the_same(
    line: str,
) -> None:
    stream = stream_of(delta(content="a"), done=False)
    feed(stream, line)
    assert (stream.complete, stream.unreadable is None) == (False, False)

    feed(stream, "data: " + json.dumps({**delta("stop", content="b"), "usage": COUNTS}))

    assert (stream.complete, stream.end, stream.turn.text) == (True, "garbled", "ab")
    assert stream.usage() == Usage(1, 9, 4)
    assert "could not be read" in stream.detail


def test_a_reply_in_one_piece_is_read_like_a_stream() -> None:
    stream = ChatStream()
    message = {"role": "assistant", "content": "a", "refusal": None}

    feed_whole(
        stream,
        json.dumps(
            {
                "id": "x",
                "choices": [{"message": message, "finish_reason": "length"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2},
            }
        ),
    )

    assert stream.complete
    assert (stream.id, stream.end) == ("x", "max_tokens")
    assert stream.turn.verbatim == {"role": "assistant", "content": "a"}
    assert stream.usage() == Usage(1, 3, 2)


def test_characters_count_what_is_thought_said_and_called() -> None:
    stream = stream_of(
        delta(reasoning_content="abc"),
        delta(content="de"),
        delta(tool_calls=[{"index": 0, "function": {"name": "explore", "arguments": "{}"}}]),
    )

    assert stream.characters == 7


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"x"', b"null"])
def test_an_answer_without_an_error_object_has_none(body: bytes) -> None:
    assert error_of(body) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["index", "id", "function", "arguments", "name", "text", "content", "message", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


FIELDS = ["content", "refusal", "reasoning_content", "tool_calls", "reasoning_details", "role"]


DELTAS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3)


CHOICES = st.lists(
    st.fixed_dictionaries({}, optional={"delta": DELTAS | JSON, "finish_reason": JSON}) | JSON,
    max_size=2,
)


EVENTS = st.fixed_dictionaries(
    {}, optional={"id": JSON, "choices": CHOICES | JSON, "usage": JSON, "error": JSON}
)


@settings(max_examples=draws(300))
@given(st.lists(EVENTS | JSON, max_size=4))
def test_nothing_a_server_sends_is_too_strange_to_be_read(events: list[Any]) -> None:
    stream, whole = ChatStream(), ChatStream()
    for event in events:
        feed(stream, "data: " + json.dumps(event))
        feed(stream, "error: " + json.dumps(event))
        feed_whole(whole, json.dumps(event))

    for one in (stream, whole):
        turn = one.turn
        assert isinstance(turn.text, str)
        assert json.dumps(turn.verbatim)
        for call in turn.tool_calls:
            assert isinstance(call.id, str)
            assert json.loads(json.dumps(dict(call.arguments))) == call.arguments
        assert (one.end, one.detail, one.complete) is not None
        usage = one.usage()
        assert usage.cache_read_tokens + usage.cache_write_tokens <= usage.input_tokens


@pytest.mark.parametrize(
    "counts",
    [
        {"prompt_tokens": 1000.0, "completion_tokens": 50.0},
        {"input_tokens": 1000, "output_tokens": 50},
    ],
    ids=["fractions", "other names"],
)
def test_counts_in_another_spelling_count_all_the_same(counts: dict[str, Any]) -> None:
    stream = stream_of(delta("stop", content="x"), {"choices": [], "usage": counts})

    assert stream.usage() == Usage(1, 1000, 50)


def test_what_a_reply_holds_besides_is_bounded_in_sum_and_takes_nothing_of_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pieces, "MAX_CHARS", 1_000)
    stream = ChatStream()
    for number in range(100):
        details: Any = [{"index": 0, "type": "reasoning.text", "text": "b" * 100}]
        delta = {f"x{number}": "a" * 100, "reasoning_details": details, "name": "c" * 100}
        stream.take(Event("data", {"choices": [{"delta": delta}]}))
    for _ in range(5):
        stream.take(Event("data", {"choices": [{"delta": {"content": "d" * 100}}]}))

    kept = stream.turn

    assert kept.text == "d" * 500
    assert len(json.dumps(kept.verbatim)) < 2_500


def test_a_field_that_is_repeated_takes_the_room_of_one() -> None:
    stream = ChatStream()
    for _ in range(100_000):
        delta = {"name": "a" * 100, "content": "b"}
        stream.take(Event("data", {"choices": [{"delta": delta}]}))

    assert stream.turn.verbatim is not None
    assert stream.turn.verbatim["name"] == "a" * 100
    assert len(stream.turn.text) == 100_000


def test_calls_of_a_whole_reply_are_as_many_as_it_has() -> None:
    whole = ChatStream()
    calls = [{**CALL, "index": 0}, {**CALL, "index": 0}, {**CALL, "id": None}]
    message = {"role": "assistant", "content": "I call.", "tool_calls": calls}
    feed_whole(
        whole, json.dumps({"choices": [{"message": message, "finish_reason": "tool_calls"}]})
    )

    assert len({call.id for call in whole.turn.tool_calls}) == 3
    assert whole.turn.text == "I call."


def test_text_that_is_said_and_thought_is_said_once() -> None:
    said = stream_of(delta("stop", content='{"a": 1}', reasoning_content='{"a": 2}'))
    thought = stream_of(delta("stop", content="", reasoning='{"a": 2}', reasoning_content="Hm."))

    assert said.turn.text == '{"a": 1}'
    assert thought.turn.text == '{"a": 2}'
