"""The passes of a JPEG: their number, and whether they draw all of the picture.

Stricter than the decoder, as `png` is: the decoder draws grey for missing pixels, and reports no
error. Source: ITU T.81, annexes B and G.
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
"""Frames that are drawn from the top to the bottom, in Huffman's code."""

_REFINED = frozenset({0xC2, 0xCA})
"""Frames that are drawn in several passes, each with more of each block."""

_COEFFICIENTS = 64
"""Values of a block."""

_BEHIND = b"\xfe" * 16
"""Put after the pixels in place of the end mark. The decoder looks ahead by eight bytes; the pixels
that these bytes draw are nearly always fewer than those a cut-off picture lacks."""


class Passes:
    """The parts of a picture drawn by its passes so far, as the file is read part by part.

    Attributes:
        count: Passes read.
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
        """Whether the picture has a single pass, which `check_rows` can check."""
        return self.count == 1 and self._kind in _IN_ORDER

    def check(self) -> None:
        """Refuse a picture that ends before the last of its passes.

        A last pass that is cut off is accepted: where passes refine a picture, its details can
        hardly be seen.

        Raises:
            Damaged: Passes are missing, or there is none at all.
        """
        if not self.count:
            raise Damaged("is cut off or damaged: it is a JPEG without pixels")
        if any(bits != 0 for drawn in self._missing.values() for bits in drawn):
            raise Damaged("is cut off: the last passes of the JPEG are missing")


def check_rows(picture: PIL.Image.Image, content: bytes) -> None:
    """Refuse a JPEG in one pass whose pixels end before its end. Takes as long as decoding it.

    The picture is decoded a second time, without its end mark: the decoder then waits for missing
    pixels in place of inventing them, and the last row stays empty.

    Args:
        picture: The picture, loaded, in an eighth of its size.
        content: The parts of its file that `whole` kept.

    Raises:
        Damaged: Pixels are missing.
    """
    import PIL.Image

    again: Any = PIL.Image.open(io.BytesIO(content[:-2] + _BEHIND), formats=("JPEG",))
    again.draft(None, (1, 1))
    with contextlib.suppress(OSError):
        # The decoder reports the missing end.
        again.load()
    # Keeps `crop` from decoding the rest.
    again.tile = []
    if _last_row(again) != _last_row(picture):
        raise Damaged("is cut off or damaged: the pixels of the JPEG are not all there")


def _last_row(picture: PIL.Image.Image) -> bytes:
    return picture.crop((0, picture.height - 1, picture.width, picture.height)).tobytes()
