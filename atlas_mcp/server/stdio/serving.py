"""Serving over stdin and stdout, ended cleanly by end of input, by a signal or without a client.

The SDK's own loop dies at SIGTERM without a word and hangs at SIGINT until stdin closes
(https://github.com/modelcontextprotocol/python-sdk/issues/3551), since a thread is blocked reading
it. So signals are received here: they cancel the server, its clean-up runs, and the process leaves
without waiting for that thread.
"""

from __future__ import annotations

import logging
import os
import sys
from math import inf

import anyio

from atlas_mcp.log_lines import log_printably
from atlas_mcp.memory_upkeep import spare_the_collector
from atlas_mcp.server.app import make_server
from atlas_mcp.server.configuration import Configuration
from atlas_mcp.server.host import Host
from atlas_mcp.server.stdio.lines import Lines, open_lines
from atlas_mcp.system.limits import too_few_files
from atlas_mcp.system.orphans import is_init, reap
from atlas_mcp.system.signals import ending_signals, open_signals
from atlas_mcp.system.this_process import leave
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

CLEAN_UP_SECONDS = 1.5
"""Seconds that clean-up may take after a signal: clients wait about two before they kill."""

WATCH_SECONDS = 1.0
"""Seconds between looks at whether there is still a client."""


def serve_stdio(configuration: Configuration, *, parent: int | None = None) -> int:
    """Serve until the input ends or a signal comes; return the exit code.

    Without a usable configuration it serves all the same: a client shows its user what a tool
    answers, and nothing of a server that does not start.

    Args:
        configuration: Read after the handshake. Where it cannot be used, each tool call is
            answered with the reason.
        parent: The process that started this one, `None` to serve whether it is there or not.
    """
    log_printably(sys.stderr)
    try:
        anyio.run(_serve, Host(configuration, driver_environ=os.environ), parent)
    except Exception as error:
        if (few := too_few_files(error)) is not None:
            sys.stderr.write(f"atlas-mcp: {few}\n")
            return 2
        logger.critical("the server ended by a bug", exc_info=error)
        sys.stderr.write(
            f"atlas-mcp: ended by a bug ({type(error).__name__}); the evidence of runs is kept\n"
        )
        return 1
    return 0 if configuration.failure is None else 2


async def _serve(host: Host, parent: int | None) -> None:
    server = make_server(None, host=host)
    # The SDK runs its transports by its own loop alone; this is how that loop runs a server.
    lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    async with open_task_group() as watch:
        watch.start_soon(spare_the_collector, host.loaded, name="collector")
        with anyio.CancelScope() as serving:
            watch.start_soon(_leave_at_signal, serving, host, name="signals")
            async with open_lines(host.let_go) as lines:
                watch.start_soon(_end_without, parent, lines, name="client")
                options = lowlevel.create_initialization_options()
                await lowlevel.run(lines.received, lines.sent, options)
        watch.cancel_scope.cancel("the input has ended")


async def _leave_at_signal(serving: anyio.CancelScope, host: Host) -> None:
    """End the process at the first signal, once what is open has been closed; now at a second."""

    async def end(number: int) -> None:
        # The first process of a container takes its driver with it, and so waits for that.
        patience = inf if is_init() else CLEAN_UP_SECONDS
        with anyio.move_on_after(patience, shield=True):
            # Before requests are cancelled: that is no client's wish to end its run.
            await host.leave(grace=0.0)
            serving.cancel("signal")
            await host.closed.wait()
        # Replies that came in are in the journal already; the thread that reads stdin never ends.
        leave(128 + number)

    async with open_task_group() as ending:
        with open_signals(*ending_signals()) as signals:
            number = await anext(signals)
            ending.start_soon(end, number, name="end")
            number = await anext(signals)
            os._exit(128 + number)


async def _end_without(parent: int | None, lines: Lines) -> None:
    """End the input once answers are not read, or the process that started this one is gone.

    Another process may hold the pipe open that its client wrote to, and then it never ends by
    itself. Where systems do not give orphans another parent, or do not tell a writer that its
    reader has gone, that is not noticed.
    """
    watched = parent is not None and lines.is_pipe
    while True:
        if is_init():
            reap()
        if lines.reader_gone:
            lines.give_up()
            return
        if watched and os.getppid() != parent:
            lines.end_input()
            watched = False
        await anyio.sleep(WATCH_SECONDS)
