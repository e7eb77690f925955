"""The pictures that a probe shows a model: each of one plain colour.

Owns the colours, the drawing of a picture without a library, and the reading of colours in a reply.
"""

from __future__ import annotations

import re
import struct
import zlib
from base64 import b64encode
from collections.abc import Mapping

PICTURE_PX = 96
"""Pixels of a side of the pictures that are shown."""

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (220, 20, 20),
    "green": (20, 150, 40),
    "blue": (20, 60, 220),
    "yellow": (250, 220, 20),
    "purple": (130, 30, 150),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
}
"""Colours that cannot be confused. Two of them are shown, at random: a guess is right once in
forty-two times."""

GUESSED = frozenset({"red", "green", "blue"})
"""Colours that models guess first; at least one of the two that are shown is not among them."""

_SYNONYMS = {"violet": "purple"}


def colours_in(text: str) -> list[str]:
    """Return the colours that a text names, in its order."""
    words: list[str] = re.findall(r"[a-z]+", text.lower())
    named = [_SYNONYMS.get(word, word) for word in words]
    return [word for word in named if word in COLOURS]


def picture(colour: tuple[int, int, int]) -> str:
    """Return a picture of one colour, PNG in base64."""
    row = b"\0" + bytes(colour) * PICTURE_PX
    header = struct.pack(">IIBBBBB", PICTURE_PX, PICTURE_PX, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(row * PICTURE_PX)), (b"IEND", b""))
    encoded = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b64encode(b"\x89PNG\r\n\x1a\n" + encoded).decode()
