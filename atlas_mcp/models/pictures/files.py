"""The file of a picture: its format, whether it is whole, and its parts for the decoder.

Owns the four formats as files. Parts without pixels (texts, thumbnails, settings of cameras, bytes
after the end) are left out before a decoder sees them: they may be long, packed or damaged without
a fault of the picture. Each walk is linear in the file.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from atlas_mcp.feature_values import ImageType
from atlas_mcp.models.pictures.jpeg import END, FRAMES, SCAN, Passes
from atlas_mcp.models.pictures.png import Damaged, check_place, chunks, header

MAX_PROFILE_BYTES = 100_000
"""Longest colour profile that is read and kept. Our own choice: those of cameras have some
thousand, and the long ones of printers are for colours that are converted anyway."""

MAX_EXIF_BYTES = 65_536
"""Longest EXIF part that is read, in bytes: the longest that a JPEG can hold."""

MAX_SEGMENTS = 2_000
"""Most parts of a JPEG that are passed to the decoder. Our own choice: some dozens are usual, and
the decoder keeps each."""

MAX_SCAN_PIXELS = 1_000_000_000
"""Pixels of a JPEG times the passes that draw it: twenty passes over the largest picture. Our own
choice: encoders make about ten passes, and each goes over all of the picture."""

FORMATS: dict[ImageType, str] = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}
"""The names of the formats, for people and for the decoder."""

_MAGIC: tuple[tuple[bytes, ImageType], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)

_PNG_KEPT = frozenset({b"tRNS", b"iCCP", b"eXIf"})
"""Parts of a PNG that change its look, beside the critical ones."""


class Key(NamedTuple):
    """The transparent colour of a PNG without a palette.

    Attributes:
        bits: Bits of each sample.
        samples: The colour, as the file has it: one sample for grey, three for red, green and blue.
    """

    bits: int
    samples: tuple[int, ...]


class Whole(NamedTuple):
    """A file that is whole.

    Attributes:
        content: Its parts for the decoder.
        moves: Whether it has several frames.
        deep: Whether it is grey of sixteen bits, whose samples many decoders clip at 255.
        key: The transparent colour of a picture without a palette. It is left out of `content`,
            since decoders compare it with samples that they have changed.
        in_one: Whether it is a JPEG drawn in one pass, from the top to the bottom.
    """

    content: bytes
    moves: bool = False
    deep: bool = False
    key: Key | None = None
    in_one: bool = False


def image_type(content: bytes) -> ImageType | None:
    """Return the format of a picture by its first bytes; `None` for no known one."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if content.startswith(magic)), None)


def whole(content: bytes, kind: ImageType) -> Whole:
    """Return the parts of a file that make the picture.

    Raises:
        Damaged: The file is cut off or damaged.
    """
    try:
        match kind:
            case "image/png":
                return _png(content)
            case "image/jpeg":
                return _jpeg(content)
            case "image/gif":
                return _gif(content)
            case "image/webp":
                return _webp(content)
    except (struct.error, IndexError) as error:
        raise Damaged(f"is cut off: the end of the {FORMATS[kind]} is missing") from error


# PNG: https://www.w3.org/TR/png-3/


def _png(content: bytes) -> Whole:
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        raise Damaged("is cut off or damaged: it is no PNG")
    pieces = [content[:8]]
    moves, key = False, None
    bits = colours = 0
    seen: set[bytes] = set()
    before = b""
    for name, data, chunk, sound in chunks(content):
        critical = not name[:1].islower()
        if critical:
            if not sound:
                raise Damaged("is cut off or damaged: the sum of one of its parts is wrong")
            check_place(name, data, before=before, seen=seen, colours=colours)
        if name == b"IHDR":
            bits, colours = header(data)
        elif name == b"acTL" and sound and len(data) == 8:
            moves = struct.unpack(">I", data[:4])[0] > 1
        before = name
        if not (critical or (name in _PNG_KEPT and sound and name not in seen)):
            continue
        seen.add(name)
        if name == b"tRNS" and colours in {0, 2}:
            count = 1 if colours == 0 else 3
            if len(data) == 2 * count:
                most = (1 << bits) - 1
                key = Key(bits, tuple(one & most for one in struct.unpack(f">{count}H", data)))
        elif not (name == b"iCCP" and not _is_small_profile(data)) and not (
            name == b"eXIf" and len(data) > MAX_EXIF_BYTES
        ):
            pieces.append(chunk)
    if b"IDAT" not in seen:
        raise Damaged("is cut off or damaged: it is a PNG without pixels")
    return Whole(b"".join(pieces), moves, deep=(bits, colours) == (16, 0), key=key)


