"""Events are written as JSON lines and read back unchanged."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.explore import Outcome
from atlas_mcp.atlas.usage import NO_USAGE, Charge
from tests.support.drawn_runs import WORDS
from tests.support.played_runs import (
    found,
)


@given(st.builds(found, WORDS.filter(str.strip) | st.integers() | st.lists(WORDS), approach=WORDS))
def test_a_candidate_is_written_and_read_back_unchanged(outcome: Outcome) -> None:
    from atlas_mcp.atlas.events import SolverFinished

    event = SolverFinished(1, outcome, Charge(NO_USAGE, Decimal("0.1")))

    assert decode_event(encode_event(event)) == event
