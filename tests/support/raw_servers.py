"""Servers that say over a socket whatever they are told to say, whether it is HTTP or not."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Generator
from typing import TypeAlias

Answer: TypeAlias = Callable[[socket.socket], None]
"""Says something on a connection whose request has been read."""


@contextlib.contextmanager
def answering(answer: Answer, heads: list[bytes] | None = None) -> Generator[str]:
    """Serve on the loopback; the first request of every connection gets the answer.

    Args:
        answer: The answer.
        heads: Takes the headers of each request.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=_answer, args=(connection, answer, heads), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
        for connection in connections:
            connection.close()


def _answer(connection: socket.socket, answer: Answer, heads: list[bytes] | None) -> None:
    # It may hang up at any time, or be hung up on.
    with contextlib.suppress(OSError):
        head = read_request(connection)
        if heads is not None:
            heads.append(head)
        answer(connection)
        connection.close()


def read_request(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65_536)
        if not piece:
            raise ConnectionError
        head += piece
    heading, _, body = head.partition(b"\r\n\r\n")
    length = 0
    for line in heading.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += connection.recv(65_536)
    return heading + b"\r\n"


def heading(status: int = 200, kind: str = "text/event-stream", **headers: str) -> bytes:
    """Return the beginning of a response whose body ends with the connection."""
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def endless(head: bytes, piece: bytes) -> Answer:
    """Return an answer that never ends."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return answer


def in_bytes(body: bytes) -> bytes:
    """Return a body in chunks of one byte, for a response whose transfer encoding is chunked."""
    return b"".join(b"1\r\n%c\r\n" % one for one in body) + b"0\r\n\r\n"


HINTS = b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000
"""Informational responses, which come before an answer."""


def once(*pieces: bytes) -> Answer:
    """Return an answer that says this and hangs up."""

    def answer(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return answer
