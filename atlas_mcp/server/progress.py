"""Progress notifications: at every event, and at least every few seconds while anything runs.

The number only rises, as the protocol demands; the message is what a person wants to know.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

import anyio

if TYPE_CHECKING:
    from atlas_mcp.runs.live import LiveRun

HEARTBEAT_SECONDS = 4.0
"""Seconds between notifications when nothing happens. The contract allows five."""

Report: TypeAlias = Callable[[float, str], Awaitable[None]]
"""Sends one notification: the number, and the message."""


async def report_progress(live: LiveRun, report: Report) -> None:
    """Report what happens to a run until it has ended, nobody drives it or the caller cancels this.

    The first message names the run: a client that gives up too early can find it again. Its end is
    the result's to tell: what comes beside that finds a client that has forgotten the request.

    Args:
        live: The run.
        report: Sends one notification.
    """
    from atlas_mcp.runs.status import status_line

    number = 0
    while not live.done and live.state.finished is None:
        seen = live.changes
        number += 1
        line = status_line(live, now=live.clock.now())
        await report(float(number), f"run {live.run_id} · {line}" if number == 1 else line)
        with anyio.move_on_after(HEARTBEAT_SECONDS):
            await live.changed(seen)
