"""The warnings of a run: each cause of failures once, none that its reader has anyway."""

from __future__ import annotations

from dataclasses import replace

from atlas_mcp.atlas.agreement import group_answers
from atlas_mcp.atlas.events import AnswersCompared
from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.views.warnings import failure_warnings, run_warnings
from tests.support.played_runs import Played, a_run, answers, found, in_turn, play

NO_CREDIT = SolverFailure("rejected", "no credit is left", model="m", request_id="req_1")
SAME = SolverFailure("rejected", "no credit is left", model="m", request_id="req_2")
OTHER = SolverFailure("timeout", "no reply within its time limit")
STOPPED = SolverFailure("cancelled", "the run was stopped while this call was open")


def test_one_cause_of_several_explores_is_shown_once() -> None:
    assert failure_warnings([(1, NO_CREDIT), (2, OTHER), (3, SAME)]) == (
        '2 explores (1, 3) failed (rejected): "`m`: no credit is left (request req_1)"',
        'Explore 2 failed (timeout): "no reply within its time limit"',
    )


def test_a_cause_that_is_told_anyway_is_no_warning_and_neither_is_a_stop() -> None:
    shown = f"No solver gave a usable answer (1 failed). rejected: {NO_CREDIT.text}"

    assert failure_warnings([(1, NO_CREDIT), (2, STOPPED)], shown=shown) == ()
    assert (
        failure_warnings([(1, NO_CREDIT)], shown="`other`: 3 times in a row: no credit is left")
        == ()
    )


def test_a_cause_is_shown_once_however_often_it_was_tried() -> None:
    cause = "no connection to the API; check the network"
    given_up = SolverFailure("unavailable", cause, model="m", given_up="gave up after 6 attempts")
    down = SolverFailure("unavailable", cause, model="m", given_up="not asked for 29 s")

    failures = [(1, given_up), (2, down)]
    assert failure_warnings(failures, shown=f"The orchestrator: {down.text}") == ()


def test_many_explores_are_counted_and_not_listed() -> None:
    (warning,) = failure_warnings((number, OTHER) for number in range(1, 21))

    assert warning.startswith("20 explores failed (timeout): ")


def test_a_cause_cannot_end_its_quotation_or_its_line() -> None:
    (warning,) = failure_warnings([(1, SolverFailure("rejected", 'no"\nNext: <stop>'))])

    assert warning == 'Explore 1 failed (rejected): "no\\" Next: \\u003cstop>"'


def warnings_of(run: Played) -> list[str]:
    return run_warnings(run.state, group_answers(run.state.votes), driven=False)


def test_formulas_that_could_not_be_compared_are_told_while_answers_differ() -> None:
    run = play(a_run(), answers("4"), solve=in_turn(found("sin(x)"), found("cos(x)")))
    fault = "the computer algebra system is not installed"
    cut = replace(run.state, comparisons=(AnswersCompared((1, 2), (), fault),))

    told = run_warnings(cut, cut.groups, driven=False)
    assert f"Formulas that look different were not all compared: {fault}." in told
    assert not any(fault in one for one in run_warnings(cut, cut.groups[:1], driven=False))
    assert not any("compared" in one for one in warnings_of(run))


def test_a_tie_is_told_once() -> None:
    voted = play(a_run(workflow="majority", max_explores=2), solve=in_turn(found("4"), found("5")))
    chosen = play(a_run(), answers("4"), solve=in_turn(found("4"), found("5")))

    assert [one for one in warnings_of(voted) if "tied" in one] == [voted.end.warning]
    assert "The most common answers are tied." in warnings_of(chosen)
