"""The parts of a PNG: their kinds, their order, and whether they hold all pixels.

As strict as other decoders of the same file; ours fills up missing pixels.
Source: https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterator

_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})

_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Bits of a sample that each colour type may have."""

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by colour type."""

_INTERLACED = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # fmt: skip
"""Where each pass over a picture begins, and its steps: to the right and down."""

_UNPACKED_AT_ONCE = 1_000_000


class Damaged(Exception):
    """A file is cut off, or no picture of its format; the text continues after "the picture"."""


def chunks(content: bytes) -> Iterator[tuple[bytes, bytes, bytes, bool]]:
    """Yield the parts of a PNG: name, data, the whole part, and whether its checksum is right.

    Raises:
        Damaged: The file ends before the end of the picture.
    """
    at = 8
    while True:
        (length,) = struct.unpack_from(">I", content, at)
        end = at + 12 + length
        if end > len(content):
            raise Damaged("is cut off: the end of the PNG is missing")
        name = content[at + 4 : at + 8]
        (checksum,) = struct.unpack_from(">I", content, end - 4)
        sound = zlib.crc32(memoryview(content)[at + 4 : end - 4]) == checksum
        yield name, content[at + 8 : end - 4], content[at:end], sound
        if name == b"IEND":
            return
        at = end


def check_place(
    name: bytes, data: bytes, *, before: bytes, seen: Collection[bytes], colours: int
) -> None:
    """Refuse a critical part in a wrong place, as strict decoders do; ours accepts it.

    Args:
        name: The name of the part.
        data: Its content.
        before: The part before it; empty where it is the first.
        seen: The names of the earlier parts that were kept.
        colours: The colour type in the header.

    Raises:
        Damaged: The part may not stand there.
    """
    if name == b"IDAT" and colours == 3 and b"PLTE" not in seen:
        raise Damaged("is cut off or damaged: it is a PNG without the palette of its colours")
    again = name in seen and not (name == b"IDAT" and before == b"IDAT")
    misplaced = (name == b"IHDR") != (not before) or (name == b"PLTE" and b"IDAT" in seen)
    odd = name == b"PLTE" and (len(data) % 3 or not 3 <= len(data) <= 768)
    if name not in _CRITICAL or again or misplaced or odd:
        raise Damaged("is cut off or damaged: a part of the PNG is none, or in the wrong place")


def header(data: bytes) -> tuple[int, int]:
    """Return the bits of a sample and the colour type in the header of a PNG.

    Raises:
        Damaged: No PNG has such a header.
    """
    if len(data) != 13:
        raise Damaged("is cut off or damaged: the header of the PNG has the wrong length")
    width, height, bits, colours, packing, filters, interlace = struct.unpack(">IIBBBBB", data)
    if not (0 < width < 1 << 31 and 0 < height < 1 << 31):
        raise Damaged("is cut off or damaged: it is a PNG without a size")
    if bits not in _DEPTHS.get(colours, ()):
        raise Damaged(
            f"is cut off or damaged: no PNG has colours of type {colours} with {bits} bits"
        )
    if packing or filters or interlace > 1:
        raise Damaged("is cut off or damaged: the header of the PNG names a method there is not")
    return bits, colours


def check_samples(content: bytes) -> None:
    """Refuse a PNG whose file is whole but whose packed pixels are not. Takes a while.

    The decoder leaves missing rows empty.

    Args:
        content: The parts of the file that `whole` kept, of a picture with few enough pixels.

    Raises:
        Damaged: There are fewer pixels than the header announces, or they are cut off.
    """
    width, height, bits, colours, *_, interlace = struct.unpack_from(">IIBBBBB", content, 16)
    passes = _INTERLACED if interlace else ((0, 0, 1, 1),)
    missing = 0
    for left, top, right, down in passes:
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            missing += rows * (1 + (columns * bits * _SAMPLES[colours] + 7) // 8)
    cut_off = Damaged("is cut off or damaged: the pixels of the PNG are not all there")
    unpacking = zlib.decompressobj()
    try:
        for name, data, _, _ in chunks(content):
            while name == b"IDAT" and data and not unpacking.eof:
                missing -= len(unpacking.decompress(data, _UNPACKED_AT_ONCE))
                data = unpacking.unconsumed_tail
                if missing < -_UNPACKED_AT_ONCE:
                    # Data after the pixels is ignored.
                    return
    except zlib.error:
        raise cut_off from None
    if missing > 0 or not unpacking.eof:
        raise cut_off
