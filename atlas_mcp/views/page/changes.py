"""Which record changed an explore last, so that a page fetches only what is new to it."""

from __future__ import annotations

from collections.abc import Iterable

from atlas_mcp.atlas.events import (
    CallsLost,
    ExploresPlanned,
    ExploresSkipped,
    Record,
    RunResumed,
    SolverFinished,
    SolverReplied,
    SolverStarted,
)


def last_changes(records: Iterable[Record]) -> dict[int, int]:
    """Return the number of the record that changed an explore last, by explore.

    The loss of calls and a resumption put explores back; which ones is not worked out, so all that
    have given no candidate count as changed.
    """
    changed: dict[int, int] = {}
    settled: set[int] = set()
    for record in records:
        match record.event:
            case ExploresPlanned(planned=planned):
                changed |= {one.explore_id: record.seq for one in planned}
            case ExploresSkipped(explore_ids=numbers):
                changed |= dict.fromkeys(numbers, record.seq)
            case SolverStarted(explore_id=number) | SolverReplied(explore_id=number):
                changed[number] = record.seq
            case SolverFinished(explore_id=number, outcome=outcome):
                changed[number] = record.seq
                if outcome.status != "failed":
                    settled.add(number)
            case CallsLost() | RunResumed():
                changed |= {one: record.seq for one in changed if one not in settled}
            case _:
                pass
    return changed
