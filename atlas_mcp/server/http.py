"""Serving over HTTP on this machine, and knowing when a client has hung up.

Streams are server-sent events: answering with plain JSON would keep progress back, and nobody would
hear that a client has gone. In the stateless era the SDK cancels a request whose client hangs up.
With sessions it lets the request run on, so a hang-up is noticed here and the run is told.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import logging
import math
import os
import socket
import sys
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import anyio
from typing_extensions import override

from atlas_mcp.config import Settings
from atlas_mcp.errors import ConfigError
from atlas_mcp.server.listening import Door, silence_full_doors
from atlas_mcp.server.messages import MAX_MESSAGE_BYTES
from atlas_mcp.server.named import Named
from atlas_mcp.server.requests import WholeRequests
from atlas_mcp.system import ending_signals, open_signals
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

KEEP_ALIVE_SECONDS = 5
"""Seconds that the connection of a client stays open between its requests. uvicorn's own figure."""

MANY_CLIENTS = 1_000
"""Connections below which one that is idle is closed after a second: another may wait for it."""

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
    app = server.streamable_http_app(
        host=host,
        max_request_body_size=MAX_MESSAGE_BYTES,
        transport_security=_security(allowed_hosts),
    )
    return HangUps(Named(app))


def _security(allowed_hosts: Sequence[str]) -> TransportSecuritySettings:
    """Let in who asks by a name that is ours: a web page that was led here asks by its own."""
    from mcp.server.transport_security import TransportSecuritySettings

    hosts = ["127.0.0.1:*", "localhost:*", "[::1]:*"]
    for name in allowed_hosts:
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


def serve_http(settings: Settings, *, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> int:
    """Serve until a signal comes; return the exit code.

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
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(listener) for listener in _listen(host, port)]
        log_printably(sys.stderr)
        anyio.run(_serve, settings, host, listeners)
    return 0


def _listen(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on every address of a host of this machine, on one port.

    Raises:
        ConfigError: The port cannot be had.
    """
    listeners: list[socket.socket] = []
    failure: OSError | None = None
    for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        where = (address[0], listeners[0].getsockname()[1] if listeners else port)
        try:
            listeners.append(socket.create_server(where, family=family))
        except OSError as error:
            failure = failure or error
    in_use = failure is not None and failure.errno == errno.EADDRINUSE
    if failure is not None and (in_use or not listeners):
        for listener in listeners:
            listener.close()
        raise ConfigError(
            f"--port: {port} of {host} cannot be served: {os.strerror(failure.errno or 0)}. Take "
            "another one, or 0 for any that is free"
        ) from failure
    return listeners


async def _serve(settings: Settings, host: str, listeners: list[socket.socket]) -> None:
    import uvicorn

    from atlas_mcp.runs.admission import Capacity
    from atlas_mcp.server.app import make_server
    from atlas_mcp.server.host import Host

    class Server(uvicorn.Server):
        """A server whose signals are received here."""

        @override
        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None]:
            yield

    capacity = Capacity.of_this_process(settings.server.max_runs, serves=True)
    runs = Host(settings, capacity=capacity)
    allowed = settings.server.allowed_hosts
    app = http_app(make_server(None, host=runs), host=host, allowed_hosts=allowed)
    grace = settings.server.grace_s
    longest = math.ceil(grace + RECORD_SECONDS + ANSWER_SECONDS + HANG_UP_SECONDS)
    # What clients do wrong is told to them; what fails in the application is logged where it does.
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="error",
        lifespan="on",
        timeout_graceful_shutdown=longest,
        timeout_keep_alive=KEEP_ALIVE_SECONDS if capacity.clients > MANY_CLIENTS else 1,
    )
    server = Server(config)

    async def leave() -> None:
        app.turn_away()
        with anyio.move_on_after(grace + RECORD_SECONDS):
            await runs.leave(grace=grace)
        # Requests that waited for these runs are answered with what there is; others are cut off.
        with anyio.move_on_after(ANSWER_SECONDS):
            await app.answered()
        app.hang_up()
        await anyio.sleep(HANG_UP_SECONDS)
        # What is left belongs to clients that read nothing.
        for connection in list(server.server_state.connections):
            connection.transport.abort()

    async def leave_at_signal() -> None:
        with open_signals(*ending_signals()) as signals:
            async for number in signals:
                if server.should_exit:
                    os._exit(128 + number)
                server.should_exit = True
                sys.stderr.write(
                    f"atlas-mcp: ending; calls in flight get {grace:.0f} s, another signal ends "
                    "now\n"
                )
                tasks.start_soon(leave, name="leave")

    async def spare_the_collector() -> None:
        await runs.loaded.wait()
        # What is imported stays: looking at it again holds up every request for 0.1 s a time.
        gc.freeze()

    async with open_task_group() as tasks:
        tasks.start_soon(leave_at_signal, name="signals")
        tasks.start_soon(spare_the_collector, name="collector")
        port = listeners[0].getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        sys.stderr.write(f"atlas-mcp: serving MCP at http://{name}:{port}/mcp\n")
        silence_full_doors()
        await server.serve(Door(capacity.clients).listeners(listeners))
        tasks.cancel_scope.cancel("the server has ended")
