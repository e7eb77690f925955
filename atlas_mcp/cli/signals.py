"""Ctrl-C and SIGTERM for a command: work is cancelled, clean-up runs, then the command ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from atlas_mcp.errors import AtlasError
from atlas_mcp.runs.tasks import open_task_group

_T = TypeVar("_T")


class Interrupted(AtlasError):
    """A signal ended the command."""


async def until_signal(work: Callable[[], Awaitable[_T]]) -> _T:
    """Return what `work` returns.

    Raises:
        Interrupted: A signal came first. A second one does not wait for clean-up.
    """
    interrupted = False

    async def watch(scope: anyio.CancelScope) -> None:
        nonlocal interrupted
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                if interrupted:
                    os._exit(130)
                interrupted = True
                scope.cancel("signal")

    result: list[_T] = []
    async with open_task_group() as tasks:
        with anyio.CancelScope() as scope:
            tasks.start_soon(watch, scope, name="signals")
            result.append(await work())
        tasks.cancel_scope.cancel("the work is done")
    if not result:
        raise Interrupted("interrupted")
    return result[0]
