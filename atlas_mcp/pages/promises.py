"""The runs that pages have had go on: wanted until they have ended, whatever becomes of the tab.

A server stops a run whose callers have all gone. A page that asks for more is a caller too, and it
is answered at once: with the promise that the run goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atlas_mcp.runs.callers import RunCaller
    from atlas_mcp.runs.service import RunService

MOST_KEPT = 1_000
"""Promises that are known here; older ones are kept in the journal alone."""


class Promises:
    """The promises of one process, by run."""

    def __init__(self) -> None:
        self._kept: dict[RunCaller, None] = {}

    async def make(self, service: RunService, caller: RunCaller) -> None:
        """Note that a run goes on for a page, which does not wait for it."""
        await service.callers.promise(caller)
        service.callers.told(caller)
        self._kept[caller] = None
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    async def fulfil(self, service: RunService, run_id: str) -> None:
        """Note that a page was shown the end of a run, unless that goes on again by now."""
        promised = [one for one in self._kept if one.run_id == run_id]
        # Looked at after that: a promise that is made meanwhile is about what follows.
        if not promised or (await service.look(run_id)).driven:
            return
        for caller in promised:
            if caller in self._kept:
                del self._kept[caller]
                await service.callers.part(caller)
