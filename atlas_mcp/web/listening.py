"""Listening sockets, and letting in no more clients than there are descriptors for.

Clients beyond that wait in the system's own queue until another has left: they would take the
descriptors of the runs' calls and of the journal. A crowd is let in over some turns of the event
loop, since reading a thousand first requests in one turn keeps all other clients waiting.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel

from atlas_mcp.errors import ConfigError

logger = logging.getLogger(__name__)

ACCEPTED_A_TURN = 4
"""Clients that one socket accepts in one turn of the event loop."""

QUEUE = 2_048
"""Clients that wait in the system's queue; most systems allow fewer."""

AGAIN_SECONDS = 0.2
"""Seconds until a client is accepted after the system has refused one."""

Accept: TypeAlias = Callable[[socket.socket], Awaitable[tuple[socket.socket, Any]]]
"""Waits for a client of a listening socket."""

Leave: TypeAlias = Callable[[], None]
"""Says that a client has left. Does nothing the second time."""

Serve: TypeAlias = Callable[[socket.socket, Leave], Awaitable[None]]
"""Begins to serve a client, and says later when it has left."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on every address of a host of this machine, on one port.

    Raises:
        ConfigError: The host is unknown, or the port cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigError(
            f"--host: {host!r} is not known on this machine: {_cause(error)}. Take 127.0.0.1"
        ) from error
    listeners: list[socket.socket] = []
    failure: OSError | None = None
    for family, _, _, _, address in found:
        where = (address[0], listeners[0].getsockname()[1] if listeners else port)
        try:
            listeners.append(socket.create_server(where, family=family, backlog=QUEUE))
        except OSError as error:
            failure = failure or error
    in_use = failure is not None and failure.errno == errno.EADDRINUSE
    if failure is not None and (in_use or not listeners):
        for listener in listeners:
            listener.close()
        raise ConfigError(
            f"--port: {port} of {host} cannot be served: {_cause(failure)}. Take another one, or 0 "
            "for any that is free"
        ) from failure
    for listener in listeners:
        listener.setblocking(False)
    return listeners


class Door:
    """How many clients are in, through whichever socket.

    Args:
        most: How many may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0
        self._left = anyio.Event()
        self._said = False

    async def room(self) -> None:
        """Return once there is room for a client."""
        while self._inside >= self._most:
            self._say_full()
            await self._left.wait()

    async def enter(self) -> Leave:
        """Count a client as in, once there is room for it; return what counts it no more."""
        await self.room()
        self._inside += 1
        inside = True

        def leave() -> None:
            nonlocal inside
            if inside:
                inside = False
                self._inside -= 1
                bell, self._left = self._left, anyio.Event()
                bell.set()

        return leave

    async def empty(self) -> None:
        """Return once no client is in."""
        while self._inside:
            await self._left.wait()

    def _say_full(self) -> None:
        if not self._said:
            self._said = True
            logger.warning(
                "%d clients are connected, as many as the limit of open files allows; others wait "
                "until one has left. `ulimit -n` raises the limit",
                self._most,
            )


async def let_in(listener: socket.socket, door: Door, *, accept: Accept, serve: Serve) -> None:
    """Let clients in until this is cancelled, a few a turn of the event loop.

    Args:
        listener: The socket that they come to.
        door: Where they are counted.
        accept: Waits for the next one.
        serve: Begins to serve one.
    """
    while True:
        for _ in range(ACCEPTED_A_TURN):
            await door.room()
            client = await _accepted(listener, accept)
            leave: Leave | None = None
            try:
                # Another socket may have let a client in meanwhile.
                leave = await door.enter()
                await serve(client, leave)
            except BaseException as error:
                client.close()
                if leave is not None:
                    leave()
                if not isinstance(error, OSError):
                    raise
        await anyio.lowlevel.checkpoint()


async def _accepted(listener: socket.socket, accept: Accept) -> socket.socket:
    """Return the next client; a failure to accept one is logged once."""
    is_told = False
    while True:
        try:
            client, _ = await accept(listener)
            return client
        except ConnectionError:
            # The client went while it waited; that is no error.
            await anyio.lowlevel.checkpoint()
        except OSError as error:
            if not is_told:
                is_told = True
                logger.warning("clients wait to be accepted: %s", _cause(error))
            await anyio.sleep(AGAIN_SECONDS)


def close(listeners: list[socket.socket]) -> None:
    """Close sockets; clients that wait in their queues are told that they are not served."""
    for listener in listeners:
        with contextlib.suppress(OSError):
            listener.close()


def _cause(error: OSError) -> str:
    return error.strerror or str(error)
