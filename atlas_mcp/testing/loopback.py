"""An API on the loopback: the server in its thread, the script, and the counters.

Shared by the stand-ins of all vendors; each vendor's own modules hold its refusals and its wire
format. It writes to no log and needs no network beyond 127.0.0.1.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import anyio
import anyio.lowlevel
import uvicorn
from anyio.from_thread import start_blocking_portal
from typing_extensions import override

from atlas_mcp.atlas.usage import NO_USAGE, Usage
from atlas_mcp.testing.replies import ApiReply, Fault, status

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

SETTLE_TIMEOUT = 5.0
"""Seconds `wait_for` waits by default. Our own choice: far more than a loopback needs,
far less than a test may take."""

Responder: TypeAlias = Callable[[dict[str, Any]], ApiReply | Fault]
"""Returns the outcome of a request. Called on the server's thread, one request at a time."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a stream.

    Attributes:
        data: Its bytes.
        written: Whether it holds text of the model, which may pause before it.
        reports: The usage that it reports.
    """

    data: bytes
    written: bool = False
    reports: Usage = NO_USAGE


@dataclass(slots=True)
class Asked:
    """One call of a model, and its outcome.

    Attributes:
        body: The request's body, decoded.
        at: When all of it had arrived, seconds of `time.monotonic`.
        outcome: The reply or fault; `None` before it is known, and for a call that is refused.
        billed: The usage a vendor would bill: that of the whole reply once it has begun, even if
            the client leaves.
        replied_at: When the last byte of a whole reply had been handed to the socket, seconds of
            `time.monotonic`; `None` where there is none.
    """

    body: dict[str, Any]
    at: float
    outcome: ApiReply | Fault | None = None
    billed: Usage = NO_USAGE
    replied_at: float | None = None


class LoopbackApi(ABC):
    """An API: script it, serve it, then read its counters.

    A request gets the next scripted outcome; when the script is empty, the result of `responder`;
    without a responder, that of `unscripted`. Requests that the real API refuses are refused, and
    use up no outcome.

    Attributes:
        requests: Calls that arrived, refused ones included.
        in_flight: Calls being answered now.
        most_in_flight: The most there were at once.
        disconnects: Calls the client left before they were answered.
        reported: The usage reported to clients: one request for each that arrived, and the tokens
            that were sent.
        asked: The calls whose bodies are JSON, in order of arrival.
        raw_bodies: All bodies as they arrived.
        headers: The headers of these requests, names in lower case.
        written: The model's messages as they were written, in order, broken-off ones included.
        failures: Exceptions of the script or the responder.
    """

    def __init__(self, responder: Responder | None = None) -> None:
        self.requests = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.disconnects = 0
        self.reported: Usage = Usage()
        self.asked: list[Asked] = []
        self.raw_bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.written: list[dict[str, Any]] = []
        self.failures: list[Exception] = []
        self._numbers = itertools.count(1)
        self._responder = responder
        self._script: deque[ApiReply | Fault] = deque()
        # Guards nothing but the wake-up: all state changes on the server's thread.
        self._changed = threading.Condition()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The decoded bodies, in order of arrival."""
        return [asked.body for asked in self.asked]

    def script(self, *outcomes: ApiReply | Fault) -> None:
        """Append the outcomes of the next requests, in order of arrival."""
        self._script.extend(outcomes)

    def wait_for(self, condition: Callable[[Self], bool], patience: float = SETTLE_TIMEOUT) -> bool:
        """Block the calling thread until `condition` holds; return whether it does."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self), patience)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as an ASGI application."""
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send, self.sent_headers(next(self._numbers)))
        await self.route(exchange, scope["method"], scope["path"])

    @abstractmethod
    async def route(self, exchange: Exchange, method: str, path: str) -> None:
        """Answer any request; model calls go through `count_and_answer`."""

    @abstractmethod
    async def answer(self, exchange: Exchange, raw: bytes) -> None:
        """Answer one model call."""

    def sent_headers(self, number: int) -> dict[str, str]:
        """Return the headers of a response; `number` is that of its request, from 1."""
        del number
        return {}

    def unscripted(self, body: dict[str, Any]) -> ApiReply:
        """Return the reply where there is neither a script nor a responder."""
        del body
        return ApiReply(text="A scripted answer.")

    async def count_and_answer(self, exchange: Exchange) -> None:
        """Answer one model call, counted, until it is answered or its client leaves."""
        raw = await exchange.read()
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.reported += Usage(requests=1)
        self.raw_bodies.append(raw)
        self.headers.append(exchange.headers)
        self._notify()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch, exchange, group.cancel_scope, name="watch client")
                await self.answer(exchange, raw)
                exchange.answered = True
                group.cancel_scope.cancel()
        finally:
            self.in_flight -= 1
            self._notify()

    def take(self, exchange: Exchange, body: dict[str, Any]) -> Asked:
        """Remember a call."""
        asked = exchange.asked = Asked(body, exchange.read_at)
        self.asked.append(asked)
        return asked

    def next_outcome(self, body: dict[str, Any]) -> ApiReply | Fault:
        """Return the outcome of one request."""
        if self._script:
            return self._script.popleft()
        if self._responder is None:
            return self.unscripted(body)
        try:
            return self._responder(body)
        except Exception as error:  # noqa: BLE001 - a test's own function; `serve` raises it
            self.failures.append(error)
            return status(500, should_retry=False, message="the responder failed")

    async def stream(
        self,
        exchange: Exchange,
        pieces: Iterable[Piece],
        *,
        delta_latency: float,
        fault: Fault | None,
        broken: bytes,
    ) -> None:
        """Send a reply piece by piece, until it is whole or `fault` breaks it off.

        Args:
            exchange: The exchange to answer.
            pieces: The whole reply.
            delta_latency: Seconds before each piece with text of the model.
            fault: The fault inside the stream; `None` for none.
            broken: The bytes sent for an error event or for garbage.
        """
        await exchange.start(200, {"content-type": "text/event-stream; charset=utf-8"})
        for number, piece in enumerate(pieces):
            if fault is not None and number == fault.after:
                await exchange.flush()
                if fault.kind != "stall":
                    await _break(exchange, fault, broken)
                    return
                await anyio.sleep(fault.seconds)
            if piece.written and delta_latency:
                await exchange.flush()
                await anyio.sleep(delta_latency)
            self.reported += piece.reports
            exchange.buffer(piece.data)
        await exchange.end()
        exchange.replied()

    async def _watch(self, exchange: Exchange, scope: anyio.CancelScope) -> None:
        """Stop answering a client that has left."""
        while (await exchange.receive())["type"] != "http.disconnect":
            pass
        if not exchange.answered:
            self.disconnects += 1
        scope.cancel()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()


