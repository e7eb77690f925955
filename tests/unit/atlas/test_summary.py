"""The line that the list of runs has for a run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.events import (
    CallsLost,
    Event,
    ExploresPlanned,
    ExploringClosed,
    Planned,
    Record,
    RunFinished,
    RunResumed,
    StopRequested,
)
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.summary import TITLE_CHARS, RunSummary, summarize
from atlas_mcp.testing.journal_conformance import first_record

EVENTS: st.SearchStrategy[Event] = st.sampled_from(
    [
        ExploresPlanned("client", (Planned(1, Explore("s")),)),
        ExploresPlanned("orchestrator", (Planned(2, Explore("s")),)),
        ExploringClosed(),
        CallsLost(),
        StopRequested("user"),
        RunResumed("Go on."),
        RunFinished("answered", "decided", "42"),
        RunFinished("cancelled", "cancelled"),
        RunFinished("failed", "error"),
    ]
)


@given(st.lists(EVENTS, max_size=12), st.lists(st.integers(1, 12)), st.text())
def test_adding_to_a_summary_gives_the_summary_of_all_records(
    events: Sequence[Event], cuts: Sequence[int], problem: str
) -> None:
    records = [
        first_record(f"How? {problem}", 5.0),
        *(Record(seq, 5.0 + seq, event) for seq, event in enumerate(events, start=2)),
    ]
    step_by_step: RunSummary | None = None
    for start, end in pairwise(sorted({0, *cuts, len(records)})):
        if part := records[start:end]:
            step_by_step = summarize(step_by_step, part)

    assert step_by_step == summarize(None, records)


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((), "running"),
        ((RunFinished("answered", "decided"),), "answered"),
        ((RunFinished("failed", "error"), CallsLost()), "failed"),
        ((RunFinished("cancelled", "cancelled"), RunResumed("Go on.")), "running"),
        ((RunFinished("answered", "decided"), ExploresPlanned("client", ())), "running"),
        ((RunFinished("answered", "decided"), ExploresPlanned("floor", ())), "answered"),
    ],
)
def test_the_status_is_that_of_the_last_event_that_gives_one(
    events: Sequence[Event], status: str
) -> None:
    records = [Record(seq, float(seq), event) for seq, event in enumerate(events, start=2)]

    summary = summarize(None, [first_record("Why\n so?", 1.0), *records])

    assert summary == RunSummary(1.0, float(1 + len(events)), summary.status, "atlas", "Why so?")
    assert summary.status == status


def test_the_title_is_the_beginning_of_the_problem() -> None:
    assert summarize(None, [first_record("x" * 5_000)]).title == "x" * TITLE_CHARS


@pytest.mark.parametrize("records", [[], [Record(1, 1.0, CallsLost())]])
def test_a_run_begins_with_the_record_that_opens_it(records: Sequence[Record]) -> None:
    with pytest.raises(ValueError, match="record"):
        summarize(None, records)
