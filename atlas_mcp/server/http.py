"""Serving over HTTP on this machine, and knowing when a client has hung up.

Streams are server-sent events: answering with plain JSON would keep progress back, and nobody would
hear that a client has gone. In the stateless era the SDK cancels a request whose client hangs up.
With sessions it lets the request run on, so a hang-up is noticed here and the run is told.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import anyio
from typing_extensions import override

from atlas_mcp.config import Settings
from atlas_mcp.errors import ConfigError
from atlas_mcp.runs.tasks import open_task_group

if TYPE_CHECKING:
    import uvicorn
    from mcp.server.mcpserver import Context, MCPServer
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Addresses that only this machine reaches."""

HANG_UP_SECONDS = 5
"""Seconds that open connections get once the server is to end."""

GONE = "atlas_mcp.client_gone"
"""Where a request's scope holds the event that its client has hung up."""


def client_gone(ctx: Context[Any, Any]) -> anyio.Event | None:
    """Return the event that the client of a request has hung up; `None` over stdio."""
    request = ctx.request_context.request
    return None if request is None else request.scope.get(GONE)


def http_app(server: MCPServer[Any], *, host: str = DEFAULT_HOST) -> ASGIApp:
    """Return `server` as an ASGI application with MCP at `/mcp`."""
    return NoticeHangUps(server.streamable_http_app(host=host))


class NoticeHangUps:
    """Sets an event in a request's scope once its client has hung up."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        gone = scope[GONE] = anyio.Event()

        async def hear() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                gone.set()
            return message

        await self._app(scope, hear, send)


def serve_http(settings: Settings, *, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> int:
    """Serve until a signal comes; return the exit code.

    The first signal lets calls in flight end within the configured grace, a second one does not.

    Raises:
        ConfigError: Other machines would reach it.
    """
    if host not in LOOPBACK:
        raise ConfigError(
            f"--host: {host} can be reached from other machines, and whoever reaches it can spend "
            f"money. Take one of {', '.join(sorted(LOOPBACK))}, with a proxy that asks who is "
            "there in front of it"
        )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    anyio.run(_serve, settings, host, port)
    return 0


async def _serve(settings: Settings, host: str, port: int) -> None:
    import uvicorn

    from atlas_mcp.server.app import make_server

    class Server(uvicorn.Server):
        """A server whose signals are received here."""

        @override
        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None]:
            yield

    config = uvicorn.Config(
        http_app(make_server(settings), host=host),
        host=host,
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=HANG_UP_SECONDS,
    )
    server = Server(config)
    async with open_task_group() as tasks:
        tasks.start_soon(_leave_at_signal, server, settings.server.grace_s, name="signals")
        sys.stderr.write(f"atlas-mcp: serving MCP at http://{host}:{port}/mcp\n")
        await server.serve()
        tasks.cancel_scope.cancel("the server has ended")


async def _leave_at_signal(server: uvicorn.Server, grace: float) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            if server.should_exit:
                os._exit(128 + number)
            server.should_exit = True
            sys.stderr.write(
                f"atlas-mcp: ending; calls in flight get {grace:.0f} s, another signal ends now\n"
            )
