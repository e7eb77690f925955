"""Who still wants the runs of this process: callers that wait, or that were promised an answer.

A run is wanted by its callers, in whichever process they are served. Owns the stop of runs that
nobody wants any more; how a run stops is the engine's.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import anyio

from atlas_mcp.errors import AtlasError, JournalError
from atlas_mcp.journal.clients import Callers
from atlas_mcp.runs.engine import Engine

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Seconds between looks at who wants the runs: the process of a caller may be killed."""


@dataclass(slots=True)
class Demand:
    """Stops the runs of an engine that nobody wants.

    Args:
        engine: Drives the runs.
        callers: The tool calls that wait for runs, of all processes.
        grace: Seconds that calls in flight get.
        finishes: Whether runs whose callers were promised an answer go on without their server.

    Attributes:
        server_gone: Set once the server is gone for which this process drives its runs.
        server: The name under which the server has stored its callers; `None` for unknown.
    """

    engine: Engine
    callers: Callers
    grace: float
    finishes: bool
    server_gone: anyio.Event = field(init=False, default_factory=anyio.Event)
    server: str | None = field(init=False, default=None)
    # The last fault of the journal, which is in the log.
    _fault: str = field(init=False, default="")

    async def watch(self) -> None:
        """Look again and again; never returns."""
        while True:
            await anyio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Stop the runs that nobody wants."""
        driven = self.engine.driven
        if not driven:
            return
        gone = self.server_gone.is_set()
        try:
            wanted = await self.callers.wanted(
                driven, promises=self.finishes or not gone, gone=self.server if gone else None
            )
        except JournalError as error:
            if str(error) != self._fault:
                logger.error("the callers of runs could not be read: %s", error)
            self._fault = str(error)
            return
        self._fault = ""
        for run_id in driven:
            # A run without callers was opened for the server as a whole.
            if not wanted.get(run_id, not gone):
                # At each look: its stop may have been lifted for a caller that is gone by now. A
                # stop that is repeated changes nothing.
                await self._stop(run_id)

    async def _stop(self, run_id: str) -> None:
        try:
            await self.engine.stop(run_id, "client", grace=self.grace)
        except AtlasError as error:
            logger.error("run %s, which nobody waits for, could not be stopped: %s", run_id, error)
