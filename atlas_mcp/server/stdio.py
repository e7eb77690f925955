"""Serving over stdin and stdout, ended cleanly by end of input or by a signal.

The SDK's own loop dies at SIGTERM without a word and hangs at SIGINT until stdin closes
(https://github.com/modelcontextprotocol/python-sdk/issues/3551), since a thread is blocked reading
it. So signals are received here: they cancel the server, its clean-up runs, and the process leaves
without waiting for that thread.
"""

from __future__ import annotations

import logging
import os
import sys

import anyio

from atlas_mcp.config import Settings
from atlas_mcp.server.app import make_server
from atlas_mcp.server.host import Host
from atlas_mcp.system import ending_signals, open_signals

CLEAN_UP_SECONDS = 0.8
"""Seconds that clean-up may take after a signal: clients wait about one before they kill."""


def serve_stdio(settings: Settings) -> int:
    """Serve until the input ends or a signal comes; return the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    anyio.run(_serve, settings)
    return 0


async def _serve(settings: Settings) -> None:
    host = Host(settings)
    server = make_server(settings, host=host)
    async with anyio.create_task_group() as watch:
        with anyio.CancelScope() as serving:
            watch.start_soon(_leave_at_signal, serving, host, name="signals")
            await server.run_stdio_async()
        watch.cancel_scope.cancel("the input has ended")


async def _leave_at_signal(serving: anyio.CancelScope, host: Host) -> None:
    """End the process at the first signal, once what is open has been closed."""
    with open_signals(*ending_signals()) as signals:
        async for number in signals:
            with anyio.move_on_after(CLEAN_UP_SECONDS, shield=True):
                # Before requests are cancelled: that is no client's wish to end its run.
                await host.leave(grace=0.0)
                serving.cancel("signal")
                await host.closed.wait()
            # What came in is in the journal already; the thread that reads stdin never ends.
            sys.stderr.flush()
            os._exit(128 + number)
