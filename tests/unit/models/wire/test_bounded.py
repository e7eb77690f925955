"""How much is read of a body depends on what it is, wherever its first bytes are cut."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import anyio
import anyio.lowlevel
import httpx2
import pytest
from typing_extensions import override

from atlas_mcp.models.wire import bounded
from atlas_mcp.models.wire.bounded import TooMuch, response_hooks
from atlas_mcp.models.wire.event_lines import MARK


class Body(httpx2.AsyncByteStream):
    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = chunks

    @override
    async def __aiter__(self) -> AsyncGenerator[bytes]:
        for chunk in self._chunks:
            yield chunk


async def read(*chunks: bytes) -> int:
    """Return how many bytes are read of a body that does not say what it is."""
    response = httpx2.Response(200, stream=Body(chunks))
    for hook in response_hooks():
        await hook(response)
    return len(b"".join([chunk async for chunk in response.aiter_raw()]))


@pytest.mark.parametrize(
    "beginning",
    [(b"data:",), (b"da", b"ta:"), (MARK[:1], MARK[1:], b"\n", b":"), (MARK + b"\n" * 99, b"id:")],
)
async def test_a_stream_is_read_as_one_wherever_its_first_bytes_are_cut(
    monkeypatch: pytest.MonkeyPatch, beginning: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(bounded, "MAX_BODY_BYTES", 200)
    rest = b" x\n\n" * 100

    assert await read(*beginning, rest) == len(b"".join(beginning) + rest)


async def test_what_is_no_stream_is_bounded_as_a_body_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "MAX_BODY_BYTES", 200)

    with pytest.raises(TooMuch, match="longer than 200 bytes"):
        await read(MARK[:1], MARK[1:], b"{", b" " * 300)


class Flood(httpx2.AsyncByteStream):
    """More than anybody reads, without a pause; stops by itself where it would go on for ever."""

    def __init__(self) -> None:
        self.left = 10_000_000

    @override
    async def __aiter__(self) -> AsyncGenerator[bytes]:
        while self.left:
            self.left -= 1
            yield b"x"


async def test_who_sends_faster_than_is_read_is_left_in_the_middle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounded, "LEAVE_SECONDS", 0.01)
    flood = Flood()
    response = httpx2.Response(200, stream=flood)
    for hook in response_hooks():
        await hook(response)
    async with aclosing(response.aiter_raw()) as chunks:
        await anext(chunks)

    assert flood.left


async def test_of_what_has_come_all_is_handed_on_before_a_cancel() -> None:
    body = b"x" * 5 * bounded.SLICE_BYTES
    response = httpx2.Response(200, stream=Body([body, b"more"]))
    for hook in response_hooks():
        await hook(response)
    size = 0
    with anyio.CancelScope() as scope:
        async for chunk in response.aiter_raw():
            size += len(chunk)
            scope.cancel()

    assert size == len(body)
    assert scope.cancelled_caught


async def test_others_have_their_turns_while_a_packed_chunk_is_read_after_a_cancel() -> None:
    packing = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    packed = packing.compress(b"data: x\n\n" * 200_000) + packing.flush()
    response = httpx2.Response(200, headers={"content-encoding": "gzip"}, stream=Body([packed]))
    for hook in response_hooks():
        await hook(response)
    turns, handed_on = 0, Counter[int]()

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(others)
        with anyio.CancelScope() as scope:
            async for chunk in response.aiter_raw():
                handed_on[turns] += len(chunk)
                scope.cancel()
        assert scope.cancelled_caught
        tasks.cancel_scope.cancel()

    assert len(packed) < bounded.SLICE_BYTES, "all of it has come at once"
    assert len(handed_on) > 1
    # Trio shuffles the tasks of a turn, so that two turns of ours may lie between two of theirs.
    assert max(handed_on.values()) < 2 * (bounded.CHUNK_BYTES + bounded.SLICE_BYTES)
