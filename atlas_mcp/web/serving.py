"""The parts of uvicorn that serve HTTP, put together for a server that ends promptly.

Its own server accepts clients without a bound and waits for each of them at its end. So clients are
let in here, and the code that ends the server sets their time.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING

import anyio
import uvicorn
from uvicorn.lifespan.on import LifespanOn
from uvicorn.server import ServerState

from atlas_mcp.task_groups import open_task_group
from atlas_mcp.web.connections import Connection
from atlas_mcp.web.listening import Door, Leave, close, let_in

if TYPE_CHECKING:
    from starlette.types import ASGIApp

KEEP_ALIVE_SECONDS = 5
"""Seconds that the connection of a client stays open between its requests. uvicorn's own figure."""

MANY_CLIENTS = 1_000
"""Connections below which one that is idle is closed after a second: another may wait for it."""


class Web:
    """Serves an application to the clients of some sockets."""

    def __init__(self, app: ASGIApp, listeners: Sequence[socket.socket], *, clients: int) -> None:
        """Prepare to serve.

        Args:
            app: The application.
            listeners: Where clients come to.
            clients: How many of them are let in at once.
        """
        # Clients are told their own mistakes; failures of the application are logged where they
        # occur.
        self._config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="error",
            timeout_keep_alive=KEEP_ALIVE_SECONDS if clients > MANY_CLIENTS else 1,
        )
        self._config.load()
        self._state = ServerState()
        self._lifespan = LifespanOn(self._config)
        self._listeners = list(listeners)
        self._door = Door(clients)
        self._letting_in = anyio.CancelScope()

    async def serve(self) -> None:
        """Open the application, and let clients in until `stop` is called.

        Raises:
            RuntimeError: The application does not open; the log says why.
        """
        await self._lifespan.startup()
        if self._lifespan.should_exit:
            raise RuntimeError("the application does not open")
        with self._letting_in:
            async with open_task_group() as tasks:
                tasks.start_soon(self._tell_the_time, name="date")
                for listener in self._listeners:
                    tasks.start_soon(self._let_in, listener, name="listener")

    def stop(self) -> None:
        """Let in no more clients, and close connections once their requests are answered."""
        self._letting_in.cancel("the server ends")
        close(self._listeners)
        for connection in list(self._state.connections):
            connection.shutdown()

    async def empty(self) -> None:
        """Return once no client is connected."""
        await self._door.empty()

    def cut(self) -> None:
        """Cut the connections that are left: those of clients that read nothing."""
        for connection in list(self._state.connections):
            connection.transport.abort()

    async def close(self) -> None:
        """Close the application."""
        await self._lifespan.shutdown()

    async def _let_in(self, listener: socket.socket) -> None:
        loop = self._connection(lambda: None).loop
        await let_in(listener, self._door, accept=loop.sock_accept, serve=self._serve)

    async def _serve(self, client: socket.socket, leave: Leave) -> None:
        connection = self._connection(leave)
        await connection.loop.connect_accepted_socket(lambda: connection, client)

    def _connection(self, leave: Leave) -> Connection:
        """Return a connection that belongs to the running event loop, and knows it."""
        state = self._lifespan.state
        return Connection(self._config, self._state, state, on_lost=leave)

    async def _tell_the_time(self) -> None:
        """Keep the headers that every answer has up to date."""
        date = partial(formatdate, usegmt=True)
        while True:
            self._state.default_headers = [
                (b"date", date().encode()),
                *self._config.encoded_headers,
            ]
            await anyio.sleep(1)
