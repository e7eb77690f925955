"""The requests of a client that have no answer yet: at the end of its input they are waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import anyio
from mcp_types import (
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)


class Unanswered:
    """Counts requests as they come in, and their answers as they go out."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._bell = anyio.Event()

    @contextmanager
    def taking(self, message: JSONRPCMessage) -> Generator[None]:
        """Hand a message of the client on in a block; its answer may come before the block ends.

        A request waits for its answer from then on, unless it is not handed on; one that the client
        cancels is never answered, and waits no more.
        """
        self._take(message)
        try:
            yield
        except BaseException:
            if isinstance(message, JSONRPCRequest):
                self._close(_key(message.id))
            raise

    def _take(self, message: JSONRPCMessage) -> None:
        if isinstance(message, JSONRPCRequest):
            self._open[_key(message.id)] += 1
        elif isinstance(message, JSONRPCNotification) and message.method.endswith("/cancelled"):
            params: Mapping[str, object] = message.params or {}
            self._close(_key(params.get("requestId")))

    def give(self, message: JSONRPCMessage) -> None:
        """Note a message that is out."""
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._close(_key(message.id))

    def forget(self) -> None:
        """Wait for no answer any more: answers are not read."""
        self._open.clear()
        self._bell.set()

    async def answered(self) -> None:
        """Return once every request has its answer."""
        while self._open:
            self._bell = anyio.Event()
            await self._bell.wait()

    def _close(self, key: str) -> None:
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]
        if not self._open:
            self._bell.set()


def _key(id_: object) -> str:
    """Return an id as the SDK compares it, which takes `"7"` for `7`."""
    return str(id_)
