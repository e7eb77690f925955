"""Reading a solver's reply: a candidate, or a failure that says why; never an exception."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.events import SolverFinished
from atlas_mcp.atlas.explore import Candidate, SolverFailure, read_candidate
from atlas_mcp.atlas.messages import ReplyEnd
from atlas_mcp.atlas.usage import FREE, NO_USAGE, Charge
from atlas_mcp.atlas.written_json import read_object
from tests.support.played_runs import reply

WHOLE: dict[str, Any] = {
    "approach": "Counting.",
    "justification": "One by one.",
    "answer": "42",
    "confidence_percent": 75,
}
TEXT = json.dumps(WHOLE)
READ = Candidate("42", "One by one.", "Counting.", 0.75)


def kind_of(text: str, schema: dict[str, Any] | None = None, end: ReplyEnd = "end") -> str:
    outcome = read_candidate(reply(text, end), schema)
    assert isinstance(outcome, SolverFailure), outcome
    assert outcome.message
    return outcome.kind


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"\n\n{TEXT}\n",
        f"```json\n{TEXT}\n```",
        f"```\n{json.dumps(WHOLE, indent=2)}\n```\nI hope this helps {{you}}.",
        f"The set {{1, 2}} and f(x) = {{x}} lead to\n{TEXT}",
        f"<think>{{maybe}}</think>{TEXT}",
        json.dumps({**WHOLE, "extra": 1}),
    ],
)
def test_a_candidate_is_read_whatever_stands_around_it(text: str) -> None:
    assert read_candidate(reply(text), None) == READ


@pytest.mark.parametrize("text", ["", "  \n", "It is 42.", "[]", '"42"', "{", TEXT[:-5], "null"])
def test_a_reply_without_an_object_is_malformed(text: str) -> None:
    assert kind_of(text) == "malformed"


@pytest.mark.parametrize("key", ["approach", "justification", "answer"])
def test_a_missing_key_is_named(key: str) -> None:
    outcome = read_candidate(reply(json.dumps({k: v for k, v in WHOLE.items() if k != key})), None)

    assert isinstance(outcome, SolverFailure)
    assert key in outcome.message


@pytest.mark.parametrize("answer", ["", " \n", None, ["42"], {}])
def test_an_answer_that_is_no_text_is_malformed_where_text_is_asked_for(answer: object) -> None:
    assert kind_of(json.dumps({**WHOLE, "answer": answer})) == "malformed"


def test_an_answer_must_fit_its_schema() -> None:
    schema = {"type": "integer"}

    assert kind_of(json.dumps({**WHOLE, "answer": "many"}), schema) == "malformed"
    outcome = read_candidate(reply(json.dumps({**WHOLE, "answer": 42})), schema)
    assert isinstance(outcome, Candidate)
    assert outcome.answer == 42


@pytest.mark.parametrize(
    ("end", "kind"),
    [("refusal", "refused"), ("max_tokens", "truncated"), ("garbled", "malformed")],
)
def test_a_reply_that_is_not_whole_is_no_candidate_even_if_it_reads_like_one(
    end: ReplyEnd, kind: str
) -> None:
    assert kind_of(TEXT, end=end) == kind


def test_the_vendors_word_on_a_refusal_is_passed_on() -> None:
    outcome = read_candidate(reply("", "refusal", detail="policy 7"), None)

    assert isinstance(outcome, SolverFailure)
    assert "policy 7" in outcome.message


@pytest.mark.parametrize(
    ("stated", "read"),
    [
        (None, None), (True, None), (-5, 0.0), (100, 1.0), (1e9, 1.0), (12.5, 0.125), (80, 0.8),
        (0.8, 0.8), (1.0, 1.0), (1, 0.01), (0.0, 0.0), ("80", 0.8), ("80%", 0.8), ("95 %", 0.95),
        ("80 percent", 0.8), ("0.95", 0.95), (".5", 0.5), ("0.5%", 0.005), ("1", 0.01),
        ("200", 1.0), ("high", None), ("", None), ("9" * 5_000, 1.0), ([80], None), ({}, None),
        (95.0, 0.95), ("95.0", 0.95), (".95", 0.95), ("0,95", 0.95), ("95,5 %", 0.955),
        ("~95%", 0.95), ("about 95 percent", 0.95), ("95% (high)", 0.95), ("95 per cent", 0.95),
        ("0.9, I think", 0.9), ("95/100", 0.95), ("9 / 10", 0.9), ("11/10", 1.0), ("80 - 90", 0.8),
        ("ninety", None), ("not sure", None), ("NaN", None), ("95 of 1000", None),
    ],
)  # fmt: skip
def test_confidence_is_between_0_and_1_or_unknown(stated: object, read: float | None) -> None:
    outcome = read_candidate(reply(json.dumps({**WHOLE, "confidence_percent": stated})), None)

    assert isinstance(outcome, Candidate)
    assert outcome.confidence == read


@pytest.mark.parametrize(
    ("stated", "read"), [(0.8, 0.8), ("80%", 0.8), (80, 0.8), (1, 1.0), ("1", 1.0), (True, None)]
)
def test_confidence_without_its_unit_is_read_all_the_same(
    stated: object, read: float | None
) -> None:
    text = json.dumps({k: v for k, v in WHOLE.items() if k != "confidence_percent"})

    outcome = read_candidate(reply(json.dumps({**json.loads(text), "confidence": stated})), None)

    assert isinstance(outcome, Candidate)
    assert outcome.confidence == read


def test_a_missing_confidence_is_unknown() -> None:
    text = json.dumps({k: v for k, v in WHOLE.items() if k != "confidence_percent"})

    outcome = read_candidate(reply(text), None)

    assert isinstance(outcome, Candidate)
    assert outcome.confidence is None


OTHER = json.dumps({"thought": "A first guess.", "answer": "17"})
DRAFT = json.dumps({**WHOLE, "answer": "17"})


@pytest.mark.parametrize(
    "text",
    [
        f"{OTHER}\nNo. {TEXT}",
        f"{TEXT}\n{OTHER}",
        f"First {DRAFT}, but on reflection {TEXT}.",
        f"{{}} {TEXT} {{}}",
        f'{{"outer": 1}} {TEXT} {{"a": ',
    ],
)
def test_of_several_objects_the_last_that_is_whole_is_meant(text: str) -> None:
    """A model that thinks aloud ends with what it means."""
    assert read_candidate(reply(text), None) == READ


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"a": 1} {"b": 2}', {"b": 2}),
        ('{"a": 1} {"a": 2}', {"a": 1}),
        ('{"b": 1} {"b": 2, "c": 3} {"a": 2}', {"b": 2, "c": 3}),
        ('{"c": {"b": 1}}', {"c": {"b": 1}}),
        ('{"b": "two\nlines"}', {"b": "two\nlines"}),
    ],
)
def test_an_object_is_chosen_by_the_keys_it_must_have_else_the_first(
    text: str, read: dict[str, Any]
) -> None:
    assert read_object(text, ("b",)) == read


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400", "NaN", "-Infinity"])
def test_a_confidence_beyond_all_numbers_is_clipped(number: str) -> None:
    outcome = read_candidate(reply(TEXT.replace("75", number)), None)

    assert not isinstance(outcome, Candidate) or 0 <= (outcome.confidence or 0) <= 1


def test_a_reply_nested_too_deep_is_malformed() -> None:
    assert kind_of('{"a":' * 20_000) == "malformed"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_an_answer_that_json_cannot_hold_is_no_candidate_that_is_forgotten(number: str) -> None:
    """The journal must hold the values that were seen: JSON has no word for these numbers."""
    outcome = read_candidate(reply(TEXT.replace('"42"', number)), {"type": "number"})

    written = encode_event(SolverFinished(1, outcome, Charge(NO_USAGE, FREE)))

    again = decode_event(written)
    assert isinstance(again, SolverFinished)
    assert again.outcome == outcome
    if isinstance(outcome, Candidate):
        assert math.isfinite(outcome.answer)


def test_half_a_surrogate_pair_in_a_reply_can_be_written_down() -> None:
    outcome = read_candidate(reply(TEXT.replace("Counting", "\\ud83d")), None)

    assert encode_event(SolverFinished(1, outcome, Charge(NO_USAGE, FREE)))


@given(st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_no_reply_is_too_strange_to_be_read(text: str) -> None:
    outcome = read_candidate(reply(text), None)

    assert isinstance(outcome, Candidate | SolverFailure)
