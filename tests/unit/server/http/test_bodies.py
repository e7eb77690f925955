"""Bodies that clients send over HTTP are bounded in bytes, time and values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from atlas_mcp.server.http import bodies
from atlas_mcp.server.http.bodies import MANY_PARTS, SMALL_PART_BYTES
from atlas_mcp.server.http.requests import WholeRequests
from atlas_mcp.server.messages import MAX_MESSAGE_BYTES, SMALL_BYTES

CHUNK = 65_536


@dataclass
class App:
    """An application that reads a body and answers when it may."""

    may_answer: anyio.Event = field(default_factory=anyio.Event)
    seen: list[bytes] = field(default_factory=list[bytes])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            if not message.get("more_body"):
                break
        self.seen.append(body)
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})


class Client:
    """One request: its body piece by piece, and the answer."""

    def __init__(
        self,
        pieces: Iterator[bytes] | list[bytes],
        headers: dict[bytes, bytes] | None = None,
        *,
        ends: bool = True,
    ) -> None:
        self._pieces = iter(pieces)
        self._ends = ends
        self.sent_all = anyio.Event()
        self.sent: list[dict[str, Any]] = []
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "headers": [*(headers or {}).items()],
        }

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    async def receive(self) -> dict[str, Any]:
        piece = next(self._pieces, None)
        if piece is not None:
            return {"type": "http.request", "body": piece, "more_body": True}
        self.sent_all.set()
        if not self._ends:
            await anyio.sleep_forever()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def ask(self, app: WholeRequests) -> None:
        await app(self.scope, self.receive, self.send)


def of(size: int) -> Iterator[bytes]:
    return (b" " * min(CHUNK, size - at) for at in range(0, size, CHUNK))


async def test_a_body_is_handed_on_as_it_came() -> None:
    app = App()
    app.may_answer.set()
    client = Client([b'{"a":', b" 1}"])

    await client.ask(WholeRequests(app))

    assert (app.seen, client.status) == ([b'{"a": 1}'], 200)


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_long_is_refused(declared: bool) -> None:
    app = App()
    headers = {b"content-length": b"%d" % (MAX_MESSAGE_BYTES + 1)} if declared else {}
    client = Client([] if declared else of(MAX_MESSAGE_BYTES + 1), headers)

    await client.ask(WholeRequests(app))

    assert (app.seen, client.status) == ([], 413)
    # It still sends: cut off, it would not hear the answer.
    assert (b"connection", b"close") not in client.sent[0]["headers"]
    assert "send less" in json.loads(client.sent[1]["body"])["error"]["message"]


async def test_a_body_that_does_not_arrive_in_time_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "GRACE_SECONDS", 0.05)
    client = Client([b"{"], ends=False)

    with anyio.fail_after(5):
        await client.ask(WholeRequests(App()))

    assert client.status == 408


@pytest.mark.parametrize("header", [(b"content-length", b"9"), (b"transfer-encoding", b"chunked")])
async def test_a_body_that_no_post_sends_is_given_up_as_well(
    monkeypatch: pytest.MonkeyPatch, header: tuple[bytes, bytes]
) -> None:
    monkeypatch.setattr(bodies, "GRACE_SECONDS", 0.05)
    app = App()
    client = Client([b"{"], dict([header]), ends=False)
    client.scope["method"] = "DELETE"

    with anyio.fail_after(5):
        await client.ask(WholeRequests(app))

    assert (app.seen, client.status) == ([], 408)


async def test_a_request_without_a_body_is_served_while_bodies_are_turned_away() -> None:
    app = App()
    app.may_answer.set()
    client = Client([])
    client.scope["method"] = "DELETE"
    whole = WholeRequests(app)
    whole.turn_away()

    await client.ask(whole)

    assert (app.seen, client.status) == ([b""], 200)


async def test_a_body_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "GRACE_SECONDS", 0.05)
    # A small part a turn of the event loop is fast, where the machine is.
    monkeypatch.setattr(bodies, "SLOWEST_BYTES_PER_SECOND", 1e9)

    async def drip() -> dict[str, Any]:
        await anyio.lowlevel.checkpoint()
        return {"type": "http.request", "body": b" " * SMALL_PART_BYTES, "more_body": True}

    client = Client([])
    with anyio.fail_after(5):
        await WholeRequests(App())(client.scope, drip, client.send)

    assert client.status == 408


async def test_a_body_in_too_many_tiny_pieces_is_refused_and_its_connection_closed() -> None:
    app = App()
    client = Client([b" "] * (MANY_PARTS + 1))

    await client.ask(WholeRequests(app))

    assert (app.seen, client.status) == ([], 400)
    assert (b"connection", b"close") in client.sent[0]["headers"]
    assert "send larger ones" in json.loads(client.sent[1]["body"])["error"]["message"]


async def test_a_body_in_many_pieces_may_have_some_tiny_ones() -> None:
    app = App()
    app.may_answer.set()
    client = Client([b" " * 4 * SMALL_PART_BYTES, b" ", b" "] * MANY_PARTS)

    await client.ask(WholeRequests(app))

    assert client.status == 200


async def test_half_sent_bodies_take_up_a_bounded_number_of_bytes() -> None:
    """And small requests get through meanwhile."""
    app = App()
    app.may_answer.set()
    taken = WholeRequests(app)
    half = [Client(of(30_000_000), ends=False) for _ in range(20)]
    async with anyio.create_task_group() as tasks:
        for client in half:
            tasks.start_soon(client.ask, taken)
        await anyio.wait_all_tasks_blocked()
        refused = [client for client in half if client.status == 503]

        assert len(half) - len(refused) == 192_000_000 // 30_000_000
        assert (b"retry-after", b"5") in refused[0].sent[0]["headers"]
        for _ in range(3):
            small = Client(of(SMALL_BYTES - 1))
            await small.ask(taken)
            assert small.status == 200
        tasks.cancel_scope.cancel()

    large = Client(of(30_000_000))
    await large.ask(taken)
    assert large.status == 200


async def test_a_body_counts_until_its_request_is_answered() -> None:
    app = App()
    taken = WholeRequests(app)
    first, *others = [Client(of(30_000_000)) for _ in range(7)]
    async with anyio.create_task_group() as tasks:
        for client in (first, *others[:5]):
            tasks.start_soon(client.ask, taken)
        await anyio.wait_all_tasks_blocked()
        await others[-1].ask(taken)
        assert others[-1].status == 503
        app.may_answer.set()

    again = Client(of(30_000_000))
    await again.ask(taken)
    assert again.status == 200


async def test_a_client_that_hangs_up_in_the_middle_is_no_error() -> None:
    app = App()
    client = Client([])

    async def hang_up() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    await WholeRequests(app)(client.scope, hang_up, client.send)

    assert app.seen == []


async def test_a_packed_body_is_refused() -> None:
    client = Client([b"x"], {b"content-encoding": b"gzip"})

    await client.ask(WholeRequests(App()))

    assert client.status == 415
