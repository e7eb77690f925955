"""Serving over HTTP on this machine, and knowing when a client has hung up.

Streams are server-sent events: answering with plain JSON would keep progress back, and nobody would
hear that a client has gone. In the stateless era the SDK cancels a request whose client hangs up.
With sessions it lets the request run on, so a hang-up is noticed here and the run is told.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

import anyio

from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError
from atlas_mcp.server.http.app import DEFAULT_HOST, http_app
from atlas_mcp.server.http.listening import close, listen
from atlas_mcp.server.memory_upkeep import spare_the_collector
from atlas_mcp.system.signals import ending_signals, open_signals
from atlas_mcp.system.this_process import leave
from atlas_mcp.task_groups import open_task_group
from atlas_mcp.texts import log_printably

if TYPE_CHECKING:
    pass

logger = logging.getLogger(__name__)

DEFAULT_PORT = 8000

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Addresses that only this machine reaches."""

ANSWER_SECONDS = 0.5
"""Seconds for answering the requests whose runs have been stopped because the server ends."""

RECORD_SECONDS = 1.0
"""Seconds, beside the grace, for recording what became of the runs."""

HANG_UP_SECONDS = 0.5
"""Seconds that open connections get once the server hangs up; then they are cut."""

CLOSE_SECONDS = 0.5
"""Seconds for closing what is open; nothing that was paid for waits for it."""


def serve_http(
    settings: Settings, *, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT
) -> NoReturn:
    """Serve until a signal comes, and end the process.

    The first signal lets calls in flight end within the configured grace and leaves their runs to
    be resumed; a second one does not wait.

    Raises:
        ConfigError: Other machines would reach it, or the port cannot be had.
    """
    if host not in LOOPBACK:
        raise ConfigError(
            f"--host: {host!r} can be reached from other machines, and whoever reaches it can "
            f"spend money. Take one of {', '.join(sorted(LOOPBACK))}, with a proxy that asks who "
            "is there in front of it"
        )
    listeners = listen(host, port)
    try:
        log_printably(sys.stderr)
        anyio.run(_serve, settings, host, listeners)
    finally:
        close(listeners)
    raise AssertionError("the process has not ended")


async def _serve(settings: Settings, host: str, listeners: list[socket.socket]) -> NoReturn:
    from atlas_mcp.runs.local.admission import Capacity
    from atlas_mcp.server.app import make_server
    from atlas_mcp.server.host import Host
    from atlas_mcp.server.http.web import Web

    capacity = Capacity.of_this_process(settings.server.max_runs, serves=True)
    runs = Host(settings, capacity=capacity)
    allowed = settings.server.allowed_hosts
    app = http_app(make_server(None, host=runs), host=host, allowed_hosts=allowed)
    web = Web(app, listeners, clients=capacity.clients)
    grace = settings.server.grace_s

    async def end() -> None:
        web.stop()
        app.turn_away()
        with anyio.move_on_after(grace + RECORD_SECONDS) as recording:
            await runs.leave(grace=grace)
        if recording.cancelled_caught:
            runs.tell_unstored()
        # Requests that waited for these runs are answered with what there is; others are cut off.
        with anyio.move_on_after(ANSWER_SECONDS):
            await app.answered()
        app.hang_up()
        with anyio.move_on_after(HANG_UP_SECONDS):
            await web.empty()
        web.cut()
        with anyio.move_on_after(CLOSE_SECONDS):
            await web.close()
        # Threads may still be at work for clients that have been cut off.
        leave(0)

    async def end_at_signal() -> None:
        with open_signals(*ending_signals()) as signals:
            await anext(signals)
            sys.stderr.write(
                f"atlas-mcp: ending; calls in flight get {grace:.0f} s, another signal ends now\n"
            )
            tasks.start_soon(end, name="end")
            number = await anext(signals)
            os._exit(128 + number)

    async with open_task_group() as tasks:
        tasks.start_soon(end_at_signal, name="signals")
        tasks.start_soon(spare_the_collector, runs.loaded, name="collector")
        port = listeners[0].getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        sys.stderr.write(f"atlas-mcp: serving MCP at http://{name}:{port}/mcp\n")
        await web.serve()
        await anyio.sleep_forever()
    raise AssertionError("ended by nobody")
