"""Signals that end a command: its work is cancelled, clean-up runs, then the command ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable

import anyio

from atlas_mcp.errors import AtlasError
from atlas_mcp.system import ending_signals, open_signals
from atlas_mcp.task_groups import open_task_group


class Interrupted(AtlasError):
    """A signal ended the command."""


async def until_signal(work: Callable[[anyio.CancelScope], Awaitable[None]]) -> None:
    """Run `work` until it ends or a signal comes.

    Args:
        work: Gets the scope that a signal cancels. What it does outside of that scope is clean-up,
            which a second signal does not wait for.
    """
    stop = anyio.CancelScope()

    async def watch() -> None:
        with open_signals(*ending_signals()) as signals:
            async for number in signals:
                # A terminal that is closed says so more than once: its shell, then the system.
                if stop.cancel_called and number in (signal.SIGINT, signal.SIGTERM):
                    os._exit(130)
                stop.cancel("signal")

    async with open_task_group() as tasks:
        tasks.start_soon(watch, name="signals")
        await work(stop)
        tasks.cancel_scope.cancel("the work is done")
