"""Listening sockets that take no more clients than there are descriptors for, a few at a time.

Clients beyond that wait in the system's own queue until another has left: they would take the
descriptors of the runs' calls and of the journal. A crowd is let in over some turns of the event
loop, since reading a thousand first requests in one turn keeps everybody else waiting.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

logger = logging.getLogger(__name__)

ACCEPTED_A_TURN = 4
"""Clients that one socket accepts in one turn of the event loop."""


@dataclass(slots=True)
class Door:
    """How many clients are in, through whichever socket.

    Args:
        most: How many may be.
    """

    most: int
    inside: int = 0
    _said: bool = False

    def listeners(self, sockets: Sequence[socket.socket]) -> list[socket.socket]:
        """Return the sockets, bound to this door; those that are given are used up."""
        return [_Listener(self, each) for each in sockets]

    def refuse(self) -> None:
        """Say once that it is full, and have the event loop look again in a second.

        Raises:
            _Full: Always.
        """
        if not self._said:
            self._said = True
            logger.warning(
                "%d clients are connected, as many as the limit of open files allows; others wait "
                "until one has left. `ulimit -n` raises the limit",
                self.most,
            )
        raise _Full(errno.EMFILE, "as many clients are connected as may be")


class _Full(OSError):
    """No more clients for now. Event loops stop listening for a second on this error number."""


class _Listener(socket.socket):
    """A listening socket of a door."""

    def __init__(self, door: Door, taken: socket.socket) -> None:
        super().__init__(taken.family, taken.type, taken.proto, fileno=taken.detach())
        self._door = door
        self._accepted = 0

    @override
    def accept(self) -> tuple[socket.socket, Any]:
        if self._accepted >= ACCEPTED_A_TURN:
            # As if nobody else had come: whoever has is seen in the next turn.
            self._accepted = 0
            raise BlockingIOError(errno.EAGAIN, "others have their turn")
        if self._door.inside >= self._door.most:
            self._door.refuse()
        try:
            accepted, address = super().accept()
        except BlockingIOError:
            self._accepted = 0
            raise
        self._accepted += 1
        return _Visitor(self._door, accepted), address


class _Visitor(socket.socket):
    """A client's connection, counted while it is open."""

    def __init__(self, door: Door, taken: socket.socket) -> None:
        super().__init__(taken.family, taken.type, taken.proto, fileno=taken.detach())
        self._door: Door | None = door
        door.inside += 1

    @override
    def close(self) -> None:
        door, self._door = self._door, None
        if door is not None:
            door.inside -= 1
        super().close()


def silence_full_doors() -> None:
    """Keep the event loop from logging a traceback each second while a door is full."""

    def is_other(record: logging.LogRecord) -> bool:
        return record.exc_info is None or not isinstance(record.exc_info[1], _Full)

    logging.getLogger("asyncio").addFilter(is_other)
