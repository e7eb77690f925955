"""Lines over pipes: whole, in turn, and to their end."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from atlas_mcp.runs.detached import pipes
from atlas_mcp.runs.detached.pipes import CHUNK_BYTES, Pipes
from atlas_mcp.system import streams
from atlas_mcp.system.streams import read_some
from tests.support.systems import posix


@asynccontextmanager
async def two_ends() -> AsyncGenerator[tuple[Pipes, Pipes]]:
    """Yield both ends of a pair of pipes, each written by a task."""
    to_driver, from_server = os.pipe()
    to_server, from_driver = os.pipe()
    server, driver = Pipes(to_server, from_server), Pipes(to_driver, from_driver)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.write)
        tasks.start_soon(driver.write)
        yield server, driver
        server.close()
        driver.close()


async def test_lines_arrive_whole_and_in_turn() -> None:
    sent = [b"a", b"x" * (3 * CHUNK_BYTES), b"", b"last"]
    async with two_ends() as (server, driver):
        for line in sent:
            server.send(line + b"\n")
        received: list[bytes] = []
        async with aclosing(driver.lines()) as lines:
            async for line in lines:
                received.append(line)
                if line == b"last":
                    break
        assert received == sent


async def test_a_thread_sends_as_the_event_loop_does() -> None:
    async with two_ends() as (server, driver):
        thread = threading.Thread(target=driver.send, args=(b"from a thread\n",))
        thread.start()
        thread.join()
        async with aclosing(server.lines()) as lines:
            async for line in lines:
                assert line == b"from a thread"
                break


async def test_the_end_of_one_side_is_the_end_of_the_lines_and_of_writing() -> None:
    async with two_ends() as (server, driver):
        server.send(b"one\n")
        lines = driver.lines()
        assert await anext(lines) == b"one"
        server.close()
        assert [line async for line in lines] == []
        while not driver.gone:
            driver.send(b"nobody reads this\n")
            await anyio.lowlevel.checkpoint()
        driver.send(b"nor this\n")


async def test_half_a_line_at_the_end_is_none() -> None:
    async with two_ends() as (server, driver):
        os.write(server.outgoing, b"whole\nhalf")
        server.close()
        assert [line async for line in driver.lines()] == [b"whole"]


async def test_a_sender_waits_for_no_reader() -> None:
    async with two_ends() as (server, driver):
        for _ in range(100):
            server.send(b"y" * CHUNK_BYTES + b"\n")
        count = 0
        async with aclosing(driver.lines()) as lines:
            async for _ in lines:
                count += 1
                if count == 100:
                    break


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


async def test_a_descriptor_that_a_thread_reads_is_closed_by_that_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads = anyio.Event()

    def read(descriptor: int, size: int) -> bytes:
        anyio.from_thread.run_sync(reads.set)
        return read_some(descriptor, size)

    monkeypatch.setattr(pipes, "read_some", read)
    incoming, their_end = os.pipe()
    server = Pipes(incoming, os.open(os.devnull, os.O_WRONLY))
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:

            async def read_all() -> None:
                assert [line async for line in server.lines()] == []

            tasks.start_soon(read_all)
            await reads.wait()
            server.close()
            assert is_open(incoming), "another file may not get its number yet"
            os.close(their_end)
    assert not is_open(incoming)


@posix
async def test_a_write_that_waits_for_its_reader_is_given_up_and_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = anyio.Event()

    def wait(descriptor: int, *, seconds: float) -> None:
        anyio.from_thread.run_sync(waits.set)

    monkeypatch.setattr(streams, "wait_writable", wait)
    unread, outgoing = os.pipe()
    server = Pipes(os.open(os.devnull, os.O_RDONLY), outgoing)
    server.send(b"y" * (4 * CHUNK_BYTES) + b"\n")
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.write)
            await waits.wait()
            assert is_open(outgoing)
            server.end()
    assert not is_open(outgoing)
    assert (server.ended, server.gone) == (True, False), "its reader is there"
    server.close()
    os.close(unread)


def test_last_words_are_written_without_a_loop() -> None:
    incoming, outgoing = os.pipe()
    pipes = Pipes(os.open(os.devnull, os.O_RDONLY), outgoing)
    pipes.send(b"unready\n")
    pipes.flush()
    pipes.close()
    pipes.close()
    with open(incoming, "rb") as read:  # noqa: PTH123 - a descriptor
        assert read.read() == b"unready\n"
