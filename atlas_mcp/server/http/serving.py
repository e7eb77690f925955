"""Serving over HTTP on this machine, and knowing when a client has hung up.

Streams are server-sent events: answering with plain JSON would keep progress back, and nobody would
hear that a client has gone. In the stateless era the SDK cancels a request whose client hangs up.
With sessions it lets the request run on, so a hang-up is noticed here and the run is told.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import anyio

from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError
from atlas_mcp.server.http.host_names import Named
from atlas_mcp.server.http.listening import close, listen
from atlas_mcp.server.http.requests import WholeRequests
from atlas_mcp.server.memory_upkeep import spare_the_collector
from atlas_mcp.server.messages import MAX_MESSAGE_BYTES
from atlas_mcp.system.signals import ending_signals, open_signals
from atlas_mcp.system.this_process import leave
from atlas_mcp.task_groups import open_task_group
from atlas_mcp.texts import log_printably

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context, MCPServer
    from mcp.server.transport_security import TransportSecuritySettings
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

DEFAULT_HOST = "127.0.0.1"
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

GONE = "atlas_mcp.client_gone"
"""Where a request's scope holds the event that its client has hung up."""


def client_gone(ctx: Context[Any, Any]) -> anyio.Event | None:
    """Return the event that the client of a request has hung up; `None` over stdio."""
    request = ctx.request_context.request
    return None if request is None else request.scope.get(GONE)


def http_app(
    server: MCPServer[Any], *, host: str = DEFAULT_HOST, allowed_hosts: Sequence[str] = ()
) -> HangUps:
    """Return `server` as an ASGI application with MCP at `/mcp`.

    Args:
        server: The server.
        host: The address of this machine that it listens on.
        allowed_hosts: The names, besides those of loopback, by which clients may ask for it; one
            without a port goes with any.
    """
    lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    lowlevel.get_tool_input_schema = _headers_of
    app = server.streamable_http_app(
        host=host,
        max_request_body_size=MAX_MESSAGE_BYTES,
        transport_security=_security(allowed_hosts),
    )
    return HangUps(Named(app))


def _headers_of(tool: str) -> None:
    """Say that no argument of a tool is a header as well: the SDK looks for some in each call."""


def _security(allowed_hosts: Sequence[str]) -> TransportSecuritySettings:
    """Let in who asks by a name that is ours: a web page that was led here asks by its own."""
    from mcp.server.transport_security import TransportSecuritySettings

    hosts: list[str] = []
    # Clients leave out the usual port of their scheme.
    for name in ("127.0.0.1", "localhost", "[::1]", *allowed_hosts):
        with_port = ":" in name.rpartition("]")[2]
        hosts += [name] if with_port else [name, f"{name}:*"]
    origins = [f"{scheme}://{each}" for each in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


class HangUps:
    """Sets an event in a request's scope once its client has hung up, and hangs up itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = WholeRequests(app)
        self._closed = False
        self._listening: set[anyio.CancelScope] = set()
        self._unanswered = 0
        self._all_answered = anyio.Event()

    async def answered(self) -> None:
        """Return once every request has its answer; streams that a client listens on have none."""
        while self._unanswered:
            await self._all_answered.wait()

    def turn_away(self) -> None:
        """Serve nothing but the requests that are here as a whole."""
        self._app.turn_away()

    def hang_up(self) -> None:
        """End every open stream, and each that is still to come, as if its client had gone."""
        self._closed = True
        self.turn_away()
        for scope in self._listening:
            scope.cancel("the server hangs up")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._closed:
            await _finish((), send)
            return
        gone = scope[GONE] = anyio.Event()
        said: list[Message] = []

        async def hear() -> Message:
            message: Message = {"type": "http.disconnect"}
            with self._listen():
                message = await receive()
            if message["type"] == "http.disconnect":
                gone.set()
            return message

        async def say(message: Message) -> None:
            said[:] = [message]
            await send(message)

        with self._count(scope["method"]):
            try:
                await self._app(scope, hear, say)
            except Exception:
                # A client that went in the middle is no fault of anybody's.
                if not gone.is_set():
                    logger.exception("a request failed")
                await _finish(said, send, status=500)
                return
            if self._closed:
                await _finish(said, send)

    @contextlib.contextmanager
    def _count(self, method: str) -> Generator[None]:
        """Count a request as unanswered while the block runs."""
        self._unanswered += method == "POST"
        try:
            yield
        finally:
            self._unanswered -= method == "POST"
            if not self._unanswered:
                bell, self._all_answered = self._all_answered, anyio.Event()
                bell.set()

    @contextlib.contextmanager
    def _listen(self) -> Generator[None]:
        """Keep a block of listening to a client open until the server hangs up."""
        with anyio.CancelScope() as scope:
            self._listening.add(scope)
            if self._closed:
                scope.cancel("the server hangs up")
            try:
                yield
            finally:
                self._listening.discard(scope)


async def _finish(said: Sequence[Message], send: Send, *, status: int = 503) -> None:
    """Complete a response that was left when the server hung up, or failed."""
    if not said:
        await send({"type": "http.response.start", "status": status, "headers": []})
    elif said[-1]["type"] == "http.response.body" and not said[-1].get("more_body"):
        return
    await send({"type": "http.response.body"})


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
    from atlas_mcp.runs.capacity import Capacity
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
