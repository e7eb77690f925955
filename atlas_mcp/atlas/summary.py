"""The line that the list of runs has for a run: a fold over its records.

A store keeps the summary beside the records and brings it up to date with each append, so that
listing runs reads no record. It decides nothing itself: the summary follows from the one before and
from the records.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    Record,
    RunFinished,
    RunOpened,
    RunResumed,
)
from atlas_mcp.atlas.outcomes import Status
from atlas_mcp.atlas.question_events import QuestionPosed

TITLE_CHARS = 120
"""Characters of the problem that a summary has."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The row of a run in the list of runs, as far as its records say it.

    Attributes:
        opened_at: Unix seconds.
        updated_at: Unix seconds of the last record.
        status: As recorded: `running` for a run that has not finished, driven or not;
            `interrupted` for one that is driven for a question about it alone.
        workflow: The policy that decides in the run.
        title: The beginning of the problem, on one line.
    """

    opened_at: float
    updated_at: float
    status: Status
    workflow: str
    title: str


def summarize(before: RunSummary | None, records: Iterable[Record]) -> RunSummary:
    """Return the summary of a run that some records were added to.

    Args:
        before: The summary until then; `None` where `records` begin with the first of the run.
        records: The added records, in their order.

    Raises:
        ValueError: There is no summary, and the first record does not open the run.
    """
    summary = before
    for record in records:
        event = record.event
        if summary is None:
            if not isinstance(event, RunOpened):
                raise ValueError("the first record of a run opens it")
            title = " ".join(event.problem.text.split())[:TITLE_CHARS]
            summary = RunSummary(record.at, record.at, "running", event.spec.workflow, title)
        else:
            status = _status_after(event) or summary.status
            if isinstance(event, QuestionPosed) and status == "running":
                # It is taken up for the question alone.
                status = "interrupted"
            summary = replace(summary, updated_at=record.at, status=status)
    if summary is None:
        raise ValueError("a run has at least one record")
    return summary


def _status_after(event: Event) -> Status | None:
    """Return the status that an event gives its run, `None` if it changes none."""
    if isinstance(event, RunFinished):
        return event.status
    reopens = isinstance(event, ExploresPlanned) and event.origin == "client"
    return "running" if reopens or isinstance(event, RunResumed) else None
