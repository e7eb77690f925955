"""The process itself: from its first step to its last.

Its stdin brings the commands of its server, its stdout takes the answers, and its stderr is a log.
The end of its stdin means that the server is gone: then it finishes what was promised, stops the
rest, and ends. It starts no run by itself, and goes on with none that it did not own.
"""

from __future__ import annotations

import gc
import logging
import os
import sys

import anyio
import anyio.to_thread

from atlas_mcp import __version__
from atlas_mcp.config.settings_digest import settings_digest
from atlas_mcp.driver.lifetime import serve
from atlas_mcp.driver.log import log_to
from atlas_mcp.driver.preloading import preload
from atlas_mcp.errors import AtlasError
from atlas_mcp.memory_upkeep import keep_memory_low
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.runs.detached.messages import Ready, Unready, encode
from atlas_mcp.runs.detached.pipes import Pipes
from atlas_mcp.runs.engine import Engine
from atlas_mcp.runs.opening import open_driving
from atlas_mcp.system.consoles import taken_away
from atlas_mcp.system.outliving import may_outlive
from atlas_mcp.system.signals import ending_signals, open_signals
from atlas_mcp.system.this_process import collect_seldom, leave, take_over
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

LEAVE_SECONDS = 1.5
"""Seconds for leaving the runs after a signal: programs that send one wait about two, then kill."""


def main() -> int:
    """Drive the runs of the server that started this process; return the exit code."""
    gc.disable()
    pipes = Pipes(taken_away(0), taken_away(1))
    take_over()
    collect_seldom()
    log_to(sys.stderr, pipes)
    code = 1
    try:
        anyio.run(_drive, pipes)
        code = 0
    except AtlasError as error:
        logger.critical("%s", error)
        pipes.send(encode(Unready(str(error))))
    except Exception as error:
        logger.critical("the driver ended by a bug", exc_info=error)
        pipes.send(encode(Unready(f"it failed by a bug ({type(error).__name__})")))
    pipes.flush()
    leave(code)


async def _drive(pipes: Pipes) -> None:
    """Take commands until the server is gone, finish what was promised, and return."""
    settings = load_settings(os.environ)
    async with open_task_group() as tasks:
        tasks.start_soon(pipes.write, name="answers")
        async with open_driving(settings) as driving:
            tasks.start_soon(_leave_at_signal, driving.engine, name="signals")
            await anyio.to_thread.run_sync(preload, driving.pool.libraries())
            gc.freeze()
            gc.enable()
            await driving.drivers.announce_driver(os.getpid(), __version__)
            digest = settings_digest(settings)
            pipes.send(encode(Ready(os.getpid(), __version__, may_outlive(), digest)))
            tasks.start_soon(keep_memory_low, name="memory")
            if settings.server.warm_up:
                tasks.start_soon(driving.pool.warm_up, name="warm up")
            await serve(driving, settings.server, pipes)
        tasks.cancel_scope.cancel("the driver ends")


async def _leave_at_signal(engine: Engine) -> None:
    """Leave the runs to be resumed, and end the process, at the first signal."""
    with open_signals(*ending_signals()) as signals:
        number = await anext(signals)
        with anyio.move_on_after(LEAVE_SECONDS):
            await engine.leave(grace=0.0)
        leave(128 + number)
