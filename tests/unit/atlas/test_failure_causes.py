"""The causes of failed explores: each once, whatever number failed of it."""

from __future__ import annotations

from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.failure_causes import causes

NO_CREDIT = SolverFailure("rejected", "`m`: no credit is left (request req_1)")
SAME = SolverFailure("rejected", "`m`: no credit is left (request req_2)")
OTHER = SolverFailure("timeout", "no reply within its time limit")


def test_one_cause_of_several_explores_is_one_whatever_ids_their_calls_had() -> None:
    assert causes([(1, NO_CREDIT), (2, OTHER), (3, SAME)]) == {NO_CREDIT: [1, 3], OTHER: [2]}


def test_how_often_it_was_tried_makes_no_other_cause_of_it() -> None:
    cause = "no connection to the API; check the network"
    given_up = SolverFailure("unavailable", f"`m`: {cause}; gave up after 6 attempts")
    too_late = SolverFailure("unavailable", f"`m`: {cause}; not tried again: it is due in 9.0 s")
    down = SolverFailure(
        "unavailable",
        f"`m`: it failed 11 times in a row and is not asked for 29 s; the last time: {cause}",
    )

    failures = [(1, given_up), (2, down), (3, too_late)]
    assert causes(failures) == {given_up: [1, 2, 3]}
