"""Checks of `Tasks`: a task is found by every process, for as long as its run is there."""

from __future__ import annotations

from atlas_mcp.journal.base import TaskEntry
from atlas_mcp.testing.journal_conformance import (
    Check,
    Stand,
    checks_of,
    first_record,
    opened,
)


async def check_30_tasks_are_found_by_every_process(stand: Stand) -> None:
    """Several tasks may stand for one run. An unknown id gives `None`."""
    one, two = TaskEntry("task-1", "r", 5.0), TaskEntry("task-2", "r", 6.5)
    async with opened(stand) as journal:
        await journal.open_run("r", first_record())
        await journal.add_task(one)
        await journal.add_task(two)
    async with opened(stand) as other:
        assert await other.find_task("task-1") == one
        assert await other.find_task("task-2") == two
        assert await other.find_task("task") is None
        assert await other.find_task("r") is None


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