def _is_small_profile(data: bytes) -> bool:
    """Return whether `data` is a packed colour profile of at most `MAX_PROFILE_BYTES`."""
    _, _, packed = data.partition(b"\0")
    unpacking = zlib.decompressobj()
    try:
        return bool(unpacking.decompress(packed[1:], MAX_PROFILE_BYTES)) and unpacking.eof
    except zlib.error:
        return False


# JPEG: ITU T.81, annex B


def _jpeg(content: bytes) -> Whole:
    pieces = [content[:2]]
    profile = 0
    exif = False
    passes = Passes()
    for marker, segment in _segments(content):
        if marker == SCAN:
            passes.scan(segment)
        elif marker in FRAMES:
            passes.frame(marker, segment)
        elif marker == 0xE1:
            if exif or segment[4:10] != b"Exif\0\0":
                continue
            exif = True
        elif marker == 0xE2 and segment[4:16] == b"ICC_PROFILE\0":
            profile += len(segment)
            if profile > MAX_PROFILE_BYTES:
                continue
        elif marker in _OTHERS:
            continue
        pieces.append(segment)
        if len(pieces) > MAX_SEGMENTS:
            raise Damaged("is cut off or damaged: it is a JPEG of thousands of parts")
    passes.check()
    if passes.count > 1 and passes.count * passes.size > MAX_SCAN_PIXELS:
        raise Damaged(
            "is drawn in too many passes for its size; save it as a JPEG that is not progressive"
        )
    return Whole(b"".join(pieces), in_one=passes.in_one)


_OTHERS = frozenset({*range(0xE2, 0xEE), 0xEF, 0xFE})
"""Application parts and comments. Adobe's, 0xEE, is kept: it tells how colours are stored."""


_AFTER_PIXELS = re.compile(b"\xff[^\x00\xd0-\xd7\xff]")
"""The marker after the pixels of a pass: neither an escaped byte of them nor a restart."""


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the parts of a JPEG up to its end, each pass with its pixels."""
    at = 2
    while True:
        # Bytes between two parts are skipped, as decoders do.
        at = content.find(b"\xff", at)
        if at == -1:
            raise Damaged("is cut off: the end of the JPEG is missing")
        marker = content[at + 1]
        if marker == END:
            yield marker, content[at : at + 2]
            return
        if marker in {0x00, 0x01, *range(0xD0, 0xD9)}:
            at += 2
        elif marker == 0xFF:
            at += 1
        else:
            (length,) = struct.unpack_from(">H", content, at + 2)
            end = at + 2 + length
            if marker == SCAN:
                found = _AFTER_PIXELS.search(content, end)
                end = len(content) if found is None else found.start()
            yield marker, content[at:end]
            at = end


# GIF: https://www.w3.org/Graphics/GIF/spec-gif89a.txt


def _gif(content: bytes) -> Whole:
    at = 13 + _palette(content[10])
    first: int | None = None
    frames = 0
    while True:
        match content[at]:
            case 0x3B:
                break
            case 0x21:
                at = _after_blocks(content, at + 2)
            case 0x2C:
                at = _after_blocks(content, at + 11 + _palette(content[at + 9]))
                frames += 1
                first = first or at
            case 0x00:
                at += 1
            case _:
                raise Damaged("is cut off or damaged: a part of the GIF is none")
    if first is None:
        raise Damaged("is cut off or damaged: it is a GIF without pixels")
    # Only the first frame is used. Finding the others would take the decoder a while.
    return Whole(content[:first] + b";", moves=frames > 1)


def _palette(flags: int) -> int:
    """Return the length in bytes of the palette that a descriptor announces."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(content: bytes, at: int) -> int:
    """Return the end of the row of data blocks that begins at `at`."""
    while content[at]:
        at += content[at] + 1
    return at + 1


# WebP: https://developers.google.com/speed/webp/docs/riff_container


def _webp(content: bytes) -> Whole:
    (length,) = struct.unpack_from("<I", content, 4)
    if len(content) < 8 + length:
        raise Damaged("is cut off: the end of the WEBP is missing")
    extended = content[12:16] == b"VP8X"
    return Whole(content[: 8 + length], moves=extended and bool(content[20] & 0x02))
