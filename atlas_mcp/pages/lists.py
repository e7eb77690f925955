"""Documents about many runs: the list and its search, the statistics, two runs compared.

A list is asked for again and again while runs go on. Runs that have changed are read before, which
takes a while each; so it is done for a short time, and once for all tabs that ask together.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import anyio

from atlas_mcp.off_loop import off_loop
from atlas_mcp.views.page.comparison import compare_document
from atlas_mcp.views.page.run_list import runs_document
from atlas_mcp.views.page.statistics import stats_document

if TYPE_CHECKING:
    from pydantic import BaseModel

    from atlas_mcp.runs.service import RunService

SAME_SECONDS = 1.0
"""Seconds for which a document is given to others that ask for the same."""

LIST_PATIENCE = 0.2
"""Seconds for which changed runs are read before the newest are listed; of the others the title,
the status and the times are known."""

SEARCH_PATIENCE = 1.0
"""Seconds for which they are read before a search, which does not find the others."""

STATS_PATIENCE = 2.0
"""Seconds for which they are read before all runs are added up."""


@dataclass(slots=True)
class Lists:
    """The documents about many runs of one service."""

    _made: dict[Hashable, tuple[float, bytes]] = field(
        default_factory=dict["Hashable", "tuple[float, bytes]"]
    )
    # Keeps the invariant that a document is made once for all who ask, and one after the other.
    _lock: anyio.Lock = field(default_factory=anyio.Lock)

    async def found(self, service: RunService, text: str, *, limit: int, offset: int) -> bytes:
        """Return the runs that a search finds; without a text the newest.

        Args:
            service: Has the runs.
            text: The words.
            limit: Most runs.
            offset: Runs left out before the first.
        """

        async def make() -> bytes:
            patience = SEARCH_PATIENCE if text.strip() else LIST_PATIENCE
            found = await service.search(text, limit=limit, offset=offset, patience=patience)
            return await _encoded(partial(runs_document, found, time.time()))

        return await self._shared((text, limit, offset), make)

    async def stats(self, service: RunService) -> bytes:
        """Return all runs, added up."""

        async def make() -> bytes:
            found = await service.statistics(patience=STATS_PATIENCE)
            return await _encoded(partial(stats_document, found, time.time()))

        return await self._shared("stats", make)

    async def compared(self, service: RunService, one: str, other: str) -> bytes:
        """Return two runs side by side.

        Raises:
            UnknownRun: One of them does not exist.
        """
        runs = await service.look(one), await service.look(other)
        return await _encoded(partial(compare_document, *runs))

    async def _shared(self, key: Hashable, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the document that `make` gives, or one of the same that was made just before."""
        async with self._lock:
            now = anyio.current_time()
            recent = {one: each for one, each in self._made.items() if now < each[0] + SAME_SECONDS}
            if key not in recent:
                document = await make()
                recent[key] = (anyio.current_time(), document)
            self._made = recent
            return recent[key][1]


async def _encoded(make: Callable[[], BaseModel]) -> bytes:
    return await off_loop("pages", lambda: make().model_dump_json().encode())
