"""A JPEG is taken if all of its passes are there."""

from __future__ import annotations

import io
import struct
from typing import Any

import PIL.Image
import pytest

from atlas_mcp.models.pictures.fitting import (
    fault_in,
)
from tests.support.pictures import (
    noise,
    saved,
)
from tests.support.pixels import check, segment, shown

JPEGS: list[dict[str, Any]] = [
    {},
    {"quality": 100, "subsampling": "4:4:4"},
    {"quality": 5, "optimize": True},
    {"restart_marker_rows": 1},
    {"restart_marker_blocks": 3},
    {"progressive": True},
]


JPEG_END = b"\xff\xd9"


@pytest.mark.parametrize("options", JPEGS, ids=str)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_whole_jpeg_is_taken_whatever_is_drawn_in_it(mode: str, options: Any) -> None:
    """Also one whose last row is as empty, or as grey, as one that is missing."""
    for size in ((1, 1), (8, 8), (33, 70)):
        shown = [PIL.Image.new(mode, size, colour) for colour in (0, 0x80, "white")]
        for one in (*shown, noise(size).convert(mode)):
            content = saved(one, "JPEG", **options)
            assert fault_in(content, "image/jpeg") is None
            assert fault_in(content + b"whatever", "image/jpeg") is None


@pytest.mark.parametrize("options", JPEGS[:-1], ids=str)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_that_is_cut_off_is_found_out_behind_an_end_mark_too(
    mode: str, options: Any
) -> None:
    """Whoever repairs files puts one there."""
    content = saved(noise((60, 50)).convert(mode), "JPEG", **options)
    pixels = content.rfind(b"\xff\xda") + 20
    cuts = range(pixels, len(content) - 40, (len(content) - pixels) // 20)
    found = {at: fault_in(content[:at].rstrip(b"\xff") + JPEG_END, "image/jpeg") for at in cuts}

    assert [at for at, fault in found.items() if fault is None] == []
    assert all("the pixels of the JPEG are not all there" in (one or "") for one in found.values())


def test_a_jpeg_without_its_last_passes_is_found_out() -> None:
    content = saved(noise((60, 50)), "JPEG", progressive=True)
    passes = [at for at in range(len(content)) if content[at : at + 2] == b"\xff\xda"]
    assert len(passes) > 3

    for at in passes[1:]:
        fault = fault_in(content[:at] + JPEG_END, "image/jpeg")
        assert fault == "is cut off: the last passes of the JPEG are missing"


def test_a_jpeg_of_one_pass_for_each_colour_needs_all_of_them() -> None:
    content = saved(noise((60, 50)), "JPEG", subsampling="4:4:4")
    at = content.rfind(b"\xff\xda")
    # As if its only pass were of one colour of three.
    alone = content[:at] + b"\xff\xda\0\x08\x01" + content[at + 5 : at + 7] + content[at + 11 :]

    assert fault_in(alone, "image/jpeg") == "is cut off: the last passes of the JPEG are missing"


def written_otherwise(jpeg: bytes) -> dict[str, bytes]:
    """Return the same picture with what a file may have besides."""
    first = jpeg.index(b"\xff\xda")
    rest = jpeg[first + 2 :]
    strange = segment(0xFE, b"\xff\xd9 and \xff\xda")
    again = jpeg.find(b"\xff\xc4", first)
    again = again if again > 0 else jpeg.find(b"\xff\xda", first + 2)
    found = {
        "bytes behind the end": jpeg + b"more\xff\xd9\xff\xd8",
        "a second picture behind the end": jpeg + jpeg,
        "filling before the pixels": jpeg[:first] + b"\xff\xff\xff" + jpeg[first:],
        "filling before the end": jpeg[:-2] + b"\xff\xff\xff\xd9",
        "a comment like an end": jpeg[:2] + strange + jpeg[2:],
        "a preview": jpeg[:2] + segment(0xE2, jpeg) + jpeg[2:],
    }
    if again > 0:
        found["filling between passes"] = jpeg[:again] + b"\xff\xff" + jpeg[again:]
        found["a comment like an end between passes"] = jpeg[:again] + strange + jpeg[again:]
    if (restart := rest.find(b"\xff\xd0")) > 0:
        at = first + 2 + restart
        found["filling before a restart"] = jpeg[:at] + b"\xff" + jpeg[at:]
    return found


@pytest.mark.parametrize("restart", [0, 1, 3])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_shown_whatever_stands_between_its_parts(
    *, progressive: bool, restart: int
) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 1
    jpeg = saved(
        noise((70, 50)), "JPEG", progressive=progressive, restart_marker_blocks=restart, exif=exif
    )
    given = PIL.Image.open(io.BytesIO(jpeg)).convert("RGBA")
    others = written_otherwise(jpeg)
    assert ("a comment like an end between passes" in others) == progressive
    assert ("filling before a restart" in others) == (restart > 0)

    for case, content in others.items():
        assert fault_in(content, "image/jpeg") is None, case
        check(shown(content, px=None, types=("image/png",)), given, allowed=0)


def test_a_jpeg_whose_passes_are_cut_off_is_refused() -> None:
    jpeg = saved(noise((70, 50)), "JPEG", progressive=True)
    passes = [at for at in range(len(jpeg)) if jpeg[at : at + 2] == b"\xff\xda"]
    assert len(passes) > 3

    for at in (*passes, *(at + 20 for at in passes)):
        assert "is cut off" in (fault_in(jpeg[:at], "image/jpeg") or "")


def test_a_jpeg_of_many_passes_over_a_large_picture_is_refused_by_name() -> None:
    content = bytearray(saved(PIL.Image.new("L", (64, 64)), "JPEG", progressive=True))
    frame = content.index(b"\xff\xc2")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 7_000, 7_000)
    last = content.rindex(b"\xff\xda")
    scan = bytes(content[last:-2])
    many = bytes(content[:-2]) + scan * 300 + b"\xff\xd9"

    assert "drawn in too many passes" in (fault_in(many, "image/jpeg") or "")
