"""Connections are served in turns, and cut where their clients neither send nor read."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.lowlevel
import pytest

from atlas_mcp.web import connections
from atlas_mcp.web.connections import LEAST_READ_BYTES, PARTS_A_TURN, Connection
from atlas_mcp.web.listening import listen
from atlas_mcp.web.serving import Web

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"

Answer = Callable[[Any, Any], Awaitable[None]]


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Uvicorn runs on asyncio."""
    return request.param


class App:
    """Answers requests as a test says, and notes the parts of their bodies."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.parts: list[bytes] = []
        self._answer = answer or self._echo

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(receive, send)
            return
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})

    async def _echo(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            self.parts.append(message["body"])
            if not message["more_body"]:
                break
        await say(send, b"%d" % len(b"".join(self.parts)))


async def say(send: Send, body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served(app: App) -> AsyncGenerator[int]:
    """Serve an application; yield the port."""
    (listener,) = listen("127.0.0.1", 0)
    web = Web(app, [listener], clients=10)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(web.serve)
            yield listener.getsockname()[1]
            web.stop()
            web.cut()
            await web.empty()
            await web.close()


async def heard(client: anyio.abc.SocketStream, until: bytes = b"") -> bytes:
    """Return the bytes a client receives until some words, or until its connection is closed."""
    got = b""
    while not until or until not in got:
        try:
            got += await client.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            break
    return got


async def test_a_body_of_tiny_chunks_is_read_a_few_at_a_time() -> None:
    app = App()
    async with served(app) as port, await anyio.connect_tcp("127.0.0.1", port) as client:
        await client.send(CHUNKED + b"1\r\nx\r\n" * 500 + b"0\r\n\r\n")
        got = await heard(client, b"\r\n\r\n500")

    assert got.startswith(b"HTTP/1.1 200 OK")
    assert b"".join(app.parts) == b"x" * 500
    assert max(map(len, app.parts)) <= PARTS_A_TURN


async def test_requests_that_come_at_once_are_answered_in_their_order() -> None:
    numbers = iter(range(100))

    async def count(receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        await say(send, b"<%d>" % next(numbers))

    request = CHUNKED + b"1\r\nx\r\n" * 40 + b"0\r\n\r\n"
    async with served(App(count)) as port, await anyio.connect_tcp("127.0.0.1", port) as client:
        await client.send(request * 20)
        got = await heard(client, b"<19>")

    assert [got.count(b"<%d>" % number) for number in range(20)] == [1] * 20


async def test_what_is_left_of_a_request_that_has_its_answer_is_dropped() -> None:
    async def refuse(receive: Receive, send: Send) -> None:
        await say(send, b"no")

    async with served(App(refuse)) as port, await anyio.connect_tcp("127.0.0.1", port) as client:
        await client.send(CHUNKED + b"1\r\nx\r\n" * 500)
        first = await heard(client, b"no")
        await client.send(b"1\r\nx\r\n" * 500 + b"0\r\n\r\n" + HEAD + b"content-length: 0\r\n\r\n")
        second = await heard(client, b"no")

    assert (first[:15], second[:15]) == (b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK")


async def test_nonsense_behind_a_request_that_has_its_answer_is_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)

    async def refuse(receive: Receive, send: Send) -> None:
        await say(send, b"no")

    async with served(App(refuse)) as port, await anyio.connect_tcp("127.0.0.1", port) as client:
        await client.send(CHUNKED)
        await heard(client, b"no")
        await client.send(b"nonsense\r\n")
        assert await heard(client) == b""

    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("sent", [b"", HEAD, HEAD + b"content-length: 0\r\n\r\n" + HEAD])
async def test_a_client_that_sends_no_more_of_a_head_is_cut(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_SECONDS", 0.05)
    async with served(App()) as port, await anyio.connect_tcp("127.0.0.1", port) as client:
        if sent:
            await client.send(sent)
        got = await heard(client)

    assert got.count(b"HTTP/1.1 200 OK") == sent.count(b"content-length")


async def test_a_client_that_waits_for_its_answer_is_not_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def think(receive: Receive, send: Send) -> None:
        await anyio.wait_all_tasks_blocked()
        await say(send, b"yes")

    monkeypatch.setattr(connections, "PATIENCE_SECONDS", 0.2)
    async with served(App(think)) as port, await anyio.connect_tcp("127.0.0.1", port) as client:
        await client.send(HEAD + b"content-length: 0\r\n\r\n")
        assert b"yes" in await heard(client, b"yes")


async def test_a_client_that_reads_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE_SECONDS", 0.05)
    gone = anyio.Event()

    async def pour(receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})

        async def hear() -> None:
            await receive()
            gone.set()
            tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hear)
            while True:
                await send({"type": "http.response.body", "body": b" " * 9_999, "more_body": True})
                await anyio.lowlevel.checkpoint()

    async with served(App(pour)) as port:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(HEAD + b"content-length: 0\r\n\r\n")
            await gone.wait()


async def test_an_answer_that_nobody_reads_keeps_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_SECONDS", 0.05)

    async def answer(receive: Receive, send: Send) -> None:
        await say(send, b" " * 20_000_000)

    (listener,) = listen("127.0.0.1", 0)
    web = Web(App(answer), [listener], clients=10)
    with anyio.fail_after(10), socket.socket() as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(web.serve)
            client.connect(listener.getsockname())
            client.sendall(HEAD + b"content-length: 0\r\nconnection: close\r\n\r\n")
            await anyio.to_thread.run_sync(client.recv, 1)
            # By itself.
            await web.empty()
            web.stop()
            await web.close()


class Patience:
    """The event loop of connections, whose patience ends when a test says so.

    Attributes:
        waiting: The connections that are waited for, each with what its client has not read yet.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waiting: list[tuple[Connection, int, Callable[[], None]]] = []
        monkeypatch.setattr(connections, "PATIENCE_SECONDS", ENDLESS)
        monkeypatch.setattr(Connection, "connection_made", self._made(Connection.connection_made))

    def _made(self, made: Callable[[Connection, Any], None]) -> Callable[[Connection, Any], None]:
        def watched(connection: Connection, transport: Any) -> None:
            connection.loop = cast("Any", _Loop(connection.loop, connection, self))
            made(connection, transport)

        return watched

    async def waits(self) -> tuple[Connection, int]:
        """Return the connection that is waited for once it is so for an answer to be read."""
        while not any(unread for _, unread, _ in self.waiting):
            await anyio.lowlevel.checkpoint()
        connection, unread, _ = self.waiting[-1]
        return connection, unread

    def end(self) -> None:
        """Have it come to its end."""
        *_, give_up = self.waiting.pop()
        give_up()


