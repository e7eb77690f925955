"""The calls that are about to open a run: none begins once the only client has gone."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

from atlas_mcp.errors import AtlasError

INPUT_ENDED = (
    "nothing was run: the input of the server has ended, so an answer could not be read. Keep it "
    "open until the answer has come"
)


class ServerEnding(AtlasError):
    """The server is about to end, and begins nothing new."""


@dataclass(slots=True)
class Openings:
    """The blocks of this server in which a call is about to open a run.

    Attributes:
        client_gone: Set once the only client of this process has gone.
    """

    client_gone: anyio.Event
    _open: set[anyio.CancelScope] = field(default_factory=set[anyio.CancelScope])
    _one_ended: anyio.Event = field(default_factory=anyio.Event)

    @contextmanager
    def spending(self) -> Generator[None]:
        """Cut off a block that is about to open a run, once the client has gone.

        Raises:
            ServerEnding: It was cut off.
        """
        with anyio.CancelScope() as scope:
            self._open.add(scope)
            if self.client_gone.is_set():
                scope.cancel("the client has gone")
            try:
                yield
            finally:
                self._open.discard(scope)
                ended, self._one_ended = self._one_ended, anyio.Event()
                ended.set()
        if scope.cancelled_caught:
            raise ServerEnding(INPUT_ENDED)

    def cut_off(self) -> None:
        """Cut off all of them, since the client has gone."""
        for scope in self._open:
            scope.cancel("the client has gone")

    async def end(self, seconds: float) -> None:
        """Return once no call is about to open a run, at most after `seconds`.

        A call that its client has given up is among them until the run is on record.
        """
        with anyio.move_on_after(seconds):
            while self._open:
                await self._one_ended.wait()
