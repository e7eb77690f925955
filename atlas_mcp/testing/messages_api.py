"""A stand-in of the Messages API on the loopback, as strict as the real one.

Owns the server, its script and its counters. What it refuses is in `messages_rules`, what it can
say in `messages_wire`. It writes to no log and needs no network beyond 127.0.0.1.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
import anyio.lowlevel
import uvicorn
from anyio.from_thread import start_blocking_portal
from typing_extensions import override

from atlas_mcp.atlas.usage import NO_USAGE, Usage
from atlas_mcp.models.claude_families import known_family
from atlas_mcp.testing.messages_rules import Broken, History, check_headers, refusal_of
from atlas_mcp.testing.messages_wire import (
    ApiReply,
    Cache,
    Call,
    Fault,
    Tokens,
    content_of,
    encode,
    events_of,
    message_of,
    output_tokens,
    refusal,
    status,
    truncated,
)

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = [
    "API_KEY",
    "ApiReply",
    "Asked",
    "Call",
    "Fault",
    "MessagesApi",
    "Tokens",
    "refusal",
    "serve",
    "status",
    "truncated",
]

API_KEY = "test-key"
"""The key a `MessagesApi` takes, if it is given no other."""

SETTLE_TIMEOUT = 5.0
"""Seconds `wait_for` waits. Our own choice: far more than a loopback needs, far less than a test
may take."""

Responder: TypeAlias = Callable[[dict[str, Any]], ApiReply | Fault]
"""Says what a request gets. Called on the server's thread, one request at a time."""


@dataclass(slots=True)
class Asked:
    """One call of `POST /v1/messages`, and what became of it.

    Attributes:
        body: What it asks, decoded.
        at: When all of it had arrived, seconds of `time.monotonic`.
        outcome: What it gets; `None` before that is known, and for one that is refused.
        billed: What a vendor would bill for it: a reply that has begun, to its end, whether the
            client stays to hear it or not.
        replied_at: When the last byte of a whole reply had been handed to the socket, seconds of
            `time.monotonic`; `None` where there is none.
    """

    body: dict[str, Any]
    at: float
    outcome: ApiReply | Fault | None = None
    billed: Usage = NO_USAGE
    replied_at: float | None = None


