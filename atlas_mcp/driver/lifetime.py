"""The life of a driver: commands until its server is gone, then the rest of its runs."""

from __future__ import annotations

import logging

from atlas_mcp.config.settings import ServerSettings
from atlas_mcp.driver.commands import CommandServer
from atlas_mcp.errors import JournalError
from atlas_mcp.runs.demand import Demand
from atlas_mcp.runs.detached.pipes import Pipes
from atlas_mcp.runs.opening import Driving
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)


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
    async with open_task_group() as tasks:
        tasks.start_soon(demand.watch, name="callers")
        commands = CommandServer(engine, pipes)
        await commands.serve()
        demand.server = commands.owner
        demand.server_gone.set()
        # First: until then calls of runs that nobody wants may begin.
        await demand.look()
        try:
            await driving.drivers.note_alone()
        except JournalError as error:
            logger.error("that the server is gone could not be stored: %s", error)
        while driven := engine.driven:
            async with engine.follow(driven[0]) as live:
                await live.finished()
        tasks.cancel_scope.cancel("no run is left")
