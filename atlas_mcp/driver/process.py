"""The process itself: from its first step to its last.

Its stdin brings the commands of its server, its stdout takes the answers, and its stderr is its log.
The end of its stdin means that the server is gone: then what was promised is finished, the rest is
stopped, and the process ends. It starts no run by itself, and goes on with none that it did not
own.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from contextlib import AsyncExitStack

import anyio
import anyio.to_thread

from atlas_mcp import __version__
from atlas_mcp.config.settings import Settings
from atlas_mcp.driver.demand import Demand
from atlas_mcp.driver.log import log_to
from atlas_mcp.driver.preloading import preload
from atlas_mcp.driver.serving import CommandServer
from atlas_mcp.errors import AtlasError
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.runs.detached.messages import Ready, Unready, encode
from atlas_mcp.runs.detached.pipes import Pipes
from atlas_mcp.runs.opening import open_driving
from atlas_mcp.system.outliving import may_outlive
from atlas_mcp.system.signals import ending_signals, open_signals
from atlas_mcp.system.this_process import collect_seldom, leave, take_over
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

LEAVE_SECONDS = 1.5
"""Seconds for leaving the runs after a signal: whoever sends one waits about two before they kill."""

LOOK_SECONDS = 0.1
"""Seconds between looks at whether the runs of a driver without a server have ended."""


def main() -> int:
    """Drive the runs of the server that started this process; return the exit code."""
    gc.disable()
    pipes = Pipes(_move(0, os.O_RDONLY), _move(1, os.O_WRONLY))
    take_over()
    collect_seldom()
    log_to(sys.stderr, pipes)
    try:
        anyio.run(_drive, pipes)
    except AtlasError as error:
        logger.critical("%s", error)
        pipes.send(encode(Unready(str(error))))
    except Exception as error:
        logger.critical("the driver ended by a bug", exc_info=error)
        pipes.send(encode(Unready(f"it failed by a bug ({type(error).__name__})")))
    else:
        leave(0)
    pipes.flush()
    leave(1)


def _move(descriptor: int, instead: int) -> int:
    """Return a private copy of a standard stream, whose own place an empty one takes."""
    private = os.dup(descriptor)
    empty = os.open(os.devnull, instead)
    os.dup2(empty, descriptor)
    os.close(empty)
    return private


async def _drive(pipes: Pipes) -> None:
    settings = load_settings(os.environ)
    async with AsyncExitStack() as opened:
        tasks = await opened.enter_async_context(open_task_group())
        tasks.start_soon(pipes.write, name="answers")
        driving = await opened.enter_async_context(open_driving(settings))
        tasks.start_soon(_leave_at_signal, driving.engine, name="signals")
        await anyio.to_thread.run_sync(preload, driving.pool.libraries())
        gc.freeze()
        gc.enable()
        await driving.drivers.announce_driver(os.getpid(), __version__)
        server = CommandServer(driving.engine, pipes)
        demand = Demand(
            driving.engine,
            driving.callers,
            settings.server.grace_s,
            settings.server.when_client_leaves == "finish",
        )
        ...
