"""A request over HTTP is served once it is there, and not for as long as its sender likes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from atlas_mcp.server.http.requests import WholeRequests
from atlas_mcp.server.messages import MARK, MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

PING = b'{"jsonrpc":"2.0","id":7,"method":"ping"}'


@dataclass
class Sender:
    """A client that sends its parts, and then nothing for as long as it is listened to."""

    parts: Sequence[bytes]
    ends: bool = True
    said: list[Message] = field(default_factory=list["Message"])
    waited_for: anyio.Event = field(default_factory=anyio.Event)
    sent: int = 0

    async def receive(self) -> Message:
        if self.sent == len(self.parts):
            self.waited_for.set()
            await anyio.sleep_forever()
        part = self.parts[self.sent]
        self.sent += 1
        more = not self.ends or self.sent < len(self.parts)
        return {"type": "http.request", "body": part, "more_body": more}

    async def send(self, message: Message) -> None:
        self.said.append(message)

    @property
    def told(self) -> tuple[int, Any]:
        """The status and the answer."""
        start, body = self.said
        return start["status"], json.loads(body["body"])


@dataclass
class Echo:
    """An application that keeps what it is asked."""

    asked: list[bytes] = field(default_factory=list[bytes])
    lengths: list[str] = field(default_factory=list[str])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        assert not message.get("more_body")
        self.asked.append(message["body"])
        self.lengths += [value.decode() for name, value in scope["headers"] if b"length" in name]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'"served"'})


def scope(**headers: str) -> Scope:
    given = {"content-type": "application/json", **headers}
    encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
    return {"type": "http", "method": "POST", "headers": encoded}


async def ask(sender: Sender, **headers: str) -> Echo:
    app = Echo()
    with anyio.fail_after(5):
        await WholeRequests(app)(scope(**headers), sender.receive, sender.send)
    return app


async def test_a_body_in_pieces_reaches_the_application_whole() -> None:
    sender = Sender([PING[:5], b"", PING[5:]])

    app = await ask(sender)

    assert app.asked == [PING]
    assert sender.told == (200, "served")


async def test_a_byte_order_mark_is_taken_off() -> None:
    body = MARK + PING

    app = await ask(Sender([body]), content_length=str(len(body)))

    assert (app.asked, app.lengths) == ([PING], [str(len(PING))])


REFUSED = {
    "half a surrogate pair": (b'{"id":7,"method":"x","params":{"a":"\\ud83d"}}', 7, -32700),
    "a batch of one": (b"[" + PING + b"]", 7, -32600),
    "a batch of two": (b"[" + PING + b"," + PING + b"]", None, -32600),
    "an id that is none": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', None, -32600),
    "nothing": (b"", None, -32700),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_no_message_is_refused_as_over_stdio(case: str) -> None:
    body, id_, code = REFUSED[case]
    sender = Sender([body])

    app = await ask(sender)

    status, answer = sender.told
    assert app.asked == []
    assert (status, answer["id"], answer["error"]["code"]) == (400, id_, code)


async def test_what_is_not_called_json_is_left_to_the_application() -> None:
    assert (await ask(Sender([b"hello"]), content_type="text/plain")).asked == [b"hello"]


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_long_is_refused_without_being_read_on(declared: bool) -> None:
    part = b"x" * (MAX_MESSAGE_BYTES // 4)
    sender = Sender([part] * 10, ends=False)

    app = await ask(sender, **({"content_length": str(10 * len(part))} if declared else {}))

    assert app.asked == []
    assert sender.told[0] == 413
    assert sender.sent == (0 if declared else 5)


async def test_unfinished_requests_are_dropped_at_once_when_the_server_ends() -> None:
    app = WholeRequests(Echo())
    early, late = Sender([PING[:5]], ends=False), Sender([PING])
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(app, scope(), early.receive, early.send)
            await early.waited_for.wait()
            app.turn_away()
        await app(scope(), late.receive, late.send)

    assert [sender.told[0] for sender in (early, late)] == [503, 503]


async def test_a_client_that_goes_in_the_middle_is_no_error() -> None:
    said: list[Message] = []

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        said.append(message)

    app = Echo()
    await WholeRequests(app)(scope(), gone, send)

    assert app.asked == []


async def test_calls_of_tools_take_turns_and_a_ping_passes_them_by() -> None:
    call = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_run"}}'
    handed_on: list[bytes] = []

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        handed_on.append((await receive())["body"])

    requests = WholeRequests(app)
    async with anyio.create_task_group() as tasks:
        for body in (*[call] * 50, PING):
            sender = Sender([body])
            tasks.start_soon(requests, scope(), sender.receive, sender.send)

    assert handed_on.index(PING) < 25
    assert len(handed_on) == 51
