"""Counts the values in a text of JSON before the text is read.

Owns the bound on their number: reading millions of empty values takes seconds, and a client or an
endpoint may send them.
"""

from __future__ import annotations

MOST_PARTS = 100_000
"""Values in one text of JSON. Our own choice: a schema has at most some thousand, and these take 50
ms to read. Ten million empty objects, which fit into the bytes, take ten seconds."""

PIECE_BYTES = 65_536
"""Bytes that are counted in one step; other threads get their turn between two steps."""

_BEGINNINGS = (b",", b"[", b"{")
"""Bytes that stand before a value, unless they are part of a string."""


def has_too_many_parts(data: bytes) -> bool:
    """Return whether a text of JSON has more than `MOST_PARTS` values; strings count as one."""
    if len(data) <= MOST_PARTS or sum(map(data.count, _BEGINNINGS)) <= MOST_PARTS:
        return False
    count, in_string, held = 0, False, b""
    for at in range(0, len(data), PIECE_BYTES):
        text = held + data[at : at + PIECE_BYTES]
        # Backslashes at the end of a piece escape the first byte of the next one.
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
