"""Progress notifications: at every event, and at least every few seconds while anything runs.

The number only rises, as the protocol demands; the message is the status line of the run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

import anyio

if TYPE_CHECKING:
    from atlas_mcp.runs.live import LiveRun

HEARTBEAT_SECONDS = 4.0
"""Seconds between notifications when nothing happens. The contract allows five."""

SETTLE_SECONDS = 0.05
"""Seconds for which news is held back, to be sent together with news that follows at once. The last
news of a run is followed by its result, and clients that read the two in one go forget the request
before they look at the notification: those of the TypeScript SDK log an error then (Claude Code
2.1.332, seen 2026-11-29)."""

Report: TypeAlias = Callable[[float, str], Awaitable[None]]
"""Sends one notification: the number, and the message."""


async def report_progress(live: LiveRun, report: Report) -> None:
    """Report the events of a run until it has ended or is not driven, or the caller cancels this.

    The first message names the run: a client that gives up too early can find it again. The end of
    the run is not reported: it comes with the result, and a report beside the result would reach a
    client that has forgotten the request.

    Args:
        live: The run.
        report: Sends one notification.
    """
    from atlas_mcp.views.status import status_line

    number = 0
    while not live.done and (live.state.finished is None or live.state.open_questions):
        seen = live.changes
        number += 1
        line = status_line(live, now=live.clock.now())
        await report(float(number), f"run {live.run_id} · {line}" if number == 1 else line)
        with anyio.move_on_after(HEARTBEAT_SECONDS):
            await live.changed(seen)
            with anyio.move_on_after(SETTLE_SECONDS):
                await live.finished()
