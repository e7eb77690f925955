"""How much one process carries, by what it has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.models.call_slots import MOST_CALLS
from atlas_mcp.runs.capacity import OWN_FILES, Capacity, capacity_of

MACOS = 256
"""Descriptors that macOS gives a process, unless it asks for more."""


def test_nothing_but_the_operators_limit_holds_where_there_is_plenty() -> None:
    found = capacity_of(100_000, None, max_runs=300, serves=False)

    assert found == Capacity(runs=300, calls=MOST_CALLS, clients=0)


def test_no_more_runs_are_carried_than_calls_have_descriptors() -> None:
    found = capacity_of(MACOS, None, max_runs=1_000, serves=False)

    assert found.runs == found.calls == 128


def test_clients_over_http_get_half_of_the_descriptors() -> None:
    found = capacity_of(MACOS, None, max_runs=1_000, serves=True)

    assert (found.clients, found.calls) == (96, 64)


def test_a_small_machine_carries_fewer_runs() -> None:
    assert capacity_of(100_000, 256_000_000, max_runs=1_000, serves=False).runs == 128


@given(
    st.integers(1, 1_100_000),
    st.none() | st.integers(1, 2**40),
    st.integers(1, 5_000),
    st.booleans(),
)
def test_there_is_always_room_for_one_and_never_for_more_than_descriptors(
    files: int, memory: int | None, max_runs: int, serves: bool
) -> None:
    found = capacity_of(files, memory, max_runs=max_runs, serves=serves)

    assert 1 <= found.runs <= min(max_runs, found.calls)
    if files > OWN_FILES + 4:
        assert found.calls + found.clients + OWN_FILES <= files