class MessagesApi:
    """The API: script it, serve it, then ask it what it saw.

    A request gets the next scripted outcome; when the script is empty, what `responder` says;
    without one, a short text. Requests the real API refuses are refused and use up nothing.

    Attributes:
        requests: Calls of `POST /v1/messages` that arrived, refused ones included.
        in_flight: Calls being answered now.
        most_in_flight: The most there were at once.
        disconnects: Calls the client left before they were answered.
        told: Everything clients were told they used: one request for each that arrived, tokens
            as far as they were sent.
        asked: The calls whose bodies are JSON, in order of arrival.
        raw_bodies: All bodies as they came.
        failures: What went wrong in the responder.
    """

    def __init__(
        self,
        responder: Responder | None = None,
        *,
        api_key: str = API_KEY,
        rate_limit_headers: bool = True,
    ) -> None:
        self.requests = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.disconnects = 0
        self.told = Usage()
        self.asked: list[Asked] = []
        self.raw_bodies: list[bytes] = []
        self.failures: list[Exception] = []
        self._responder = responder
        self._api_key = api_key
        self._rate_limit_headers = rate_limit_headers
        self._script: deque[ApiReply | Fault] = deque()
        self._history = History()
        self._cache = Cache()
        # Guards nothing but the wake-up: all state changes on the server's thread.
        self._changed = threading.Condition()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The decoded bodies, in order of arrival."""
        return [asked.body for asked in self.asked]

    def script(self, *outcomes: ApiReply | Fault) -> None:
        """Append what the next requests get, in order of arrival."""
        self._script.extend(outcomes)

    def wait_for(self, condition: Callable[[MessagesApi], bool]) -> bool:
        """Block the calling thread until `condition` holds; return whether it does."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self), SETTLE_TIMEOUT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as an ASGI application."""
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        exchange = _Exchange(scope, receive, send, self._rate_limit_headers)
        if path == "/v1/messages" and method == "POST":
            await self._count_and_answer(exchange)
        elif path.startswith("/v1/models/") and method == "GET":
            await self._describe_model(exchange, path.rpartition("/")[2])
        else:
            await exchange.error(404, "not_found_error", "Not found")

    async def _count_and_answer(self, exchange: _Exchange) -> None:
        raw = await exchange.read()
        at = time.monotonic()
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.told += Usage(requests=1)
        self.raw_bodies.append(raw)
        self._notify()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch, exchange, group.cancel_scope, name="watch client")
                await self._answer(exchange, raw, at)
                exchange.answered = True
                group.cancel_scope.cancel()
        finally:
            self.in_flight -= 1
            self._notify()

    async def _watch(self, exchange: _Exchange, scope: anyio.CancelScope) -> None:
        """Stop answering a client that has left."""
        while (await exchange.receive())["type"] != "http.disconnect":
            pass
        if not exchange.answered:
            self.disconnects += 1
        scope.cancel()

    async def _answer(self, exchange: _Exchange, raw: bytes, at: float) -> None:
        try:
            body: Any = json.loads(raw)
        except ValueError:
            await exchange.error(400, "invalid_request_error", "The request body is not valid JSON")
            return
        asked = Asked(body, at)
        self.asked.append(asked)
        refused = refusal_of(body, exchange.headers, api_key=self._api_key, history=self._history)
        if refused is not None:
            await exchange.error(refused.status, refused.kind, refused.message)
            return
        outcome = asked.outcome = self._next(body)
        if isinstance(outcome, ApiReply):
            await self._reply(exchange, asked, outcome, None)
        elif outcome.kind == "status":
            await anyio.sleep(outcome.seconds)
            await exchange.error(
                outcome.status, outcome.error, outcome.message, dict(outcome.headers)
            )
        elif outcome.kind == "not_a_stream":
            await exchange.whole(200, b"<html>sign in</html>", "text/html")
        else:
            await self._reply(exchange, asked, outcome.reply, outcome)

    def _next(self, body: dict[str, Any]) -> ApiReply | Fault:
        if self._script:
            return self._script.popleft()
        if self._responder is None:
            return ApiReply(text="A scripted answer.")
        try:
            return self._responder(body)
        except Exception as error:  # noqa: BLE001 - a test's own function; `serve` raises it
            self.failures.append(error)
            return status(500, should_retry=False, message="the responder failed")

    async def _reply(
        self, exchange: _Exchange, asked: Asked, reply: ApiReply, fault: Fault | None
    ) -> None:
        body = asked.body
        await anyio.sleep(reply.latency)
        content = content_of(reply, body)
        tokens = self._cache.count(body, output_tokens(content))
        tokens = reply.tokens or tokens
        message = message_of(reply, body, content, tokens)
        asked.billed = _usage(tokens, tokens.output)
        self._history.remember(body, content)
        if not body.get("stream"):
            self.told += asked.billed
            await exchange.json(200, message)
            asked.replied_at = time.monotonic()
            return
        await exchange.start(200, {"content-type": "text/event-stream; charset=utf-8"})
        for number, event in enumerate(events_of(reply, message)):
            if fault is not None and number == fault.after:
                await exchange.flush()
                if fault.kind != "stall":
                    await _break(exchange, fault)
                    return
                await anyio.sleep(fault.seconds)
            if event["type"] == "content_block_delta" and reply.delta_latency:
                await exchange.flush()
                await anyio.sleep(reply.delta_latency)
            if event["type"] == "message_start":
                started = event["message"]["usage"]["output_tokens"]
                self.told += _usage(tokens, started)
            elif event["type"] == "message_delta":
                self.told += Usage(output_tokens=tokens.output - min(1, tokens.output))
            exchange.buffer(encode(event))
        await exchange.end()
        asked.replied_at = time.monotonic()

    async def _describe_model(self, exchange: _Exchange, model_id: str) -> None:
        try:
            check_headers(exchange.headers, api_key=self._api_key)
        except Broken as broken:
            await exchange.error(broken.refusal.status, broken.refusal.kind, broken.refusal.message)
            return
        family = known_family(model_id)
        if family is None:
            await exchange.error(404, "not_found_error", f"model: {model_id}")
            return
        await exchange.json(
            200,
            {
                "type": "model",
                "id": model_id,
                "display_name": model_id,
                "created_at": "2026-01-01T00:00:00Z",
                "lifecycle": "active",
                "max_input_tokens": 1_000_000 if family.max_output > 64_000 else 200_000,
                "max_tokens": family.max_output,
            },
        )

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _usage(tokens: Tokens, output: int) -> Usage:
    return Usage(
        input_tokens=tokens.input + tokens.cache_read + tokens.cache_write,
        output_tokens=output,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
    )


