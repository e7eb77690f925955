"""States of the runs that were read last, so that a further look reads only newer records.

Records are only ever added, so a state can be read on from its last record. Nothing is decided on
these states: a process that claims a run reads it anew, under its lease.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from atlas_mcp.atlas.state import RunState
from atlas_mcp.journal.base import Records

STATES_KEPT = 8
"""Runs that are kept. Most take less than a megabyte, the largest some tens."""

KEPT_SECONDS = 60.0
"""Seconds for which a run is kept after a look: longer than clients wait between two polls."""


@dataclass(slots=True)
class _Look:
    at: float
    state: RunState | None = None
    # Keeps the invariant that records are read once, when several look at a run at the same time.
    lock: anyio.Lock = field(default_factory=anyio.Lock)


@dataclass(slots=True)
class RecentStates:
    """States of runs as they were last read."""

    journal: Records
    _looks: dict[str, _Look] = field(init=False, default_factory=dict[str, _Look])

    async def state(self, run_id: str) -> RunState:
        """Return the present state of a run.

        Raises:
            UnknownRun: There is no such run.
            JournalError: It cannot be read.
        """
        # Taken out and put back, so that the first is the one that was looked at longest ago.
        look = self._looks.pop(run_id, None) or _Look(0.0)
        look.at = anyio.current_time()
        self._looks[run_id] = look
        self._keep_few()
        async with look.lock:
            try:
                before = look.state
                records = await self.journal.read(run_id, after=0 if before is None else before.seq)
                state = RunState.fold(records) if before is None else before.read_on(records)
            except BaseException:
                # The run was removed, or another one has its id now.
                if self._looks.get(run_id) is look:
                    del self._looks[run_id]
                raise
            look.state = state
            return state

    def keep(self, run_id: str, state: RunState) -> None:
        """Keep the state of a run whose records are all stored: its next look reads newer ones."""
        self._looks[run_id] = _Look(anyio.current_time(), state)
        self._keep_few()

    def forget(self) -> None:
        """Drop the states of runs that were not looked at for a while."""
        before = anyio.current_time() - KEPT_SECONDS
        for run_id, look in list(self._looks.items()):
            if look.at < before:
                del self._looks[run_id]

    def _keep_few(self) -> None:
        while len(self._looks) > STATES_KEPT:
            del self._looks[next(iter(self._looks))]
