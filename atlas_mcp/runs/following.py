"""Runs that other processes drive, brought up to date as they are added to.

Owns how news of a run reach those who watch it here. When there are news is the journal's to find.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Records
from atlas_mcp.runs.live import LiveRun

logger = logging.getLogger(__name__)


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
