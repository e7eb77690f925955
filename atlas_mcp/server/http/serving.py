"""Serving over HTTP on this machine, from the first connection to the end of the process.

Owns the order in which a server ends: runs, requests, connections. Streams are server-sent events:
plain JSON would keep progress back, and a client that has gone would not be noticed.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import anyio

from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError
from atlas_mcp.log_lines import log_printably
from atlas_mcp.memory_upkeep import spare_the_collector
from atlas_mcp.server.http.app import DEFAULT_HOST, MCP_PATH, WithPages, http_app
from atlas_mcp.system.signals import ending_signals, open_signals
from atlas_mcp.system.this_process import leave
from atlas_mcp.task_groups import open_task_group
from atlas_mcp.views.page_links import PageLink
from atlas_mcp.web.listening import close, listen

if TYPE_CHECKING:
    from atlas_mcp.pages.app import Pages
    from atlas_mcp.server.host import Host
    from atlas_mcp.server.http.hang_ups import HangUps
    from atlas_mcp.web.serving import Web

logger = logging.getLogger(__name__)

DEFAULT_PORT = 8000

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Addresses that only this machine reaches."""

ANSWER_SECONDS = 0.5
"""Seconds for answering the requests whose runs have been stopped because the server ends."""

RECORD_SECONDS = 1.0
"""Seconds, beside the grace, for recording how the runs ended."""

HANG_UP_SECONDS = 0.5
"""Seconds that open connections get once the server hangs up; then they are cut."""

CLOSE_SECONDS = 0.5
"""Seconds for closing the application; nothing that was paid for waits for it."""


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
            f"--host: {host!r} can be reached from other machines, and any client that reaches it "
            f"can spend money. Take one of {', '.join(sorted(LOOPBACK))}, behind a proxy that "
            "authenticates its users"
        )
    listeners = listen(host, port)
    try:
        log_printably(sys.stderr)
        anyio.run(_serve, settings, host, listeners)
    finally:
        close(listeners)
    raise AssertionError("the process has not ended")


async def _serve(settings: Settings, host: str, listeners: list[socket.socket]) -> NoReturn:
    from atlas_mcp.pages.app import Pages
    from atlas_mcp.runs.capacity import Capacity
    from atlas_mcp.server.app import make_server
    from atlas_mcp.server.host import Host
    from atlas_mcp.web.serving import Web

    capacity = Capacity.of_this_process(settings.server.max_runs, serves=True)
    runs = Host(settings, capacity=capacity)
    allowed = settings.server.allowed_hosts
    app = http_app(make_server(None, host=runs), host=host, allowed_hosts=allowed)
    pages = Pages(runs.service, allowed_hosts=allowed)
    web = Web(WithPages(app, pages), listeners, clients=capacity.clients)
    serving = _Serving(runs, app, pages, web, settings.server.grace_s)
    async with open_task_group() as tasks:
        tasks.start_soon(_end_at_signal, serving, name="signals")
        tasks.start_soon(spare_the_collector, runs.loaded, name="collector")
        port = listeners[0].getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        place = f"http://{name}:{port}"
        runs.pages = PageLink(place)
        sys.stderr.write(
            f"atlas-mcp: serving MCP at {place}{MCP_PATH}\n"
            f"atlas-mcp: the pages of runs are at {place}/runs\n"
        )
        await web.serve()
        await anyio.sleep_forever()
    raise AssertionError("a signal has ended the process before")


@dataclass(frozen=True, slots=True)
class _Serving:
    """The parts of a server, in the order in which they end.

    Attributes:
        runs: Keeps the run service.
        app: Answers requests of MCP.
        pages: Answers those of browsers.
        web: Keeps the connections.
        grace: Seconds that calls in flight get at the end.
    """

    runs: Host
    app: HangUps
    pages: Pages
    web: Web
    grace: float

    async def end(self) -> NoReturn:
        """End the runs, then the requests, then the connections, then the process."""
        self.web.stop()
        self.app.turn_away()
        self.pages.end_waits()
        with anyio.move_on_after(self.grace + RECORD_SECONDS):
            await self.runs.leave(grace=self.grace)
        # Requests that waited for these runs are answered with the evidence so far; others are cut.
        with anyio.move_on_after(ANSWER_SECONDS):
            await self.app.answered()
            await self.pages.acted()
        self.app.hang_up()
        with anyio.move_on_after(HANG_UP_SECONDS):
            await self.web.empty()
        self.web.cut()
        with anyio.move_on_after(CLOSE_SECONDS):
            await self.web.close()
        # Threads may still be at work for clients that have been cut off.
        leave(0)


async def _end_at_signal(serving: _Serving) -> None:
    async with open_task_group() as tasks:
        with open_signals(*ending_signals()) as signals:
            await anext(signals)
            sys.stderr.write(
                f"atlas-mcp: ending; calls in flight get {serving.grace:.0f} s, another signal "
                "ends now\n"
            )
            tasks.start_soon(serving.end, name="end")
            number = await anext(signals)
            os._exit(128 + number)
