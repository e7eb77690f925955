"""Pictures made of samples that are known, and checks of how they are shown."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import replace
from typing import Any

import anyio
import PIL.Image

from atlas_mcp.atlas.messages import Image, ModelRequest, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.feature_values import IMAGE_TYPES, ImageType
from atlas_mcp.models.pictures.files import image_type
from atlas_mcp.models.pictures.fitting import fault_in, with_fitted_pictures
from tests.support.pictures import read

SEES = ModelSpec("maker/m", images=True, image_px=None, image_types=IMAGE_TYPES)


def shown(content: bytes, *, px: int | None, types: tuple[ImageType, ...]) -> PIL.Image.Image:
    """Return what a model is shown of a picture that was found whole."""
    kind = image_type(content)
    assert kind is not None
    assert fault_in(content, kind) is None
    image = Image(kind, base64.b64encode(content).decode())
    request = ModelRequest("Look.", (UserTurn((image, Text("q"))),), max_tokens=10)
    sent = anyio.run(with_fitted_pictures, request, replace(SEES, image_px=px, image_types=types))
    (turn,) = sent.turns
    assert isinstance(turn, UserTurn)
    assert isinstance(turn.parts[0], Image)
    assert turn.parts[0].media_type in types
    return read(turn.parts[0].data)


def on(background: tuple[int, int, int], picture: PIL.Image.Image) -> PIL.Image.Image:
    """Return a picture as it looks before a background."""
    under = PIL.Image.new("RGBA", picture.size, (*background, 255))
    return PIL.Image.alpha_composite(under, picture.convert("RGBA")).convert("RGB")


def distance(one: PIL.Image.Image, other: PIL.Image.Image) -> int:
    """Return how far the channels of two pictures are apart at most."""
    assert one.size == other.size
    return max(abs(a - b) for a, b in zip(one.tobytes(), other.tobytes(), strict=True))


def smaller(picture: PIL.Image.Image, size: tuple[int, int]) -> PIL.Image.Image:
    whole: Any = picture
    return whole.resize(size, PIL.Image.Resampling.LANCZOS)


def check(seen: PIL.Image.Image, given: PIL.Image.Image, allowed: int) -> None:
    """Check that what was shown is what was given, before white and before black."""
    expected = smaller(given, seen.size)
    for background in ((255, 255, 255), (0, 0, 0)):
        assert distance(on(background, seen), on(background, expected)) <= allowed


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


SIDE = 16


DEPTHS = [
    (0, 1),
    (0, 2),
    (0, 4),
    (0, 8),
    (0, 16),
    (2, 8),
    (2, 16),
    (3, 1),
    (3, 2),
    (3, 4),
    (3, 8),
    (4, 8),
    (4, 16),
    (6, 8),
    (6, 16),
]
"""Colour types and the bits of a sample: grey, colours, palette, grey and colours with alpha."""


PASSES = [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
]
"""Where each pass of an interlaced picture begins, and its steps: to the right and down."""


def palette(bits: int) -> list[tuple[int, int, int]]:
    return [(i * 37 % 256, i * 91 % 256, 255 - i) for i in range(1 << bits)]


def header(colours: int, bits: int, *, width: int = SIDE, interlaced: bool = False) -> bytes:
    return struct.pack(">IIBBBBB", width, SIDE, bits, colours, 0, 0, interlaced)


def png(
    colours: int,
    bits: int,
    pixels: list[tuple[int, ...]],
    extra: bytes = b"",
    *,
    interlaced: bool = False,
) -> bytes:
    """Return a PNG of `SIDE` times `SIDE` pixels, their data in several parts."""
    rows: list[bytes] = []
    for left, top, right, down in PASSES if interlaced else [(0, 0, 1, 1)]:
        for y in range(top, SIDE, down):
            samples = [one for x in range(left, SIDE, right) for one in pixels[y * SIDE + x]]
            packed = sum(one << bits * i for i, one in enumerate(reversed(samples)))
            filling = -len(samples) * bits % 8
            size = (len(samples) * bits + filling) // 8
            rows.append(b"\0" + (packed << filling).to_bytes(size, "big"))
    data = zlib.compress(b"".join(rows))
    half = len(data) // 2
    if colours == 3:
        extra = chunk(b"PLTE", bytes(one for colour in palette(bits) for one in colour)) + extra
    return assembled(
        (b"IHDR", header(colours, bits, interlaced=interlaced)),
        extra,
        (b"IDAT", data[:half]),
        (b"IDAT", data[half:]),
        (b"IEND", b""),
    )


def assembled(*parts: tuple[bytes, bytes] | bytes) -> bytes:
    """Return a PNG of such parts."""
    chunks = [part if isinstance(part, bytes) else chunk(*part) for part in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


GREY = [(i % 256,) for i in range(SIDE * SIDE)]


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
