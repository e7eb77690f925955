"""The processes that go on with runs though the server that started them is gone."""

from __future__ import annotations

from dataclasses import dataclass

from atlas_mcp.journal.base import RunIndex
from atlas_mcp.journal.clients import Drivers


@dataclass(frozen=True, slots=True)
class LoneDriver:
    """A process without a server, with runs that it goes on with.

    Attributes:
        pid: Its process id.
        since: Since when its server is gone, in Unix seconds.
        run_ids: The runs, newest first; one at least.
    """

    pid: int
    since: float
    run_ids: tuple[str, ...]


async def find_lone_drivers(drivers: Drivers, index: RunIndex) -> tuple[LoneDriver, ...]:
    """Return the drivers without a server that still drive runs, oldest first."""
    alone = {
        entry.owner: (entry.pid, entry.alone_since)
        for entry in await drivers.drivers()
        if entry.alone_since is not None
    }
    if not alone:
        return ()
    driven = [run for run in await index.list_runs(limit=None) if run.driven]
    found = [
        LoneDriver(pid, since, tuple(run.run_id for run in driven if run.owner == owner))
        for owner, (pid, since) in alone.items()
    ]
    return tuple(one for one in found if one.run_ids)
