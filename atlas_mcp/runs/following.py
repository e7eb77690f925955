"""Runs that other processes drive, brought up to date as they are added to.

Owns how news of a run reach those who watch it here. When there are news is the journal's to find.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Leases, Records
from atlas_mcp.runs.clock import RunClock
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)


@asynccontextmanager
async def following(
    run_id: str,
    records: Records,
    leases: Leases,
    state: Callable[[str], Awaitable[RunState]],
) -> AsyncGenerator[LiveRun]:
    """Show a run by its records for the length of a block, while another process drives it or none.

    Args:
        run_id: The run.
        records: Where its records are.
        leases: Know whether it is driven.
        state: Gives the state of a run by its records.

    Raises:
        UnknownRun: There is no such run.
    """
    # Asked first: a run that ends in between must not look as if its process had died.
    driven = await leases.is_driven(run_id)
    by_records = await state(run_id)
    live = LiveRun(run_id, by_records, done=not driven, clock=RunClock(by_records.at))
    if not driven:
        yield live
        return
    async with open_task_group() as tasks:
        tasks.start_soon(follow, live, records, name=f"follow {run_id}")
        yield live
        tasks.cancel_scope.cancel("the run is not looked at any more")


async def follow(live: LiveRun, records: Records) -> None:
    """Bring a run that another process drives up to date until no process drives it.

    Args:
        live: The run.
        records: Where its records are.

    Raises:
        JournalError: They cannot be read.
    """
    async with aclosing(records.follow(live.run_id, after=live.state.seq)) as news:
        async for progress in news:
            if live.done:
                return
            state = live.state.read_on(progress.records)
            live.follow_up(state, driven=progress.driven)


async def follow_on(
    live: LiveRun, records: Records, state: Callable[[str], Awaitable[RunState]]
) -> None:
    """Show a run on to those who wait for it here, after another process has taken it over.

    Args:
        live: The run.
        records: Where its records are.
        state: Gives the state of a run by its records.
    """
    try:
        live.publish(await state(live.run_id))
        await follow(live, records)
    except JournalError as error:
        logger.error("run %s can be watched no longer: %s", live.run_id, error)
