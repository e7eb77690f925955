from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Generator

import pytest

from atlas_mcp.server.listening import ACCEPTED_A_TURN, Door, silence_full_doors


@pytest.fixture
def entrance() -> Generator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        listener.setblocking(False)
        yield listener


def come(listener: socket.socket) -> socket.socket:
    return socket.create_connection(listener.getsockname())


def test_clients_beyond_the_door_wait_until_another_has_left(
    entrance: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    door = Door(1)
    (listener,) = door.listeners([entrance])
    with listener, come(listener), come(listener):
        first, _ = listener.accept()
        for _ in range(2):
            with pytest.raises(OSError, match="as many clients") as refused:
                listener.accept()
            assert refused.value.errno == errno.EMFILE
        first.close()
        first.close()
        assert door.inside == 0
        listener.accept()[0].close()

    assert [record.getMessage()[:24] for record in caplog.records] == ["1 clients are connected,"]


def test_all_listeners_share_a_door(entrance: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        one, two = Door(1).listeners([entrance, other])
        with one, two, come(one), come(two):
            inside, _ = one.accept()
            with inside, pytest.raises(OSError, match="as many clients"):
                two.accept()


def test_a_crowd_is_let_in_over_some_turns(entrance: socket.socket) -> None:
    (listener,) = Door(100).listeners([entrance])
    crowd = [come(listener) for _ in range(ACCEPTED_A_TURN + 2)]
    turns: list[list[socket.socket]] = [[], []]
    with listener:
        for turn in turns:
            try:
                while True:
                    turn.append(listener.accept()[0])
            except BlockingIOError:
                pass
    for one in (*crowd, *turns[0], *turns[1]):
        one.close()

    assert [len(turn) for turn in turns] == [ACCEPTED_A_TURN, 2]


def test_a_full_door_is_no_traceback_in_the_log_and_other_errors_are(
    caplog: pytest.LogCaptureFixture, entrance: socket.socket
) -> None:
    silence_full_doors()
    log = logging.getLogger("asyncio")
    (listener,) = Door(0).listeners([entrance])
    with listener:
        try:
            listener.accept()
        except OSError:
            log.exception("socket.accept() out of system resource")
    try:
        raise OSError(errno.EMFILE, "real")
    except OSError:
        log.exception("socket.accept() out of system resource")

    told = [record for record in caplog.records if record.name == "asyncio"]
    assert [str(record.exc_info and record.exc_info[1]) for record in told] == ["[Errno 24] real"]
