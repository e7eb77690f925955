"""A PNG of which a part is missing or wrong is refused by name."""

from __future__ import annotations

import zlib

import pytest

from atlas_mcp.models.pictures.fitting import fault_in
from tests.support.pixels import DEPTHS, GREY, SIDE, assembled, chunk, header, png

HEAD = (b"IHDR", header(0, 8))


PACKED = zlib.compress(b"".join(b"\0" + bytes(SIDE) for _ in range(SIDE)))


END = (b"IEND", b"")


SOUND: dict[str, bytes] = {
    "bytes behind the end": png(0, 8, GREY) + b"more",
    "data behind the pixels": assembled(HEAD, (b"IDAT", PACKED + b"more"), END),
    "rows too many": assembled(HEAD, (b"IDAT", zlib.compress(bytes(17 * 40))), END),
    "parts without data": assembled(HEAD, (b"IDAT", b""), (b"IDAT", PACKED), (b"IDAT", b""), END),
    "a text with a wrong sum": png(0, 8, GREY, chunk(b"tEXt", b"a\0b")[:-1] + b"!"),
    "parts nobody knows": png(0, 8, GREY, chunk(b"abCd", b"x")),
}


BROKEN: dict[str, tuple[bytes, str]] = {
    "no end": (png(0, 8, GREY)[:-12], "end of the PNG is missing"),
    "a wrong length": (
        assembled(HEAD, b"\0\0\xff\xff" + chunk(b"IDAT", PACKED)[4:], END),
        "end of the PNG is missing",
    ),
    "pixels cut off": (assembled(HEAD, (b"IDAT", PACKED[:-8]), END), "not all there"),
    "pixels without their sum": (assembled(HEAD, (b"IDAT", PACKED[:-4]), END), "not all there"),
    "pixels with a wrong sum": (assembled(HEAD, (b"IDAT", PACKED[:-1] + b"!"), END), "not all"),
    "rows missing": (assembled(HEAD, (b"IDAT", zlib.compress(bytes(17 * 15))), END), "not all"),
    "a row too short": (assembled(HEAD, (b"IDAT", zlib.compress(bytes(17 * 16 - 1))), END), "not"),
    "a pass missing": (
        assembled((b"IHDR", header(0, 8, interlaced=True)), (b"IDAT", PACKED[:40]), END),
        "not all there",
    ),
    "no pixels": (assembled(HEAD, (b"IDAT", b""), END), "not all there"),
    "no part of pixels": (assembled(HEAD, END), "without pixels"),
    "no header": (assembled((b"IDAT", PACKED), END), "wrong place"),
    "a short header": (assembled((b"IHDR", HEAD[1][:-1]), (b"IDAT", PACKED), END), "length"),
    "two headers": (assembled(HEAD, HEAD, (b"IDAT", PACKED), END), "wrong place"),
    "no size": (assembled((b"IHDR", header(0, 8, width=0)), (b"IDAT", PACKED), END), "a size"),
    "a method there is not": (
        assembled((b"IHDR", HEAD[1][:-3] + b"\1\0\0"), (b"IDAT", PACKED), END),
        "a method",
    ),
    "no palette": (assembled((b"IHDR", header(3, 8)), (b"IDAT", PACKED), END), "palette"),
    "a palette cut off": (
        assembled((b"IHDR", header(3, 8)), (b"PLTE", bytes(7)), (b"IDAT", PACKED), END),
        "a part of the PNG",
    ),
    "a palette behind the pixels": (
        assembled(HEAD, (b"IDAT", PACKED), (b"PLTE", bytes(6)), END),
        "wrong place",
    ),
    "pixels in two places": (
        assembled(HEAD, (b"IDAT", PACKED[:9]), (b"tEXt", b"a\0b"), (b"IDAT", PACKED[9:]), END),
        "wrong place",
    ),
    "a critical part nobody knows": (png(0, 8, GREY, chunk(b"ABCD", b"x")), "a part of the PNG"),
}


@pytest.mark.parametrize("case", SOUND)
def test_a_png_that_is_all_there_is_taken(case: str) -> None:
    assert fault_in(SOUND[case], "image/png") is None


@pytest.mark.parametrize("case", BROKEN)
def test_a_png_of_which_something_is_missing_or_wrong_is_refused_by_name(case: str) -> None:
    content, words = BROKEN[case]

    assert words in (fault_in(content, "image/png") or "")


@pytest.mark.parametrize("bits", range(0, 33))
@pytest.mark.parametrize("colours", range(8))
def test_a_header_that_no_png_has_is_refused_by_its_colours_and_bits(
    colours: int, bits: int
) -> None:
    content = assembled((b"IHDR", header(colours, bits)), (b"IDAT", PACKED), END)

    known = (colours, bits) in DEPTHS
    refused = f"no PNG has colours of type {colours} with {bits} bits"
    assert (refused not in (fault_in(content, "image/png") or "")) == known
