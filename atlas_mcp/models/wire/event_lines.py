"""The lines of an event stream, for every adapter that reads one.

Owns the framing of server-sent events as servers really write it: a byte order mark before the
first line, lines that end in any of the three ways, comments, events without data, events without
an empty line between them. It never interprets the data.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

MAX_EVENT_BYTES = 4_000_000
"""Bytes of data in the second and all further lines of one event; `models.wire.bounded` limits each
single line. Our own choice: as long as one line may be."""

MARK = b"\xef\xbb\xbf"
"""The byte order mark, which some systems put before a text."""

DONE = b"[DONE]"
"""The data of the last event of a Chat Completions stream."""

Kind: TypeAlias = Literal["stream", "json", "other"]
"""The kind of a body: an event stream, one text of JSON, or neither."""

LONGEST_FIELD = 16
"""Bytes of a `trimmed` body that are enough to tell its kind."""

_FIELDS = (b":", b"data:", b"event:", b"id:", b"retry:", b"error:")
"""The beginnings of a line of a stream; llama.cpp uses the last one to report an error."""


class EventTooLong(Exception):
    """An event is longer than `MAX_EVENT_BYTES` allows."""


class ErrorLine(bytes):
    """The error that llama.cpp sends in place of an event; an event's data are plain bytes."""


def trimmed(beginning: bytes) -> bytes:
    """Return the first bytes of a body without its byte order mark and the white space around it.

    Some servers send empty lines while a model thinks.
    """
    return beginning.lstrip().removeprefix(MARK).lstrip()


def kind_of(beginning: bytes) -> Kind | None:
    """Return the kind of a body by its first bytes, `None` while they are too few to tell."""
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
        """Return the data of the events that `chunk` completes; an empty line ends an event.

        Raises:
            EventTooLong: An event is too long; the rest of the stream cannot be read either.
        """
        if self._after_return and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        # A long line may come in a million pieces; each piece is scanned only once.
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
        # No JSON continues like this: some servers leave out the empty line between two events.
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
