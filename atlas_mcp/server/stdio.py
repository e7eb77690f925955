"""Serving over stdin and stdout, ended cleanly by end of input or by a signal.

The SDK's own loop dies at SIGTERM without a word and hangs at SIGINT until stdin closes
(https://github.com/modelcontextprotocol/python-sdk/issues/3551), since a thread is blocked reading
it. So signals are received here: they cancel the server, its clean-up runs, and the process leaves
without waiting for that thread.
"""

from __future__ import annotations

import logging
import os
import signal
import sys

import anyio
from mcp.server.mcpserver import MCPServer

from atlas_mcp.config import Settings
from atlas_mcp.server.app import make_server

CLEAN_UP_SECONDS = 0.8
"""Seconds that clean-up may take after a signal: clients wait about one before they kill."""


def serve_stdio(settings: Settings) -> int:
    """Serve until the input ends or a signal comes; return the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    server = make_server(settings)
    received = anyio.run(_serve, server)
    if received is None:
        return 0
    sys.stderr.flush()
    os._exit(128 + received)


async def _serve(server: MCPServer[None]) -> int | None:
    received: int | None = None
    ended = anyio.Event()

    async def until_signal(tasks: anyio.CancelScope) -> None:
        nonlocal received
        wanted = [signal.SIGINT, signal.SIGTERM]
        with anyio.open_signal_receiver(*wanted) as signals:
            async for number in signals:
                received = int(number)
                tasks.cancel("signal")
                with anyio.move_on_after(CLEAN_UP_SECONDS, shield=True):
                    await ended.wait()
                # Whoever is still busy now is not waited for: results are in the journal already.
                sys.stderr.flush()
                os._exit(128 + received)

    async with anyio.create_task_group() as watch:
        with anyio.CancelScope() as serving:
            watch.start_soon(until_signal, serving, name="signals")
            await server.run_stdio_async()
        ended.set()
        if received is None:
            watch.cancel_scope.cancel("the input has ended")
    return received
