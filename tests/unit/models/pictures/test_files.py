"""A picture is known by its content, and refused if it is not whole."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import PIL.Image
import pytest

from atlas_mcp.feature_values import IMAGE_TYPES
from atlas_mcp.models.pictures.files import image_type
from atlas_mcp.models.pictures.fitting import (
    fault_in,
    with_fitted_pictures,
)
from tests.support.picture_requests import SEES, asking, kind_of
from tests.support.pictures import (
    KINDS,
    Kind,
    drawn,
    moving,
    noise,
    saved,
)
from tests.support.pixels import chunk, distance, segment, shown, smaller


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_picture_of_every_kind_is_known_by_its_content(kind: Kind) -> None:
    assert image_type(drawn(kind)) == KINDS[kind]
    assert fault_in(drawn(kind), kind_of(kind)) is None
    assert fault_in(moving(kind) if kind != "JPEG" else drawn(kind), kind_of(kind)) is None


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *[(kind, {}) for kind in KINDS],
        ("JPEG", {"progressive": True}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_a_picture_that_is_cut_off_anywhere_is_found_out(kind: Kind, options: Any) -> None:
    content = saved(noise((9, 7)), kind, **options)
    faults = {cut: fault_in(content[:cut], kind_of(kind)) for cut in range(12, len(content))}

    assert [cut for cut, fault in faults.items() if fault is None] == []
    assert all("is cut off" in (fault or "") for fault in faults.values())


def test_a_wrong_sum_of_a_part_is_found_out_though_all_pixels_are_there() -> None:
    """Decoders of vendors are stricter about it than ours."""
    content = bytearray(drawn("PNG"))
    end_of_pixels = content.index(b"IEND") - 5
    content[end_of_pixels] ^= 1

    assert "damaged" in (fault_in(bytes(content), "image/png") or "")


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_changed_in_a_picture_it_is_refused_in_words_or_can_be_sent(kind: Kind) -> None:
    chance = random.Random(kind)
    content = saved(noise((9, 7)), kind)
    refused = 0
    for _ in range(150):
        changed = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(12, len(changed))] = chance.randrange(256)
        fault = fault_in(bytes(changed), kind_of(kind))
        refused += fault is not None
        if fault is None:
            spec = replace(SEES, image_px=5)
            anyio.run(with_fitted_pictures, asking(bytes(changed)), spec)

    assert refused


def test_a_picture_is_only_given_to_the_decoder_of_its_kind() -> None:
    fault = fault_in(drawn("GIF"), "image/png")

    assert fault is not None
    assert "PNG" in fault


def inserted(*parts: bytes) -> bytes:
    """Return a PNG with further parts after its header."""
    content = saved(noise((9, 7)))
    return content[:33] + b"".join(parts) + content[33:]


def marked(*segments: bytes) -> bytes:
    """Return a JPEG with further parts after its beginning."""
    content = saved(noise((9, 7)), "JPEG")
    return content[:2] + b"".join(segments) + content[2:]


def _long() -> bytes:
    return b"x" * 3_000_000


def _plain(kind: Kind) -> bytes:
    return saved(noise((9, 7)), kind)


def _two(kind: Kind) -> bytes:
    first = noise((9, 7))
    second = first.transpose(PIL.Image.Transpose.ROTATE_180)
    return saved(first, kind, save_all=True, append_images=[second])


SOUND: dict[str, Callable[[], bytes]] = {
    "long text": lambda: inserted(chunk(b"tEXt", b"k\0" + _long())),
    "long packed text": lambda: inserted(chunk(b"zTXt", b"k\0\0" + zlib.compress(_long()))),
    "text that unpacks to 300 MB": lambda: inserted(
        chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(300_000_000)))
    ),
    "long international text": lambda: inserted(
        chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(_long()))
    ),
    "many texts": lambda: inserted(*[chunk(b"tEXt", b"k\0" + b"x" * 9_000)] * 500),
    "long profile": lambda: inserted(chunk(b"iCCP", b"k\0\0" + zlib.compress(_long()))),
    "damaged profile": lambda: inserted(chunk(b"iCCP", b"k\0\0none")),
    "damaged text": lambda: inserted(chunk(b"tEXt", b"k\0v")[:-1] + b"\0"),
    "empty settings": lambda: inserted(
        chunk(b"gAMA", b""), chunk(b"pHYs", b""), chunk(b"cHRM", b"")
    ),
    "damaged EXIF": lambda: inserted(chunk(b"eXIf", b"garbage")),
    "unknown part": lambda: inserted(chunk(b"abCd", b"x")),
    "PNG and more": lambda: saved(noise((9, 7))) + b"more",
    "GIF and a byte": lambda: _plain("GIF") + b"x",
    "GIF and zeros": lambda: _plain("GIF") + b"\0\0",
    "GIF and a second end": lambda: _plain("GIF") + b"x;y;z",
    "GIF that moves, and a byte": lambda: _two("GIF") + b"x",
    "WebP and more": lambda: _plain("WEBP") + b"more",
    "JPEG and more": lambda: _plain("JPEG") + b"more" * 1_000,
    "JPEG and another": lambda: _plain("JPEG") * 2,
    "two JPEGs in one": lambda: _two("MPO"),  # pyright: ignore[reportArgumentType] - a kind of JPEG
    "JPEG with a damaged EXIF": lambda: marked(segment(0xE1, b"Exif\0\0garbage")),
    "JPEG with a damaged index": lambda: marked(segment(0xE2, b"MPF\0garbage")),
    "JPEG with a damaged profile": lambda: marked(segment(0xE2, b"ICC_PROFILE\0garbage")),
    "JPEG with long comments": lambda: marked(*[segment(0xFE, b"x" * 65_000)] * 30),
    "JPEG with fill bytes": lambda: _plain("JPEG").replace(b"\xff\xd8", b"\xff\xd8\xff\xff\xff", 1),
    "JPEG with a picture in its EXIF": lambda: marked(segment(0xE1, b"Exif\0\0" + _plain("JPEG"))),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_picture_is_taken_whatever_stands_beside_its_pixels(name: str) -> None:
    content = SOUND[name]()

    seen = shown(content, px=5, types=IMAGE_TYPES)

    assert distance(seen.convert("RGB"), smaller(noise((9, 7)), seen.size)) < 120
