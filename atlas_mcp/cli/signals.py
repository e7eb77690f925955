"""Signals that end a command: its work is cancelled, clean-up runs, then the command ends."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence

import anyio

from atlas_mcp.errors import AtlasError
from atlas_mcp.system.signals import ending_signals, open_signals
from atlas_mcp.system.this_process import leave
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

END_SECONDS = 5.0
"""Seconds for clean-up after a signal; clean-up that still waits for a disk by then is given up."""


class Interrupted(AtlasError):
    """A signal ended the command.

    Attributes:
        driven: The runs that ended with it, and can be resumed.
    """

    def __init__(self, message: str, driven: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.driven = tuple(driven)


async def until_signal(work: Callable[[anyio.CancelScope], Awaitable[None]]) -> None:
    """Run `work` until it ends or a signal comes.

    Args:
        work: Gets the scope that a signal cancels. Its work outside of that scope is clean-up: a
            second signal does not wait for it, and it gets `END_SECONDS` in any case.
    """
    stop = anyio.CancelScope()

    async def end_in_time() -> None:
        await anyio.sleep(END_SECONDS)
        logger.warning(
            "clean-up took longer than %.0f s after a signal and was given up; the evidence "
            "of runs is kept as far as the journal took it",
            END_SECONDS,
        )
        leave(130)

    async def watch() -> None:
        with open_signals(*ending_signals()) as signals:
            async for number in signals:
                # A terminal that is closed says so more than once: its shell, then the system.
                if stop.cancel_called and number in (signal.SIGINT, signal.SIGTERM):
                    os._exit(130)
                if not stop.cancel_called:
                    tasks.start_soon(end_in_time, name="end")
                stop.cancel("signal")

    async with open_task_group() as tasks:
        tasks.start_soon(watch, name="signals")
        await work(stop)
        tasks.cancel_scope.cancel("the work is done")
