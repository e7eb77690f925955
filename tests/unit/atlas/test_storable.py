"""Any value is made such that it is stored and read back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from atlas_mcp.atlas.arrived import orchestrator_replied, solver_replied
from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.comparing.answers import answer_key
from atlas_mcp.atlas.comparing.asked import NOTHING_ASKED
from atlas_mcp.atlas.storable import (
    MAX_COUNT,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_TEXT_CHARS,
    MAX_VALUES,
    count_of,
    dollars_of,
    plain,
    read_json,
    text_of,
    unique_id,
    why_unstorable,
)
from tests.support.drawing import draws
from tests.support.strange_replies import (
    TEXTS,
    VALUES,
    WRITTEN,
    nested,
    often,
)


@settings(often, max_examples=draws(500))
@given(VALUES | WRITTEN)
def test_any_value_is_made_such_that_it_is_written_and_read_back(value: object) -> None:
    kept = plain(value)

    assert why_unstorable(kept) is None
    assert read_json(json.dumps(kept)) == kept
    assert plain(kept) == kept
    text_of(value).encode()
    assert isinstance(answer_key(value, NOTHING_ASKED), str)
    for event in (solver_replied(1, value), orchestrator_replied(1, value)):
        assert decode_event(encode_event(event)) == event


@settings(often, max_examples=draws(500))
@given(VALUES | TEXTS)
def test_no_count_and_no_cost_is_taken_for_one(value: object) -> None:
    count, dollars = count_of(value), dollars_of(value)

    assert count is None or (0 <= count <= MAX_COUNT and isinstance(value, int | float))
    assert dollars is None or (dollars.is_finite() and dollars >= 0)


def test_what_lies_beyond_a_bound_is_marked() -> None:
    assert json.dumps(plain(nested(MAX_DEPTH + 1))).endswith('levels"' + "]" * MAX_DEPTH)
    assert plain(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    assert len(plain([0] * (MAX_VALUES + 7))) == MAX_VALUES + 1
    assert len(text_of("x" * (MAX_TEXT_CHARS + 7))) == MAX_TEXT_CHARS + 1
    assert plain(10**MAX_DIGITS - 1) == 10**MAX_DIGITS - 1
    assert plain(-(10**5_000)) == "-10^5000"
    assert plain([float("inf"), float("nan")]) == ["Infinity", "NaN"]


@pytest.mark.parametrize(
    ("value", "taken", "name"),
    [("a", (), "a"), ("a", ("a",), "call-1"), (7, (), "7"), (None, ("call-1",), "call-2")],
)
def test_every_call_of_a_turn_has_an_id_of_its_own(
    value: object, taken: tuple[str, ...], name: str
) -> None:
    assert unique_id(value, taken, 1) == name
