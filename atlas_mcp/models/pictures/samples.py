"""The samples of a picture: sixteen bits made eight, and a transparent colour made transparency.

Owns the conversions that the decoder gets wrong or leaves out. Works on loaded pictures.
"""

from __future__ import annotations

import io
from functools import reduce
from typing import TYPE_CHECKING, Any

from atlas_mcp.models.pictures.files import Key

if TYPE_CHECKING:
    import PIL.Image

_STRIP_ROWS = 256
"""Rows that are split at once: other threads get their turn between two strips."""


def eight_bits(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Return a grey picture in the eight bits that models see; a coloured one unchanged."""
    if picture.mode == "1":
        return picture.convert("L")
    if not picture.mode.startswith("I"):
        return picture
    grey: Any = picture.convert("I")
    return grey.point(_high_byte).convert("L")


def _high_byte(value: Any) -> Any:
    return value * (1 / 256)


def with_transparent(picture: PIL.Image.Image, key: Key, content: bytes) -> PIL.Image.Image:
    """Return a PNG, transparent where it has the colour `key`; opaque if that colour is nowhere.

    The decoder compares the colour with samples that it has reduced to eight bits, so that it finds
    none or the wrong ones.

    Args:
        picture: The picture, loaded.
        key: The colour that is transparent.
        content: The file it was loaded from.
    """
    if key.bits == 16:
        highs, lows = _bytes_of(picture, content)
        wanted = [(high, one >> 8) for high, one in zip(highs, key.samples, strict=True)]
        wanted += [(low, one & 0xFF) for low, one in zip(lows, key.samples, strict=True)]
        seen = _merged(highs)
    else:
        seen = eight_bits(picture)
        most = (1 << key.bits) - 1
        bands: list[Any] = [seen.getchannel(i) for i in range(len(seen.getbands()))]
        wanted = [(band, one * 255 // most) for band, one in zip(bands, key.samples, strict=True)]
    from PIL import ImageChops

    is_key: Any = reduce(ImageChops.darker, (_equal(band, one) for band, one in wanted))
    found: Any = seen.copy()
    found.info = dict(picture.info)
    if is_key.getextrema()[1]:
        found.putalpha(ImageChops.invert(is_key))
    return found


def _equal(band: Any, value: int) -> Any:
    return band.point([255 if one == value else 0 for one in range(256)])


def _merged(bands: list[Any]) -> Any:
    import PIL.Image

    return bands[0] if len(bands) == 1 else PIL.Image.merge("RGB", bands)


def _bytes_of(picture: PIL.Image.Image, content: bytes) -> tuple[list[Any], list[Any]]:
    """Return the high bytes of each sample of a picture of sixteen bits, and the low ones."""
    import PIL.Image

    if picture.mode == "RGB":
        low: Any = _low_bytes(content)
        return list(picture.split()), list(low.split())
    grey: Any = picture
    found: list[Any] = []
    for byte in (1, 0):
        band: Any = PIL.Image.new("L", grey.size)
        for top in range(0, grey.height, _STRIP_ROWS):
            rows = min(_STRIP_ROWS, grey.height - top)
            strip = grey.crop((0, top, grey.width, top + rows)).tobytes("raw", "I;16")
            band.paste(PIL.Image.frombytes("L", (grey.width, rows), strip[byte::2]), (0, top))
        found.append(band)
    return [found[0]], [found[1]]


def _low_bytes(content: bytes) -> PIL.Image.Image:
    """Return the low bytes of a picture of which the decoder keeps the high ones.

    The picture is decoded a second time, as if the bytes of its samples were swapped.
    """
    import PIL.Image

    again: Any = PIL.Image.open(io.BytesIO(content), formats=("PNG",))
    again.tile = [tile._replace(args="RGB;16L") for tile in again.tile]
    again.load()
    return again
