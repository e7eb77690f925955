"""The stdio transport: one message a line, on the process's own stdin and stdout.

The SDK's transport drops a line that it cannot read, buffers one that never ends, and dies with the
first write to a client that has gone. Here each line is answered, none takes more memory than the
longest message, and a stdout that is not read any more is the end of the input. The SDK's loop
drops what is under way at that end, so it hears of it only once the answers are out.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCMessage

from atlas_mcp.off_loop import off_loop
from atlas_mcp.server.messages import (
    HEAD_BYTES,
    MAX_MESSAGE_BYTES,
    QUICK_BYTES,
    TAIL_BYTES,
    RefusedMessage,
    read_message,
    too_long,
)
from atlas_mcp.server.stdio.unanswered import Unanswered
from atlas_mcp.system.consoles import taken_away
from atlas_mcp.system.streams import read_some, reader_gone, write_all
from atlas_mcp.task_groups import open_task_group

logger = logging.getLogger(__name__)

CHUNK_BYTES = 262_144
"""Bytes that are read at once."""

ANSWER_SECONDS = 10.0
"""Seconds that requests under way get at the end of the input, beside what runs get to end."""

LAST_WORDS_SECONDS = 1.0
"""Seconds that a client which reads no more gets for the last answers."""

Outgoing = SessionMessage | RefusedMessage


class LineSplitter:
    """Cuts a stream of bytes into lines, and keeps of one that is too long its two ends."""

    def __init__(self, longest: int = MAX_MESSAGE_BYTES) -> None:
        self._longest = longest
        self._line = bytearray()
        self._head: bytes | None = None

    def feed(self, chunk: bytes) -> Generator[bytes | RefusedMessage]:
        """Yield the lines that end in `chunk`, without their ends; blank ones are left out."""
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            self._add(part)
            yield from self.finish()
        self._add(rest)

    def finish(self) -> Generator[bytes | RefusedMessage]:
        """Yield the line that has begun, if there is one."""
        head, line = self._head, bytes(self._line)
        self._head = None
        self._line.clear()
        if head is not None:
            yield too_long(head, line)
        elif line.strip():
            yield line

    def _add(self, part: bytes) -> None:
        self._line += part
        if len(self._line) > self._longest and self._head is None:
            self._head = bytes(self._line[:HEAD_BYTES])
        if self._head is not None:
            del self._line[:-TAIL_BYTES]


class Lines:
    """A client at the other end of two pipes. Made by `open_lines`.

    Attributes:
        received: The messages of the client, until its input ends.
        sent: Takes the answers; closed by the server.
        is_pipe: Whether the input is a pipe or a socket, as a client's is.
    """

    def __init__(self, stdin: int, stdout: int, at_end: Callable[[], Awaitable[None]]) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._at_end = at_end
        self._input = anyio.CancelScope()
        self._parting = anyio.CancelScope()
        self._unanswered = Unanswered()
        # Each for one thread that waits for the client, beside those that work.
        self._reads = anyio.CapacityLimiter(1)
        self._writes = anyio.CapacityLimiter(1)
        self._arrived, received = anyio.create_memory_object_stream[SessionMessage | Exception]()
        sent, self._outgoing = anyio.create_memory_object_stream[Outgoing]()
        self._refused = sent.clone()
        self.received: MemoryObjectReceiveStream[SessionMessage | Exception] = received
        self.sent: MemoryObjectSendStream[Any] = sent
        mode = os.fstat(stdin).st_mode
        self.is_pipe = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)

    def end_input(self) -> None:
        """Take what has been read so far for all that will ever come."""
        self._input.cancel("the client has gone")

    @property
    def reader_gone(self) -> bool:
        """Whether answers cannot be read any more, as far as the system knows."""
        return reader_gone(self._stdout)

    def give_up(self) -> None:
        """End the input, and wait for no answer: answers are not read."""
        self._unanswered.forget()
        self.end_input()

    def close(self) -> None:
        """Read no more, and wait for no answer: the server has ended."""
        self._input.cancel("the server has ended")
        self._parting.cancel("the server has ended")
        self.sent.close()

    async def read(self) -> None:
        """Hand each message on, and refuse what is none, until the input ends and is answered."""
        splitter = LineSplitter()
        async with self._arrived, self._refused:
            with self._input:
                while chunk := await self._read_chunk():
                    for line in splitter.feed(chunk):
                        await self._take(line)
                for line in splitter.finish():
                    await self._take(line)
            with self._parting:
                await self._at_end()
                with anyio.move_on_after(ANSWER_SECONDS):
                    await self._unanswered.answered()

    async def write(self) -> None:
        """Write each answer; once the client reads no more they lead nowhere."""
        gone = False
        async with self._outgoing:
            async for item in self._outgoing:
                if gone:
                    continue
                data = (
                    item.as_json() if isinstance(item, RefusedMessage) else _as_json(item.message)
                )
                gone = not await anyio.to_thread.run_sync(
                    write_all,
                    self._stdout,
                    data + b"\n",
                    abandon_on_cancel=True,
                    limiter=self._writes,
                )
                if gone:
                    self.give_up()
                elif isinstance(item, SessionMessage):
                    self._unanswered.give(item.message)

    async def _take(self, line: bytes | RefusedMessage) -> None:
        message = [line] if isinstance(line, RefusedMessage) else await message_on(line)
        try:
            if not isinstance(message, list):
                with self._unanswered.taking(message):
                    await self._arrived.send(SessionMessage(message))
                return
            for refusal in message:
                await self._refused.send(refusal)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            # The server has ended before its input has.
            self.close()

    async def _read_chunk(self) -> bytes:
        return await anyio.to_thread.run_sync(
            _read, self._stdin, abandon_on_cancel=True, limiter=self._reads
        )


@asynccontextmanager
async def open_lines(at_end: Callable[[], Awaitable[None]]) -> AsyncGenerator[Lines]:
    """Serve the client on stdin and stdout for the length of a block.

    From then on stray output of this process goes to stderr, and its stdin is empty: nothing but
    messages may be between client and server.

    Args:
        at_end: Called once the input has ended. When it returns, nothing is under way any more but
            what can be answered soon.
    """
    lines = Lines(taken_away(0), taken_away(1, instead=2), at_end)
    async with open_task_group() as tasks:
        tasks.start_soon(lines.read, name="stdin")
        async with open_task_group() as writing:
            writing.start_soon(lines.write, name="stdout")
            try:
                yield lines
            finally:
                lines.close()
                writing.cancel_scope.deadline = anyio.current_time() + LAST_WORDS_SECONDS


async def message_on(line: bytes) -> JSONRPCMessage | list[RefusedMessage]:
    """Return the message on a line, or why it is refused; long ones are read off the event loop."""
    if len(line) <= QUICK_BYTES:
        return read_message(line)
    return await off_loop("bodies", partial(read_message, line))


def _read(descriptor: int) -> bytes:
    """Return the next bytes, waiting for them; none once the input has ended, or is broken."""
    try:
        return read_some(descriptor, CHUNK_BYTES)
    except OSError:
        return b""


def _as_json(message: JSONRPCMessage) -> bytes:
    """Return an answer as JSON; what no text can hold in it is replaced."""
    try:
        return message.model_dump_json(by_alias=True, exclude_unset=True).encode()
    except ValueError:
        logger.exception("an answer holds what is no text")
        value = message.model_dump(by_alias=True, exclude_unset=True)
        return json.dumps(value, ensure_ascii=False, default=repr).encode(errors="replace")