async def _break(exchange: _Exchange, fault: Fault) -> None:
    """Break a stream off. A body left open makes the server cut the connection."""
    match fault.kind:
        case "error":
            problem = {"type": fault.error, "message": fault.message}
            exchange.buffer(encode({"type": "error", "error": problem}))
            await exchange.end()
        case "garbage":
            exchange.buffer(b"event: content_block_delta\ndata: {not json\n\n")
            await exchange.end()
        case "ends":
            await exchange.end()
        case _:
            # Let what was sent before leave the buffer of the connection.
            await anyio.lowlevel.checkpoint()


class _Exchange:
    """One request and its response, over ASGI."""

    answered = False

    def __init__(self, scope: Scope, receive: Receive, send: Send, rate_limits: bool) -> None:
        self.receive: Callable[[], Any] = receive
        self.headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self._send = send
        self._rate_limits = rate_limits
        self._buffer: list[bytes] = []

    async def read(self) -> bytes:
        parts: list[bytes] = []
        while True:
            message: MutableMapping[str, Any] = await self.receive()
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                return b"".join(parts)

    async def start(self, code: int, headers: dict[str, str]) -> None:
        sent = {"request-id": f"req_{id(self):x}", **headers}
        if self._rate_limits:
            sent |= {
                "anthropic-ratelimit-requests-limit": "4000",
                "anthropic-ratelimit-requests-remaining": "3999",
            }
        encoded = [(name.encode(), value.encode()) for name, value in sent.items()]
        await self._send({"type": "http.response.start", "status": code, "headers": encoded})

    def buffer(self, chunk: bytes) -> None:
        """Add to the body. Events that follow without a pause go out together."""
        self._buffer.append(chunk)

    async def flush(self) -> None:
        body = b"".join(self._buffer)
        self._buffer.clear()
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self) -> None:
        self.answered = True
        await self._send({"type": "http.response.body", "body": b"".join(self._buffer)})

    async def whole(
        self, code: int, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> None:
        sized = {"content-type": kind, "content-length": str(len(body))}
        await self.start(code, sized | (headers or {}))
        self.answered = True
        await self._send({"type": "http.response.body", "body": body})

    async def json(self, code: int, value: object, headers: dict[str, str] | None = None) -> None:
        await self.whole(code, json.dumps(value).encode(), "application/json", headers)

    async def error(
        self, code: int, kind: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        problem = {"type": "error", "error": {"type": kind, "message": message}}
        await self.json(code, problem, headers)


class _Server(uvicorn.Server):
    """A server that stops when told, not at its next tick: tests start hundreds of them."""

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
def serve(api: MessagesApi) -> Generator[str]:
    """Serve `api` on a free port of the loopback, in a thread, and yield its base URL.

    Raises:
        Exception: The first failure of the responder, when the block ends without one of its own.
    """
    # With its protocol spelled out, since only then small writes go out without delay.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    config = uvicorn.Config(
        api, log_config=None, log_level="critical", lifespan="off", access_log=False, ws="none"
    )
    with start_blocking_portal("asyncio") as portal:
        # Made over there, since its event belongs to that loop and not to the caller's.
        server = portal.call(_Server, config)
        serving = portal.start_task_soon(server.serve, [listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            portal.call(server.stop)
            serving.result()
    if api.failures:
        raise api.failures[0]
