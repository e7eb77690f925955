"""The life of a driver: commands until its server is gone, then the rest of its runs."""

from __future__ import annotations

import logging

import anyio

from atlas_mcp.config.settings import ServerSettings
from atlas_mcp.driver.commands import CommandServer
from atlas_mcp.errors import JournalError
from atlas_mcp.runs.demand import Demand
from atlas_mcp.runs.detached.pipes import Pipes
from atlas_mcp.runs.opening import Driving
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)


LAST_STOPS_SECONDS = 5.0
"""Seconds for stops that are still under way when no run is left: one that waits for a frozen
process is on record by then."""


async def serve(driving: Driving, settings: ServerSettings, pipes: Pipes) -> None:
    """Carry out commands until the server is gone, and return once no run is left.

    Args:
        driving: Drives the runs.
        settings: What becomes of runs whose server is gone.
        pipes: Lead to the server.
    """
    engine = driving.engine
    finishes = settings.when_client_leaves == "finish"
    demand = Demand(engine, driving.callers, settings.grace_s, finishes)
    commands, served = CommandServer(engine, pipes), anyio.Event()

    async def take_commands() -> None:
        await commands.serve()
        served.set()

    async with open_task_group() as tasks:
        tasks.start_soon(demand.watch, name="callers")
        tasks.start_soon(take_commands, name="commands")
        # Not after the last stop, which may wait for another process.
        await commands.ended.wait()
        demand.server = commands.owner
        demand.server_gone.set()
        # First: until then calls of runs that nobody wants may begin.
        await demand.look()
        await commands.settled.wait()
        # Again: an opening that was under way may have been too late to be given up.
        await demand.look()
        try:
            await driving.drivers.note_alone()
        except JournalError as error:
            logger.error("that the server is gone could not be stored: %s", error)
        while driven := engine.driven:
            async with engine.follow(driven[0]) as live:
                await live.finished()
        with anyio.move_on_after(LAST_STOPS_SECONDS):
            await served.wait()
        tasks.cancel_scope.cancel("no run is left")
