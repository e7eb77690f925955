from __future__ import annotations

import errno
import itertools
import logging
import socket
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from atlas_mcp.errors import ConfigError
from atlas_mcp.web import listening
from atlas_mcp.web.listening import ACCEPTED_A_TURN, Door, Leave, let_in, listen


@pytest.fixture
def stack() -> Generator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@dataclass
class Inside:
    """The clients that have been let in, in their order."""

    stack: ExitStack
    clients: list[Leave] = field(default_factory=list[Leave])

    async def serve(self, client: socket.socket, leave: Leave) -> None:
        self.stack.enter_context(client)
        self.clients.append(leave)


def entrance(stack: ExitStack) -> socket.socket:
    (listener,) = listen("127.0.0.1", 0)
    return stack.enter_context(listener)


def come(stack: ExitStack, listener: socket.socket) -> None:
    stack.enter_context(socket.create_connection(listener.getsockname()))


async def accept(listener: socket.socket) -> tuple[socket.socket, Any]:
    while True:
        try:
            return listener.accept()
        except BlockingIOError:
            await anyio.wait_readable(listener)


class Pairs:
    """Stands in for a system that always has another client, after some errors."""

    def __init__(self, stack: ExitStack, *errors: OSError) -> None:
        self._stack = stack
        self._errors = list(errors)
        self.accepted: list[socket.socket] = []

    async def accept(self, listener: socket.socket) -> tuple[socket.socket, Any]:
        if self._errors:
            raise self._errors.pop(0)
        near, far = socket.socketpair()
        self._stack.enter_context(far)
        self.accepted.append(near)
        return near, None


async def test_clients_beyond_the_door_wait_until_another_has_left(
    stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    inside, door, listener = Inside(stack), Door(1), entrance(stack)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                come(stack, listener)

            async def open_door() -> None:
                await let_in(listener, door, accept=accept, serve=inside.serve)

            tasks.start_soon(open_door)
            while not inside.clients:
                await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()
            assert len(inside.clients) == 1
            inside.clients[0]()
            inside.clients[0]()
            while len(inside.clients) < 2:
                await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()
            inside.clients[1]()
            tasks.cancel_scope.cancel()
        await door.empty()

    assert [record.getMessage()[:24] for record in caplog.records] == ["1 clients are connected,"]


async def test_all_listeners_share_a_door(stack: ExitStack) -> None:
    inside, door = Inside(stack), Door(1)
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            listener = entrance(stack)
            come(stack, listener)

            async def open_door(listener: socket.socket = listener) -> None:
                await let_in(listener, door, accept=accept, serve=inside.serve)

            tasks.start_soon(open_door)
        with anyio.fail_after(5):
            while not inside.clients:
                await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert len(inside.clients) == 1


async def test_a_crowd_is_let_in_over_some_turns(stack: ExitStack) -> None:
    inside, pairs, door = Inside(stack), Pairs(stack), Door(20)
    seen: list[int] = []
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:

            async def open_door() -> None:
                await let_in(entrance(stack), door, accept=pairs.accept, serve=inside.serve)

            tasks.start_soon(open_door)
            while len(inside.clients) < 20:
                seen.append(len(inside.clients))
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()

    assert max(later - before for before, later in itertools.pairwise(seen)) <= (
        # Trio takes the tasks of a turn in any order, and so one twice between two of another.
        2 * ACCEPTED_A_TURN
    )


async def test_a_system_without_room_for_a_client_is_asked_again_and_told_of_once(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "AGAIN_SECONDS", 0)
    full = [OSError(errno.EMFILE, "Too many open files") for _ in range(3)]
    inside, door = Inside(stack), Door(1)
    pairs = Pairs(stack, *full, ConnectionAbortedError(errno.ECONNABORTED, "gone"))
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:

            async def open_door() -> None:
                await let_in(entrance(stack), door, accept=pairs.accept, serve=inside.serve)

            tasks.start_soon(open_door)
            while not inside.clients:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()

    told = [record.getMessage() for record in caplog.records if "accepted" in record.getMessage()]
    assert told == ["clients wait to be accepted: Too many open files"]


async def test_a_client_that_goes_at_once_is_counted_no_more(stack: ExitStack) -> None:
    pairs, door = Pairs(stack), Door(1)

    async def serve(client: socket.socket, leave: Leave) -> None:
        if len(pairs.accepted) == 3:
            raise RuntimeError("enough")
        raise ConnectionResetError(errno.ECONNRESET, "gone")

    with anyio.fail_after(5):
        with pytest.raises(RuntimeError, match="enough"):
            await let_in(entrance(stack), door, accept=pairs.accept, serve=serve)
        await door.empty()

    assert [client.fileno() for client in pairs.accepted] == [-1, -1, -1]


def test_a_host_without_an_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConfigError, match="--host: 'localhost' is not known on this machine: Name"):
        listen("localhost", 0)


def test_a_port_that_only_others_may_take_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "create_server", forbid)
    with pytest.raises(
        ConfigError, match=r"--port: 80 of 127.0.0.1 cannot be .*: Permission denied"
    ):
        listen("127.0.0.1", 80)
