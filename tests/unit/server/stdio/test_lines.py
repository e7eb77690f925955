from __future__ import annotations

import json
import os
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCResponse

from atlas_mcp.server.messages import SMALL_BYTES, RefusedMessage, read_message
from atlas_mcp.server.stdio import lines as module
from atlas_mcp.server.stdio.lines import Lines, LineSplitter, message_on


def split(chunks: Sequence[bytes], longest: int = 1_000) -> list[bytes | RefusedMessage]:
    splitter = LineSplitter(longest)
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*lines, *splitter.finish()]


@given(st.lists(st.binary(max_size=30)), st.integers(1, 7))
def test_lines_come_out_as_they_went_in_however_they_are_cut(lines: list[bytes], step: int) -> None:
    whole = [line.replace(b"\n", b"") for line in lines]
    data = b"\n".join(whole)
    chunks = [data[at : at + step] for at in range(0, len(data), step)]

    assert split(chunks) == [line for line in whole if line.strip()]


def test_a_line_that_is_too_long_is_refused_and_the_next_one_is_read() -> None:
    long = b'{"jsonrpc":"2.0","id":7,"method":"x","params":"' + b"x" * 200 + b'"}\n'
    at_once = split([long + b'{"next":1}\n'], longest=100)
    in_pieces = split([*(bytes([byte]) for byte in long), b'{"next":1}\n'], longest=100)

    for refused, following in (at_once, in_pieces):
        assert isinstance(refused, RefusedMessage)
        assert json.loads(refused.as_json())["id"] == 7
        assert following == b'{"next":1}'


def test_the_last_line_needs_no_end() -> None:
    assert split([b"a\nb"]) == [b"a", b"b"]


@pytest.mark.parametrize(("size", "elsewhere"), [(10, False), (SMALL_BYTES, True)])
async def test_long_lines_are_read_in_another_thread(
    size: int, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def read(data: bytes) -> object:
        threads.append(threading.get_ident())
        return read_message(data)

    monkeypatch.setattr(module, "read_message", read)
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":"'
    message = await message_on(call + b"x" * size + b'"}}}')

    assert not isinstance(message, list)
    assert [thread != threading.get_ident() for thread in threads] == [elsewhere]


REQUEST = b'{"jsonrpc":"2.0","id":%d,"method":"ping"}\n'


async def at_end() -> None:
    """Nothing is under way."""


@contextmanager
def client(sent: bytes) -> Generator[Lines]:
    """Have a client that has sent something, and whose input has not ended."""
    stdin, to_stdin = os.pipe()
    from_stdout, stdout = os.pipe()
    os.write(to_stdin, sent)
    try:
        yield Lines(stdin, stdout, at_end)
    finally:
        for descriptor in (stdin, to_stdin, from_stdout, stdout):
            os.close(descriptor)


@pytest.mark.parametrize("handed_on", [0, 1])
async def test_a_request_that_was_never_handed_on_is_not_waited_for(
    handed_on: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the death of a parent, while the server takes nothing in."""
    monkeypatch.setattr(module, "ANSWER_SECONDS", float("inf"))
    with client(REQUEST % 1 + REQUEST % 2) as lines, anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lines.read)
            for _ in range(handed_on):
                await lines.received.receive()
            while not lines.received.statistics().tasks_waiting_send:
                await anyio.lowlevel.checkpoint()
            lines.end_input()
            tasks.start_soon(lines.write)
            for number in range(handed_on):
                answer = JSONRPCResponse(jsonrpc="2.0", id=number + 1, result={})
                await lines.sent.send(SessionMessage(answer))
            lines.sent.close()
            lines.received.close()
