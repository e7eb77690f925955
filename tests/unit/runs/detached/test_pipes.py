"""Lines over pipes: whole, in turn, and to their end."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import anyio
import anyio.lowlevel

from atlas_mcp.runs.detached.pipes import CHUNK_BYTES, Pipes


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


def test_last_words_are_written_without_a_loop() -> None:
    incoming, outgoing = os.pipe()
    pipes = Pipes(os.open(os.devnull, os.O_RDONLY), outgoing)
    pipes.send(b"unready\n")
    pipes.flush()
    pipes.close()
    pipes.close()
    with open(incoming, "rb") as read:  # noqa: PTH123 - a descriptor
        assert read.read() == b"unready\n"
