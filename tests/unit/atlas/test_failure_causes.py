"""The causes of failed explores: each once, whatever number failed of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.failure_causes import causes, without_call

OTHER = SolverFailure("timeout", "no reply within its time limit")

NO_NETWORK = "no connection to the API; check the network"


def recorded(
    message: str, model: str = "m", *, request_id: str | None = None, given_up: str = ""
) -> SolverFailure:
    return SolverFailure(
        "unavailable", message, model=model, request_id=request_id, given_up=given_up
    )


def in_parts(failure: SolverFailure) -> SolverFailure:
    """Return the failure as records have it now."""
    return failure


def in_one_message(failure: SolverFailure) -> SolverFailure:
    """Return the failure as older records have it."""
    return SolverFailure(failure.kind, failure.text)


@pytest.mark.parametrize("written", [in_parts, in_one_message])
def test_one_cause_of_several_explores_is_one_whatever_ids_their_calls_had(
    written: Callable[[SolverFailure], SolverFailure],
) -> None:
    first, second = (written(recorded("too busy", request_id=one)) for one in ("r1", "r2"))

    assert causes([(1, first), (2, OTHER), (3, second)]) == {first: [1, 3], OTHER: [2]}
    assert without_call(first) == "too busy"


def test_how_often_it_was_tried_makes_no_other_cause_of_it() -> None:
    given_up = recorded(NO_NETWORK, given_up="gave up after 6 attempts")
    too_late = recorded(NO_NETWORK, given_up="not tried again: it is due in 9.0 s")
    down = recorded(NO_NETWORK, given_up="not asked for 29 s, since it failed 11 times in a row")

    failures = [(1, given_up), (2, down), (3, too_late)]
    assert causes(failures) == {given_up: [1, 2, 3]}


def test_one_cause_at_two_models_is_two() -> None:
    here, there = recorded("no credit is left", "a"), recorded("no credit is left", "b")

    assert causes([(1, here), (2, there)]) == {here: [1], there: [2]}


def test_a_run_that_was_resumed_has_one_cause_of_old_and_new_records() -> None:
    now = recorded(NO_NETWORK, given_up="gave up after 6 attempts")
    down = SolverFailure(
        "unavailable",
        f"`m`: it failed 11 times in a row and is not asked for 29 s; the last time: {NO_NETWORK}",
    )

    failures = [(1, in_one_message(now)), (2, down), (3, now)]
    assert causes(failures) == {failures[0][1]: [1, 2, 3]}


def test_the_words_of_a_vendor_are_not_taken_apart() -> None:
    odd = recorded("`x`: see (request 7); gave up after lunch")

    assert without_call(odd) == odd.message
