"""A Messages API on the loopback whose answers a test holds back."""

from __future__ import annotations

import threading
from collections.abc import Container, Generator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.to_thread
from typing_extensions import override

from atlas_mcp.testing.atlas_api import AtlasPlay
from atlas_mcp.testing.messages_api import API_KEY, MessagesApi, Responder, serve

PATIENCE = 60
"""Seconds for calls to arrive from a process, on a machine that is busy with other tests too."""

EVERY_CALL = range(1_000_000)
"""The numbers of all calls, for an API that holds each of them."""


class HeldApi(MessagesApi):
    """Holds calls until `gate` is set, and calls of a batch until the batch is complete.

    Attributes:
        gate: Lets go of every call, those that are still to come included.
        batches: Sizes: with `[2, 1]` the first two calls are answered once both have arrived. An
            incomplete batch hangs: a test that passes has had its calls in flight together.
        number: The call that is being answered, counted from 0 in the order of arrival.
        respond: Gives the replies; the play unless a test changes it.

    Args:
        play: The play that is performed.
        held: The numbers of the calls to hold, from 0 in the order of arrival.
    """

    def __init__(self, play: AtlasPlay | None = None, *, held: Container[int] = ()) -> None:
        super().__init__(lambda body: self.respond(body))
        self.respond: Responder = play or AtlasPlay()
        self.gate = threading.Event()
        self.batches: list[int] = []
        self.number = -1
        self._held = held
        self._arrived = 0
        self._in_batch = 0
        self._complete = anyio.Event()

    @override
    async def answer(self, exchange: Any, raw: bytes) -> None:
        number = self._arrived
        self._arrived += 1
        await self._batch()
        if number in self._held and not self.gate.is_set():
            await anyio.to_thread.run_sync(self.gate.wait, abandon_on_cancel=True)
        # The responder is asked before any other call can come between.
        self.number = number
        await super().answer(exchange, raw)

    async def _batch(self) -> None:
        if not self.batches:
            return
        if self._in_batch == 0:
            self._complete = anyio.Event()
        self._in_batch += 1
        complete = self._complete
        if self._in_batch == self.batches[0]:
            self.batches.pop(0)
            self._in_batch = 0
            complete.set()
        await complete.wait()

    def all_arrived(self, calls: int) -> bool:
        """Wait for that many calls; return whether they have arrived."""
        return self.wait_for(lambda api: api.requests >= calls, PATIENCE)

    @contextmanager
    def reachable(self, environ: dict[str, str]) -> Generator[None]:
        """Serve it to processes with this environment; nothing is held back at the end."""
        with serve(self) as url:
            environ |= {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": API_KEY}
            try:
                yield
            finally:
                self.gate.set()
