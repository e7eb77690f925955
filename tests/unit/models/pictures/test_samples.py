"""A picture is shown as its samples say, in every mode and kind."""

from __future__ import annotations

import io
import struct
from typing import Any

import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas_mcp.feature_values import IMAGE_TYPES, ImageType
from tests.support.drawing import draws
from tests.support.pictures import KINDS, Kind, saved
from tests.support.pixels import DEPTHS, SIDE, check, chunk, on, palette, png, shown, smaller

LOSSY = 40
"""How far a channel may be off where a kind loses something."""


WAYS: list[Any] = [
    (None, IMAGE_TYPES), (None, ("image/png", "image/jpeg")), (7, IMAGE_TYPES),
    (7, ("image/png", "image/jpeg")),
]  # fmt: skip
"""As it is; in another kind; made smaller; both."""


BANDS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


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


@pytest.mark.every_day(60)
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
