"""The passes of a JPEG: which there are, and whether they draw all of the picture.

Stricter than the decoder, as `png_parts` is: where pixels end before their mark it draws grey, and
says so to nobody. Source: ITU T.81, annexes B and G.
"""

from __future__ import annotations

import contextlib
import io
import struct
from typing import TYPE_CHECKING, Any

from atlas_mcp.models.pictures.png import Damaged

if TYPE_CHECKING:
    import PIL.Image

SCAN = 0xDA
END = 0xD9
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_IN_ORDER = frozenset({0xC0, 0xC1})
"""Frames that are drawn from the top to the bottom, by Huffman's code."""

_REFINED = frozenset({0xC2, 0xCA})
"""Frames that are drawn again and again, each time with more of each block."""

_COEFFICIENTS = 64
"""Values of a block."""

_BEHIND = b"\xfe" * 16
"""Stands behind pixels for an end that never comes. The decoder looks ahead by eight bytes; what is
missing of a picture that is cut off is longer, in nearly every case, than what these draw."""


class Passes:
    """What the passes of a JPEG draw, as its parts are read one by one.

    Attributes:
        count: How many there are.
        size: Pixels of the picture.
    """

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self._kind = 0
        self._missing: dict[int, list[int | None]] = {}

    def frame(self, marker: int, segment: bytes) -> None:
        """Take in the header of the picture."""
        height, width, components = struct.unpack_from(">HHB", segment, 5)
        self.size = height * width
        self._kind = marker
        self._missing = {
            segment[10 + 3 * number]: [None] * _COEFFICIENTS for number in range(components)
        }

    def scan(self, segment: bytes) -> None:
        """Take in the header of a pass."""
        self.count += 1
        count = segment[4]
        first, last, bits = struct.unpack_from(">BBB", segment, 5 + 2 * count)
        for number in range(count):
            drawn = self._missing.get(segment[5 + 2 * number])
            if drawn is not None and self._kind in _REFINED:
                end = min(last, _COEFFICIENTS - 1) + 1
                drawn[first:end] = [bits & 0x0F] * (end - first)
            elif drawn is not None:
                drawn[:] = [0] * _COEFFICIENTS

    @property
    def in_one(self) -> bool:
        """Whether one pass draws all, so that `check_rows` can tell whether it does."""
        return self.count == 1 and self._kind in _IN_ORDER

    def check(self) -> None:
        """Refuse a picture that ends before the last of its passes.

        What is missing of the last one itself is not missed: where passes refine a picture, it adds
        what can hardly be seen.

        Raises:
            Damaged: It does, or has no pass at all.
        """
        if not self.count:
            raise Damaged("is cut off or damaged: it is a JPEG without pixels")
        if any(bits != 0 for drawn in self._missing.values() for bits in drawn):
            raise Damaged("is cut off: the last passes of the JPEG are missing")


def check_rows(picture: PIL.Image.Image, content: bytes) -> None:
    """Refuse a JPEG in one pass whose pixels end before its end. Takes as long as decoding it.

    It is decoded a second time, without its end mark: then the decoder waits for pixels that are
    missing in place of making them up, and the last row stays empty.

    Args:
        picture: The picture, loaded, in an eighth of its size.
        content: What `whole` kept of it.

    Raises:
        Damaged: Its pixels are not all there.
    """
    import PIL.Image

    again: Any = PIL.Image.open(io.BytesIO(content[:-2] + _BEHIND), formats=("JPEG",))
    again.draft(None, (1, 1))
    with contextlib.suppress(OSError):
        # That the end is missing.
        again.load()
    # Nothing more is to be decoded of it.
    again.tile = []
    if _last_row(again) != _last_row(picture):
        raise Damaged("is cut off or damaged: the pixels of the JPEG are not all there")


def _last_row(picture: PIL.Image.Image) -> bytes:
    return picture.crop((0, picture.height - 1, picture.width, picture.height)).tobytes()
