"""The records of a run's own course, without those of questions about it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from atlas_mcp.atlas.call_names import question_call, solver_call
from atlas_mcp.atlas.events import (
    AttemptFailed,
    CallsLost,
    DayCapReached,
    Event,
    Record,
    RunResumed,
    StopCause,
    StopRequested,
)
from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.usage import Charge
from atlas_mcp.views.page.own_records import own_records
from tests.support.page_documents import document_of, eventful
from tests.support.played_runs import Played, followed_by, posed

STOPS: tuple[StopCause, ...] = ("client", "user", "shutdown")
CAP = DayCapReached(Decimal(1), Decimal(2))
FAILURE = SolverFailure("unavailable", "busy")


def events_of(records: Sequence[Record]) -> list[Event]:
    return [one.event for one in own_records(records)]


def test_a_run_without_questions_is_all_its_own() -> None:
    records = eventful().records

    assert list(own_records(records)) == list(records)


def test_a_question_about_a_run_that_has_ended_is_none_of_its_course() -> None:
    run = eventful()
    retried = AttemptFailed(question_call(1), 1, FAILURE, Charge(), 9.0)
    for stop in STOPS:
        records = followed_by(posed(run), CAP, retried, StopRequested(stop), CallsLost(), at=9e9)

        assert list(own_records(records)) == list(run.records)
        before, after = document_of(run.records), document_of(records)
        assert (after.decisions, after.timeline) == (before.decisions, before.timeline)


def test_a_run_that_rests_is_ended_by_its_user_alone() -> None:
    run = eventful()
    resting = posed(Played(run.records[:3], live=run.live[:3]))
    for stop in STOPS:
        own = events_of(followed_by(resting, StopRequested(stop), CallsLost()))

        assert (StopRequested(stop) in own) == (stop == "user")
        assert own[:3] == [one.event for one in run.records[:3]]


def test_a_run_that_goes_on_has_stops_of_its_own_again() -> None:
    resumed = followed_by(posed(eventful()), RunResumed("Go on.", max_explores=9))
    retried = AttemptFailed(solver_call(1), 1, FAILURE, Charge(), 9.0)
    later: tuple[Event, ...] = (retried, CAP, StopRequested("user"), CallsLost())

    assert events_of(followed_by(resumed, *later))[-4:] == list(later)
