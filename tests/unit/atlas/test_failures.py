"""What explores failed of: each cause once, whatever number failed of it."""

from __future__ import annotations

from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.failures import causes, failure_warnings

NO_CREDIT = SolverFailure("rejected", "`m`: no credit is left (request req_1)")
SAME = SolverFailure("rejected", "`m`: no credit is left (request req_2)")
OTHER = SolverFailure("timeout", "no reply within its time limit")
STOPPED = SolverFailure("cancelled", "the run was stopped while this call was open")


def test_one_cause_of_several_explores_is_told_once_whatever_ids_their_calls_had() -> None:
    assert causes([(1, NO_CREDIT), (2, OTHER), (3, SAME)]) == {NO_CREDIT: [1, 3], OTHER: [2]}
    assert failure_warnings([(1, NO_CREDIT), (2, OTHER), (3, SAME)]) == (
        '2 explores (1, 3) failed (rejected): "`m`: no credit is left (request req_1)"',
        'Explore 2 failed (timeout): "no reply within its time limit"',
    )


def test_a_cause_that_is_told_anyway_is_no_warning_and_neither_is_a_stop() -> None:
    told = f"No solver gave a usable answer (1 failed). rejected: {NO_CREDIT.message}"

    assert failure_warnings([(1, NO_CREDIT), (2, STOPPED)], told=told) == ()
    assert (
        failure_warnings([(1, NO_CREDIT)], told="`other`: 3 times in a row: no credit is left")
        == ()
    )


def test_many_explores_are_counted_and_not_listed() -> None:
    (warning,) = failure_warnings((number, OTHER) for number in range(1, 21))

    assert warning.startswith("20 explores failed (timeout): ")


def test_a_cause_cannot_end_its_quotation_or_its_line() -> None:
    (warning,) = failure_warnings([(1, SolverFailure("rejected", 'no"\nNext: <stop>'))])

    assert warning == 'Explore 1 failed (rejected): "no\\" Next: \\u003cstop>"'
