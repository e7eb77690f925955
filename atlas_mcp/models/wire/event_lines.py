"""The lines of an event stream, for every adapter that reads one.

Owns the framing of server-sent events as servers really write it: a byte order mark before the
first line, lines that end in any of the three ways, comments, events without data, events without
an empty line between them. What the data say is not known here.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

MAX_EVENT_BYTES = 4_000_000
"""Bytes of the data of one event that are in its further lines: the first, like each of them, is
bounded as a line is, in `models.wire.bounded`. Our own choice: as long as one line may be."""

MARK = b"\xef\xbb\xbf"
"""The byte order mark, which some systems put before a text."""

DONE = b"[DONE]"
"""What Chat Completions say when a stream is over."""

Kind: TypeAlias = Literal["stream", "json", "other"]
"""What a body is: an event stream, one text of JSON, or neither."""

LONGEST_FIELD = 16
"""Bytes that tell what a body is, once it is `trimmed`."""

_FIELDS = (b":", b"data:", b"event:", b"id:", b"retry:", b"error:")
"""How a line of a stream begins; the last one is llama.cpp's way of saying what went wrong."""


class EventTooLong(Exception):
    """An event is longer than is read."""


class ErrorLine(bytes):
    """What llama.cpp says in place of an event; the data of an event are plain bytes."""


def trimmed(beginning: bytes) -> bytes:
    """Return the first bytes of a body without its mark, and without what is blank around that.

    Some servers send empty lines while a model thinks.
    """
    return beginning.lstrip().removeprefix(MARK).lstrip()


def kind_of(beginning: bytes) -> Kind | None:
    """Return what a body is by its first bytes, `None` while they are too few to tell."""
    text = trimmed(beginning)[:LONGEST_FIELD]
    if text[:1] in {b"{", b"["}:
        return "json"
    if text.startswith(_FIELDS):
        return "stream"
    if MARK.startswith(text) or any(field.startswith(text) for field in _FIELDS):
        return None
    return "other"


class EventLines:
    """Cuts a stream of bytes into events, wherever the bytes are cut.

    Lines end at line feeds and carriage returns alone: JSON may hold the other characters that end
    a line in Unicode as they are.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._first = True
        self._after_return = False
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of the events that `chunk` completes; an empty line completes the last.

        Raises:
            EventTooLong: One is longer than is read; no more can be.
        """
        if self._after_return and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        # A long line may come in a million pieces; they are looked at once.
        self._rest += chunk
        if b"\n" not in chunk and b"\r" not in chunk:
            return []
        lines = bytes(self._rest).splitlines()
        self._after_return = chunk.endswith(b"\r")
        self._rest = bytearray() if chunk.endswith((b"\n", b"\r")) else bytearray(lines.pop())
        if self._first:
            lines[0], self._first = lines[0].removeprefix(MARK), False
        found: list[bytes] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                text = line[5:].strip()
                if text and not data:
                    data.append(text)
                elif text:
                    self._add(text, found)
            elif not line:
                if data:
                    self._close(found)
            elif line.startswith(b"error:"):
                self._close(found)
                found.append(ErrorLine(line[6:].strip()))
        return found

    def _add(self, text: bytes, found: list[bytes]) -> None:
        """Add a further line of data to an event."""
        data = self._data
        # No JSON goes on like this: some servers leave out the line between two events.
        if text.startswith((b"{", DONE)) and data[-1].endswith((b"}", DONE)):
            self._close(found)
        data.append(text)
        self._size += len(text) + 1
        if self._size > MAX_EVENT_BYTES:
            raise EventTooLong(f"an event of it is longer than {MAX_EVENT_BYTES:,} bytes")

    def _close(self, found: list[bytes]) -> None:
        data = self._data
        if data:
            found.append(data[0] if len(data) == 1 else b"\n".join(data))
            data.clear()
            self._size = 0
