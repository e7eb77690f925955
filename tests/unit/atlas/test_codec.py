"""Events are written as JSON lines and read back unchanged."""

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.events import (
    ExploresSkipped,
    RunFinished,
    SolverFinished,
)
from atlas_mcp.atlas.explore import Outcome
from atlas_mcp.atlas.usage import NO_USAGE, Charge
from tests.support.drawn_runs import WORDS
from tests.support.played_runs import (
    found,
)


@given(st.builds(found, WORDS.filter(str.strip) | st.integers() | st.lists(WORDS), approach=WORDS))
def test_a_candidate_is_written_and_read_back_unchanged(outcome: Outcome) -> None:

    event = SolverFinished(1, outcome, Charge(NO_USAGE, Decimal("0.1")))

    assert decode_event(encode_event(event)) == event


def test_no_text_of_a_record_is_kept_by_its_parser() -> None:
    line = encode_event(ExploresSkipped((1,), "The budget is used up."))
    first, second = (decode_event(line) for _ in range(2))

    assert isinstance(first, ExploresSkipped)
    assert isinstance(second, ExploresSkipped)
    assert first.reason == second.reason
    assert first.reason is not second.reason


def test_the_same_answers_that_an_orchestrator_named_are_read_back() -> None:
    event = RunFinished("answered", "decided", "42", same_answers=((1, 3), (2, 5)))

    assert decode_event(encode_event(event)) == event


def test_an_end_without_same_answers_and_one_with_fields_of_a_later_version_are_read() -> None:
    """So no version of the records was needed for them: readers pass over what they do not know."""
    event = RunFinished("answered", "decided", "42")
    written = json.loads(encode_event(event))
    older = {name: value for name, value in written.items() if name != "same_answers"}

    assert decode_event(json.dumps(older)) == event
    assert decode_event(json.dumps({**written, "of_a_later_version": [[1]]})) == event
