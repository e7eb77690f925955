"""Progress notifications: at every event, and at least every few seconds while anything runs.

The number only rises, as the protocol demands; the message is what a person wants to know.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

import anyio

if TYPE_CHECKING:
    from atlas_mcp.runs.live import LiveRun

HEARTBEAT_SECONDS = 4.0
"""Seconds between notifications when nothing happens. The contract allows five."""

Report: TypeAlias = Callable[[float, str], Awaitable[None]]
"""Sends one notification: the number, and the message."""


async def report_progress(live: LiveRun | None, report: Report) -> None:
    """Report what happens to a run until it ends or the caller cancels this.

    Args:
        live: The run; `None` where another process drives it, and only the time can be told.
        report: Sends one notification.
    """
    from atlas_mcp.runs.status import status_line

    number = 0
    while live is None:
        number += 1
        seconds = (number - 1) * HEARTBEAT_SECONDS
        await report(float(number), f"driven by another process, waited {seconds:.0f} s")
        await anyio.sleep(HEARTBEAT_SECONDS)
    while True:
        seen = live.changes
        number += 1
        await report(float(number), status_line(live, now=time.time()))
        if live.done:
            return
        with anyio.move_on_after(HEARTBEAT_SECONDS):
            await live.changed(seen)
