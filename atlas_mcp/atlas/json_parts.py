"""How much there is in a text of JSON, told before it is read.

Owns the bound on values: reading millions of empty ones takes seconds, whoever sends them.
"""

from __future__ import annotations

MOST_PARTS = 100_000
"""Values in one text of JSON. Our own choice: a schema has at most some thousand, and these take 50
ms to read. Ten million empty objects, which fit into the bytes, take ten seconds."""

PIECE_BYTES = 65_536
"""Bytes that are looked at at once."""

_BEGINNINGS = (b",", b"[", b"{")
"""What stands before a value, unless it stands in a string."""


def has_too_many_parts(data: bytes) -> bool:
    """Return whether a text of JSON has more values than are read.

    What stands in strings is no value. Other threads get their turn between two pieces.
    """
    if len(data) <= MOST_PARTS or sum(map(data.count, _BEGINNINGS)) <= MOST_PARTS:
        return False
    count, in_string, held = 0, False, b""
    for at in range(0, len(data), PIECE_BYTES):
        text = held + data[at : at + PIECE_BYTES]
        # Backslashes at the end belong to what follows.
        kept = text.rstrip(b"\\")
        held = text[len(kept) :]
        plain = kept.replace(b"\\\\", b"").replace(b'\\"', b"")
        strings = plain.split(b'"')
        for outside in strings[in_string::2]:
            count += sum(map(outside.count, _BEGINNINGS))
        in_string ^= len(strings) % 2 == 0
        if count > MOST_PARTS:
            return True
    return False