async def _break(exchange: Exchange, fault: Fault, broken: bytes) -> None:
    """Break a stream off. The server cuts the connection if the body is left open."""
    match fault.kind:
        case "error" | "garbage":
            exchange.buffer(broken)
            await exchange.end()
        case "ends":
            await exchange.end()
        case _:
            # Let earlier bytes leave the buffer of the connection.
            await anyio.lowlevel.checkpoint()


class Exchange:
    """One request and its response, over ASGI.

    Attributes:
        answered: Whether the whole of the response is on its way.
        asked: The model call, once it has been read.
        read_at: When all of the request had arrived, seconds of `time.monotonic`.
        receive: Waits for the client's next ASGI message.
        headers: The request's headers, names in lower case.
        path: The request's path.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, sent_headers: dict[str, str]
    ) -> None:
        self.answered = False
        self.asked: Asked | None = None
        self.read_at = 0.0
        self.receive: Callable[[], Any] = receive
        self.headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self.path: str = scope["path"]
        self._send = send
        self._sent_headers = sent_headers
        self._buffer: list[bytes] = []

    async def read(self) -> bytes:
        """Return the request's body."""
        parts: list[bytes] = []
        while True:
            message: MutableMapping[str, Any] = await self.receive()
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                self.read_at = time.monotonic()
                return b"".join(parts)

    def replied(self) -> None:
        """Note the time at which the whole reply had been handed to the socket."""
        if self.asked is not None:
            self.asked.replied_at = time.monotonic()

    async def start(self, code: int, headers: dict[str, str]) -> None:
        """Begin the response."""
        sent = {**self._sent_headers, **headers}
        encoded = [(name.encode(), value.encode()) for name, value in sent.items()]
        await self._send({"type": "http.response.start", "status": code, "headers": encoded})

    def buffer(self, chunk: bytes) -> None:
        """Add to the body. Pieces added without a pause are sent together."""
        self._buffer.append(chunk)

    async def flush(self) -> None:
        """Send the buffer."""
        body = b"".join(self._buffer)
        self._buffer.clear()
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self) -> None:
        """Send the buffer and end the response."""
        self.answered = True
        await self._send({"type": "http.response.body", "body": b"".join(self._buffer)})

    async def whole(
        self, code: int, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        """Respond in one piece."""
        sized = {"content-type": kind, "content-length": str(len(body))}
        await self.start(code, sized | (headers or {}))
        self.answered = True
        await self._send({"type": "http.response.body", "body": body})

    async def json(self, code: int, value: object, headers: dict[str, str] | None = None) -> None:
        """Respond with JSON."""
        await self.whole(code, json.dumps(value).encode(), "application/json", headers)


class _Server(uvicorn.Server):
    """A server that stops at once, not at its next tick: tests start hundreds of them."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told_to_stop = anyio.Event()

    def stop(self) -> None:
        self._told_to_stop.set()

    @override
    async def main_loop(self) -> None:
        await self._told_to_stop.wait()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for task in list(self.server_state.tasks):
            task.cancel()
        with anyio.move_on_after(SETTLE_TIMEOUT):
            # The server has no event for this.
            while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110
                await anyio.sleep(0.001)


@contextlib.contextmanager
def serve(api: LoopbackApi) -> Generator[str]:
    """Serve `api` on a free port of the loopback, in a thread, and yield its base URL.

    Raises:
        Exception: The first failure of the responder, if the block itself raised nothing.
    """
    # With the protocol named, since only then small writes are sent without delay.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    config = uvicorn.Config(
        api, log_config=None, log_level="critical", lifespan="off", access_log=False, ws="none"
    )
    with start_blocking_portal("asyncio") as portal:
        # Made in that thread, since the server's event belongs to its loop, not to the caller's.
        server = portal.call(_Server, config)
        serving = portal.start_task_soon(server.serve, [listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            portal.call(server.stop)
            serving.result()
    if api.failures:
        raise api.failures[0]
