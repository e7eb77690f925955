"""The documents of runs as JSON, made off the event loop, and made once for all tabs that ask.

Owns the records that the documents of a few runs were made from, so that a further look reads only
newer ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import anyio

from atlas_mcp.off_loop import off_loop
from atlas_mcp.views.page.document import page_document

if TYPE_CHECKING:
    from collections.abc import Hashable

    from atlas_mcp.atlas.events import Record
    from atlas_mcp.runs.live import LiveRun
    from atlas_mcp.runs.service import RunService
    from atlas_mcp.runs.snapshot import RunSnapshot
    from atlas_mcp.views.page.shapes import PageDocument

Records: TypeAlias = "tuple[Record, ...]"
"""The records of a run, in order."""

RUNS_KEPT = 8
"""Runs whose records are kept. Most take less than a megabyte, the largest some tens."""

KEPT_SECONDS = 60.0
"""Seconds after the last look for which they are kept: longer than a page waits between polls."""

SAME_SECONDS = 0.5
"""Seconds for which a document is given to other tabs as well, if nothing has changed."""

TICK_SECONDS = 2.0
"""Seconds between looks at what is on no record: tokens that arrive, a place in line."""

SETTLE_SECONDS = 0.1
"""Seconds after a change for those that come with it, so that they are one answer."""

LOOK_SECONDS = 1.0
"""Seconds between looks at a run that no process drives: a command line may resume it."""


class Made(NamedTuple):
    """A document, and the same as JSON."""

    document: PageDocument
    json: bytes


@dataclass(slots=True)
class _Kept:
    looked_at: float
    records: Records = ()
    made: dict[Hashable, tuple[float, Made]] = field(
        default_factory=dict["Hashable", "tuple[float, Made]"]
    )
    # Keeps the invariant that records are read once, and a document is made once, for all who ask.
    lock: anyio.Lock = field(default_factory=anyio.Lock)


@dataclass(frozen=True, slots=True)
class Known:
    """What a page knows of a run.

    Attributes:
        since: The last record in its document; 0 for none.
        live: Whether there will be news of the run, as its document says; `None` where the page
            does not tell.
    """

    since: int = 0
    live: bool | None = None


class Documents:
    """The documents of the runs of one service."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    @property
    def kept(self) -> tuple[str, ...]:
        """The runs whose records are kept, the one that was looked at longest ago first."""
        return tuple(self._kept)

    async def awaited(
        self, service: RunService, run_id: str, known: Known, *, wait_s: float = 0.0
    ) -> Made:
        """Return the document of a run once it has news, or after `wait_s` seconds.

        Raises:
            UnknownRun: There is no such run.
            JournalError: It cannot be read.
        """
        if wait_s > 0:
            with anyio.move_on_after(wait_s):
                await self.news(service, run_id, known)
        return await self.document(service, run_id, known.since)

    async def document(self, service: RunService, run_id: str, since: int = 0) -> Made:
        """Return the document of a run as it is now.

        Args:
            service: Has the run.
            run_id: The run.
            since: The last record that the page knows of; 0 for none.

        Raises:
            UnknownRun: There is no such run.
            JournalError: It cannot be read.
        """
        async with service.watching(run_id) as live:
            run = live.snapshot()
        kept = self._look(run_id)
        async with kept.lock:
            records = await self._read(service, run_id, kept, run.state.seq)
            key = (since, len(records), run.driven, run.waiting, tuple(run.tokens.items()))
            now = anyio.current_time()
            recent = {one: made for one, made in kept.made.items() if now < made[0] + SAME_SECONDS}
            if key not in recent:
                made = await off_loop("pages", partial(_made, records, run, since))
                recent[key] = (now, made)
            kept.made = recent
            return recent[key][1]

    async def news(self, service: RunService, run_id: str, known: Known) -> None:
        """Return once there is something that a page does not know of a run.

        Raises:
            UnknownRun: There is no such run.
            JournalError: It cannot be read.
        """
        while True:
            async with service.watching(run_id) as live:
                if await self._has_news(service, live, known):
                    return
            await anyio.sleep(LOOK_SECONDS)

    async def _has_news(self, service: RunService, live: LiveRun, known: Known) -> bool:
        """Return true once a run has news, and false once no process drives it."""
        unrecorded = _unrecorded(live)
        while True:
            changes, stored, done = live.changes, live.stored, live.done
            if known.live not in {None, live.snapshot().live}:
                return True
            if live.state.seq > known.since and await self._is_stored(service, live, known.since):
                return True
            if done:
                return False
            with anyio.move_on_after(TICK_SECONDS):
                await live.news(changes, stored)
                await anyio.sleep(SETTLE_SECONDS)
            if live.done or _unrecorded(live) != unrecorded:
                return True

    async def _is_stored(self, service: RunService, live: LiveRun, since: int) -> bool:
        """Return whether a run has a record after `since`; its state may be ahead of them."""
        kept = self._look(live.run_id)
        async with kept.lock:
            records = await self._read(service, live.run_id, kept, since + 1)
        return bool(records) and records[-1].seq > since

    async def _read(self, service: RunService, run_id: str, kept: _Kept, seq: int) -> Records:
        """Return the records of a run; newer ones are read unless `seq` is there already."""
        last = kept.records[-1].seq if kept.records else 0
        if last >= seq > 0:
            return kept.records
        try:
            kept.records += await service.records.read(run_id, after=last)
        except BaseException:
            # It was removed, or another run has its id now.
            self._kept.pop(run_id, None)
            raise
        return kept.records

    def _look(self, run_id: str) -> _Kept:
        # Taken out and put back, so that the first is the one that was looked at longest ago.
        now = anyio.current_time()
        kept = self._kept.pop(run_id, None) or _Kept(now)
        kept.looked_at = now
        for other, each in list(self._kept.items()):
            if len(self._kept) >= RUNS_KEPT or each.looked_at + KEPT_SECONDS < now:
                del self._kept[other]
        self._kept[run_id] = kept
        return kept


def _unrecorded(live: LiveRun) -> Hashable:
    """Return what a page shows of a run that is on no record."""
    return live.waiting, tuple(live.tokens.items())


def _made(records: Records, run: RunSnapshot, since: int) -> Made:
    document = page_document(records, run, since=since)
    return Made(document, document.model_dump_json().encode())
