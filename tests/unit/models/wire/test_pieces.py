"""Calls and messages are put together from the pieces in which endpoints send them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from atlas_mcp.models.wire.chat_stream import ChatStream
from tests.support.chat_streams import CALL, FIRST, SECOND, delta, feed_whole, piece, stream_of

ONE = (("explore", {"x": 1}),)


TWO = (("explore", {"x": 1}), ("explore", {"x": 2}))


NOTHING: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        # Without an index: AstrBot#6661. Without an id. With an index as text, or with a point.
        ([piece(id="a", name="explore"), piece(arguments='{"x"'), piece(arguments=": 1}")], ONE),
        (
            [
                piece(id="a", name="explore", arguments='{"x"'),
                piece(arguments=": 1}"),
                piece(id="b", name="explore", arguments='{"x"'),
                piece(arguments=": 2}"),
            ],
            TWO,
        ),
        (
            [
                piece(index=0, name="explore"),
                piece(index=0, arguments=FIRST),
                piece(index=1, name="explore", arguments=SECOND),
            ],
            TWO,
        ),
        ([piece(name="explore", arguments=one) for one in (FIRST, SECOND)], TWO),
        (
            [
                piece(index="0", id="a", name="explore"),
                piece(index="1", id="b", name="explore"),
                piece(index="0", arguments=FIRST),
                piece(index="1", arguments=SECOND),
            ],
            TWO,
        ),
        (
            [
                piece(index=0.0, id="a", name="explore"),
                piece(index=1.0, id="b", name="explore"),
                piece(index=0.0, arguments=FIRST),
                piece(index=1.0, arguments=SECOND),
            ],
            TWO,
        ),
        # All at one index: with ids, and with none.
        (
            [
                piece(index=0, id="a", name="explore", arguments='{"x"'),
                piece(index=0, arguments=": 1}"),
                piece(index=0, id="b", name="explore", arguments='{"x"'),
                piece(index=0, arguments=": 2}"),
            ],
            TWO,
        ),
        ([piece(index=0, name="explore", arguments=one) for one in (FIRST, SECOND)], TWO),
        # The tail at another index: agno#8879.
        ([piece(index=0, id="a", name="explore"), piece(index=1, arguments=FIRST)], ONE),
        # Names and ids that come again, empty, in pieces, or others.
        (
            [
                piece(index=0, id="a", name="explore", arguments=one)
                for one in ("", '{"x"', ": ", "1}")
            ],
            ONE,
        ),
        (
            [
                piece(index=0, id="a", name="explore", arguments='{"x"'),
                piece(index=0, id="", name="", arguments=": 1}"),
            ],
            ONE,
        ),
        (
            [
                piece(id="a", name="explore", arguments='{"x"'),
                piece(name="explore", arguments=": 1}"),
            ],
            ONE,
        ),
        (
            [piece(index=0, id="a", name="exp"), piece(index=0, name="lore", arguments=FIRST)],
            ONE,
        ),
        (
            [
                piece(index=0, id="a1", name="explore", arguments='{"x"'),
                piece(index=0, id="a2", arguments=": "),
                piece(index=0, id="a3", name="explore", arguments="1}"),
            ],
            ONE,
        ),
        # Arguments that are an object already, or come again: all that came before, or the whole.
        ([piece(index=0, id="a", name="explore", arguments={"x": 1})], ONE),
        ([piece(index=0, id="a", name="explore", arguments=one) for one in ("", {"x": 1})], ONE),
        ([piece(index=0, id="a", name="explore", arguments=one) for one in (NOTHING, FIRST)], ONE),
        ([piece(index=0, id="a", name="explore", arguments=one) for one in (FIRST, FIRST)], ONE),
        ([piece(index=0, name="explore", arguments=one) for one in (FIRST, FIRST)], ONE),
        (
            [
                piece(index=0, id="a", name="explore", arguments=one)
                for one in ("{", '{"x', '{"x": ', FIRST)
            ],
            ONE,
        ),
        (
            [
                piece(index=0, id="a", name="explore", arguments='{"x"'),
                piece(index=0, arguments=": 1}"),
                piece(index=0, arguments=FIRST),
            ],
            ONE,
        ),
        ([piece(index=0, id="a", name="explore", arguments=one) for one in ("{}", FIRST)], ONE),
        # Another shape: no level between a call and its name.
        ([{"index": 0, "id": "a", "name": "explore", "arguments": FIRST}], ONE),
    ],
)
def test_calls_are_read_in_the_pieces_in_which_they_come(
    pieces: list[dict[str, Any]], calls: tuple[tuple[str, dict[str, Any]], ...]
) -> None:
    stream = stream_of(*(delta(tool_calls=[one]) for one in pieces), delta("tool_calls"))

    turn = stream.turn
    assert tuple((call.name, dict(call.arguments)) for call in turn.tool_calls) == calls
    assert {call.fault for call in turn.tool_calls} == {None}
    sent = turn.verbatim["tool_calls"]
    assert [json.loads(one["function"]["arguments"]) for one in sent] == [one for _, one in calls]
    assert {one["function"]["name"] for one in sent} == {"explore"}


TEXT = r'{"x": "a \\ } { \" \u007b"}'


@pytest.mark.parametrize("cut", range(1, len(TEXT)))
def test_arguments_end_where_their_object_does_wherever_they_are_cut(cut: int) -> None:
    """A second call is told from more of the first by that, where neither id nor index does it."""
    parts = [TEXT[:cut], TEXT[cut:], SECOND]
    pieces = [piece(index=0, name="explore", arguments=one) for one in parts]
    stream = stream_of(*(delta(tool_calls=[one]) for one in pieces), delta("tool_calls"))

    found = [dict(call.arguments) for call in stream.turn.tool_calls]
    assert found == [json.loads(TEXT), {"x": 2}]


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_calls": CALL},
        {"function_call": {"name": "explore", "arguments": FIRST}},
        {"function_call": {"name": "explore", "arguments": {"x": 1}}},
        {"tool_calls": [], "function_call": {"name": "explore", "arguments": FIRST}},
    ],
)
@pytest.mark.parametrize("finish", ["stop", "tool_calls", "function_call", None])
def test_a_call_is_one_in_whatever_shape_it_comes(
    fields: dict[str, Any], finish: str | None
) -> None:
    streamed, whole = stream_of(delta(finish, **fields)), ChatStream()
    message = {"role": "assistant", "content": None, **fields}
    feed_whole(whole, json.dumps({"choices": [{"message": message, "finish_reason": finish}]}))

    for stream in (streamed, whole):
        [call] = stream.turn.tool_calls
        assert (call.name, dict(call.arguments)) == ("explore", {"x": 1})
        assert stream.end == "tool_calls"
        assert "function_call" not in stream.turn.verbatim
        assert stream.turn.verbatim["tool_calls"][0]["id"] == call.id


def test_a_message_at_the_end_of_a_stream_adds_what_the_pieces_lacked() -> None:
    message = {"role": "assistant", "content": "I call.", "tool_calls": [CALL]}
    end = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}

    alone, behind = stream_of(end), stream_of(delta(content="I call."), end)

    for stream in (alone, behind):
        assert stream.turn.text == "I call."
        assert [dict(call.arguments) for call in stream.turn.tool_calls] == [{"x": 1}]
