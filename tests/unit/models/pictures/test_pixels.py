"""What a model is shown of a picture is what was given, pixel for pixel as far as that can be."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from dataclasses import replace
from functools import cache
from typing import Any

import anyio
import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas.messages import Image, ModelRequest, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.models.pictures.files import image_type
from atlas_mcp.models.pictures.fitting import fault_in, with_fitted_pictures
from atlas_mcp.presets import IMAGE_TYPES, ImageType
from tests.support.drawing import draws
from tests.support.pictures import KINDS, Kind, noise, read, saved

SEES = ModelSpec("maker/m", images=True, image_px=None, image_types=IMAGE_TYPES)

LOSSY = 40
"""How far a channel may be off where a kind loses something."""


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


WAYS: list[Any] = [
    (None, IMAGE_TYPES), (None, ("image/png", "image/jpeg")), (7, IMAGE_TYPES),
    (7, ("image/png", "image/jpeg")),
]  # fmt: skip
"""As it is; in another kind; made smaller; both."""


# PNG, of samples that are written here, so that no decoder says what they mean


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

BANDS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

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


def meant(
    colours: int,
    bits: int,
    pixels: list[tuple[int, ...]],
    key: tuple[int, ...] | None,
    alphas: bytes = b"",
) -> PIL.Image.Image:
    """Return what a PNG shows by its specification, in eight bits."""
    most = (1 << bits) - 1

    def eight(sample: int) -> int:
        return sample >> 8 if bits == 16 else sample * 255 // most

    def rgba(pixel: tuple[int, ...]) -> bytes:
        if pixel == key:
            return bytes(4)
        if colours == 3:
            (index,) = pixel
            return bytes([*palette(bits)[index], (*alphas, *[255] * 256)[index]])
        seen = [eight(one) for one in pixel]
        grey = len(seen) < 3
        return bytes([*([seen[0]] * 3 if grey else seen[:3]), seen[-1] if colours & 4 else 255])

    data = b"".join(map(rgba, pixels))
    return PIL.Image.frombytes("RGBA", (SIDE, SIDE), data)


@st.composite
def pngs(draw: st.DrawFn) -> tuple[bytes, PIL.Image.Image]:
    """A PNG of two colours, and what it shows; with or without transparency."""
    colours, bits = draw(st.sampled_from(DEPTHS))
    sample = st.integers(0, (1 << bits) - 1)
    pixel = st.tuples(*[sample] * BANDS[colours])
    left, right = draw(pixel), draw(pixel)
    split = draw(st.integers(1, SIDE - 1))
    pixels = [left if i % SIDE < split else right for i in range(SIDE * SIDE)]
    key: tuple[int, ...] | None = None
    if colours in {0, 2} and draw(st.booleans()):
        key = draw(st.sampled_from([left, right]) | pixel)
    alphas = draw(st.binary(max_size=1 << bits)) if colours == 3 else b""
    extra = chunk(b"tRNS", alphas) if alphas else b""
    if key is not None:
        extra = chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
    content = png(colours, bits, pixels, extra, interlaced=draw(st.booleans()))
    return content, meant(colours, bits, pixels, key, alphas)


@settings(max_examples=draws(150), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(pngs(), st.sampled_from(WAYS))
def test_a_png_is_shown_as_its_samples_say(
    drawn: tuple[bytes, PIL.Image.Image], way: tuple[int | None, tuple[ImageType, ...]]
) -> None:
    content, given = drawn
    px, types = way

    check(shown(content, px=px, types=types), given, allowed=3)


@pytest.mark.parametrize("key", [b"\0\1", b"\x20\0", b"\xc0\0"])
def test_a_transparent_grey_of_sixteen_bits_makes_no_white_page(key: bytes) -> None:
    """https://github.com/python-pillow/Pillow/issues/3011."""
    pixels = [(0x2000,) if i % SIDE < SIDE // 2 else (0xC000,) for i in range(SIDE * SIDE)]
    content = png(0, 16, pixels, chunk(b"tRNS", key))

    seen = on((255, 255, 255), shown(content, px=8, types=IMAGE_TYPES))

    colours = [seen.getpixel((0, 4)), seen.getpixel((7, 4))]
    greys = [(one,) * 3 for one in (0x20, 0xC0)]
    made_white = [(255,) * 3 if key[0] == grey[0] else grey for grey in greys]
    assert colours == made_white


# PNGs that others refuse, whatever our decoder makes of them

GREY = [(i % 256,) for i in range(SIDE * SIDE)]
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


# JPEGs as cameras and editors write them


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


# Every mode that every kind can be written in


def smooth(mode: str) -> PIL.Image.Image:
    """Return a picture of soft colours, and of transparency where the mode has any."""
    side = 24
    across: Any = smaller(PIL.Image.linear_gradient("L"), (side, side))
    down = across.transpose(PIL.Image.Transpose.ROTATE_90)
    colours = PIL.Image.merge("RGB", (across, down, across.point([*range(255, -1, -1)])))
    if mode in {"LA", "La"}:
        return PIL.Image.merge("LA", (across, down))
    if mode in {"RGBA", "RGBa", "RGBX"}:
        return PIL.Image.merge("RGBA", (*colours.split(), down)).convert(mode)
    if mode == "I;16":
        samples = b"".join(bytes([7, one]) for one in smooth("L").tobytes())
        return PIL.Image.frombytes("I;16", (side, side), samples)
    if mode == "PA":
        return colours.convert("P").convert("PA")
    return colours.convert(mode)


OPTIONS: dict[Kind, list[dict[str, Any]]] = {
    "PNG": [{}],
    "JPEG": [{}, {"progressive": True}],
    "GIF": [{}],
    "WEBP": [{}, {"lossless": True}],
}


def _writable() -> list[Any]:
    found: list[Any] = []
    for mode in (
        "1",
        "L",
        "P",
        "LA",
        "PA",
        "RGB",
        "RGBA",
        "RGBX",
        "CMYK",
        "YCbCr",
        "LAB",
        "HSV",
        "I;16",
    ):
        for kind in KINDS:
            for options in OPTIONS[kind]:
                if kind == "PNG" and mode in {"LAB", "HSV", "CMYK", "YCbCr", "RGBX"}:
                    continue
                try:
                    saved(smooth(mode), kind, **options)
                except (OSError, KeyError, ValueError):
                    continue
                found.append(pytest.param(mode, kind, options, id=f"{mode} {kind} {options}"))
    return found


@pytest.mark.parametrize("way", WAYS, ids=["as is", "other kind", "smaller", "smaller, other kind"])
@pytest.mark.parametrize(("mode", "kind", "options"), _writable())
def test_a_picture_of_every_mode_and_kind_is_shown_as_it_is(
    mode: str, kind: Kind, options: dict[str, Any], way: Any
) -> None:
    px, types = way
    content = saved(smooth(mode), kind, **options)
    given = PIL.Image.open(io.BytesIO(content))
    given.load()
    if mode == "I;16" and kind == "PNG":
        given = smooth("L")
    lossless = kind in {"PNG", "GIF"}

    seen = shown(content, px=px, types=types)

    check(seen, given.convert("RGBA"), allowed=4 if lossless or px is None else LOSSY)


@pytest.mark.parametrize("indices", [bytes([0]), bytes([255, 0, 128, 3]), bytes(range(256))])
def test_the_transparency_of_a_palette_is_kept(indices: bytes) -> None:
    drawn = smooth("P")
    content = saved(drawn, "PNG", transparency=indices)
    given = PIL.Image.open(io.BytesIO(content)).convert("RGBA")

    check(shown(content, px=9, types=IMAGE_TYPES), given, allowed=2)


# Sound pictures with something about them


def inserted(*parts: bytes) -> bytes:
    """Return a PNG with further parts after its header."""
    content = saved(noise((9, 7)))
    return content[:33] + b"".join(parts) + content[33:]


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def marked(*segments: bytes) -> bytes:
    """Return a JPEG with further parts after its beginning."""
    content = saved(noise((9, 7)), "JPEG")
    return content[:2] + b"".join(segments) + content[2:]


@cache
def _sound() -> dict[str, bytes]:
    long = b"x" * 3_000_000
    gif, webp, jpeg = (saved(noise((9, 7)), kind) for kind in ("GIF", "WEBP", "JPEG"))
    frames = [noise((9, 7)), noise((9, 7)).transpose(PIL.Image.Transpose.ROTATE_180)]
    return {
        "long text": inserted(chunk(b"tEXt", b"k\0" + long)),
        "long packed text": inserted(chunk(b"zTXt", b"k\0\0" + zlib.compress(long))),
        "text that unpacks to 300 MB": inserted(
            chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(300_000_000)))
        ),
        "long international text": inserted(
            chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(long))
        ),
        "many texts": inserted(*[chunk(b"tEXt", b"k\0" + b"x" * 9_000)] * 500),
        "long profile": inserted(chunk(b"iCCP", b"k\0\0" + zlib.compress(long))),
        "damaged profile": inserted(chunk(b"iCCP", b"k\0\0none")),
        "damaged text": inserted(chunk(b"tEXt", b"k\0v")[:-1] + b"\0"),
        "empty settings": inserted(chunk(b"gAMA", b""), chunk(b"pHYs", b""), chunk(b"cHRM", b"")),
        "damaged EXIF": inserted(chunk(b"eXIf", b"garbage")),
        "unknown part": inserted(chunk(b"abCd", b"x")),
        "PNG and more": saved(noise((9, 7))) + b"more",
        "GIF and a byte": gif + b"x",
        "GIF and zeros": gif + b"\0\0",
        "GIF and a second end": gif + b"x;y;z",
        "GIF that moves, and a byte": saved(
            frames[0], "GIF", save_all=True, append_images=frames[1:]
        ) + b"x",
        "WebP and more": webp + b"more",
        "JPEG and more": jpeg + b"more" * 1_000,
        "JPEG and another": jpeg + jpeg,
        "two JPEGs in one": saved(frames[0], "MPO", save_all=True, append_images=frames[1:]),  # pyright: ignore[reportArgumentType] - a kind of JPEG
        "JPEG with a damaged EXIF": marked(segment(0xE1, b"Exif\0\0garbage")),
        "JPEG with a damaged index": marked(segment(0xE2, b"MPF\0garbage")),
        "JPEG with a damaged profile": marked(segment(0xE2, b"ICC_PROFILE\0garbage")),
        "JPEG with long comments": marked(*[segment(0xFE, b"x" * 65_000)] * 30),
        "JPEG with fill bytes": jpeg[:2] + b"\xff\xff\xff" + jpeg[2:],
        "JPEG with a picture in its EXIF": marked(segment(0xE1, b"Exif\0\0" + jpeg)),
    }  # fmt: skip


@pytest.mark.parametrize("name", _sound())
def test_a_sound_picture_is_taken_whatever_stands_beside_its_pixels(name: str) -> None:
    content = _sound()[name]

    seen = shown(content, px=5, types=IMAGE_TYPES)

    assert distance(seen.convert("RGB"), smaller(noise((9, 7)), seen.size)) < 120


def test_a_jpeg_of_many_passes_over_a_large_picture_is_refused_by_name() -> None:
    content = bytearray(saved(PIL.Image.new("L", (64, 64)), "JPEG", progressive=True))
    frame = content.index(b"\xff\xc2")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 7_000, 7_000)
    last = content.rindex(b"\xff\xda")
    scan = bytes(content[last:-2])
    many = bytes(content[:-2]) + scan * 300 + b"\xff\xd9"

    assert "drawn in too many passes" in (fault_in(many, "image/jpeg") or "")
