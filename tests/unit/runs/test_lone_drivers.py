"""Drivers whose servers are gone are found with the runs that they go on with."""

from __future__ import annotations

import pytest

from atlas_mcp.runs.lone_drivers import LoneDriver, find_lone_drivers
from atlas_mcp.testing.journal_conformance import first_record
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


async def test_only_drivers_without_a_server_that_still_drive_a_run_are_found(
    store: MemoryStore,
) -> None:
    lone, idle, served, command = (MemoryJournal(store, clock=lambda: 50.0) for _ in range(4))
    for pid, journal in enumerate((lone, idle, served), start=1):
        await journal.announce_driver(pid, "1.0")
    for journal, run_id in ((lone, "a"), (lone, "b"), (served, "c"), (command, "d")):
        await journal.open_run(run_id, first_record(at=float(ord(run_id))))
    released = await lone.open_run("left", first_record())
    await lone.release(released)
    assert await find_lone_drivers(command, command) == ()
    for journal in (lone, idle):
        await journal.note_alone()

    assert await find_lone_drivers(command, command) == (LoneDriver(1, 50.0, ("b", "a")),)
