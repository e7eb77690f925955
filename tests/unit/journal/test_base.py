"""The seam to the store of runs: eight parts without a method in common, and values."""

from __future__ import annotations

from inspect import getmro
from itertools import combinations

import pytest

from atlas_mcp.journal.base import (
    Journal,
    Lease,
    Leases,
    ListedRun,
    LiveRequest,
    Records,
    RunIndex,
    Spending,
    Tasks,
)
from atlas_mcp.journal.clients import Callers, Drivers, Patience

PARTS = (Records, Leases, RunIndex, Tasks, Spending, Callers, Drivers, Patience)


def methods(part: type) -> set[str]:
    return {name for name in vars(part) if not name.startswith("_")}


def test_no_method_is_in_two_parts() -> None:
    for one, other in combinations(PARTS, 2):
        assert methods(one).isdisjoint(methods(other))


def test_a_journal_is_all_its_parts_and_can_be_closed() -> None:
    assert set(PARTS) < set(getmro(Journal))
    assert methods(Journal) == {"aclose"}


def test_a_lease_is_the_same_as_long_as_its_fence_is() -> None:
    assert Lease("r", 1) == Lease("r", 1) != Lease("r", 2)
    with pytest.raises(AttributeError):
        Lease("r", 1).fence = 2  # pyright: ignore[reportAttributeAccessIssue] - it is what is tested


def test_a_request_without_a_grace_gives_none() -> None:
    assert LiveRequest("user") == LiveRequest("user", 0.0) != LiveRequest(None)


def test_a_listed_run_begins_with_its_summary() -> None:
    run = ListedRun(1.0, 2.0, "answered", "atlas", "How?", run_id="r", size_bytes=9, driven=False)

    assert (run.opened_at, run.updated_at, run.title) == (1.0, 2.0, "How?")