ENDLESS = 1e9


class _Loop:
    def __init__(self, loop: Any, connection: Connection, patience: Patience) -> None:
        self._loop, self._connection, self._patience = loop, connection, patience

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def call_later(self, delay: float, call: Callable[[], None]) -> Any:
        if delay == ENDLESS:
            unread = self._connection.transport.get_write_buffer_size()
            self._patience.waiting.append((self._connection, unread, call))
        return self._loop.call_later(delay, call)


@pytest.mark.parametrize(
    ("read", "kept"), [(LEAST_READ_BYTES, True), (LEAST_READ_BYTES - 1, False)]
)
async def test_a_client_that_reads_slowly_is_kept_as_long_as_it_reads_enough(
    monkeypatch: pytest.MonkeyPatch, read: int, kept: bool
) -> None:
    async def answer(receive: Receive, send: Send) -> None:
        await say(send, b" " * 20_000_000)

    patience = Patience(monkeypatch)
    async with served(App(answer)) as port:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(HEAD + b"content-length: 0\r\n\r\n")
            connection, unread = await patience.waits()
            transport = connection.transport
            # What lies between client and server is the system's affair: so it is only counted.
            monkeypatch.setattr(transport, "get_write_buffer_size", lambda: unread - read)
            patience.end()

            assert transport.is_closing() != kept
            if kept:
                # It is waited for again, and has read nothing more.
                patience.end()
                assert transport.is_closing()
