"""Whether a picture is whole, and how a model takes it."""

from __future__ import annotations

import hashlib
import random
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import PIL.Image
import pytest

from atlas_mcp.atlas.messages import AssistantTurn, Image, ModelRequest, Text, ToolResult, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ModelRejected
from atlas_mcp.feature_values import IMAGE_TYPES, ImageType
from atlas_mcp.models.chat.params import chat_params
from atlas_mcp.models.pictures.fitting import (
    MAX_PIXELS,
    REQUEST_IMAGE_BYTES,
    fault_in,
    limits_of,
    with_fitted_pictures,
)
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import demo
from tests.support.picture_requests import ASK, SEES, asking, kind_of
from tests.support.pictures import (
    BLUE,
    KINDS,
    RED,
    Kind,
    data_url,
    drawn,
    moving,
    noise,
    picture,
    read,
    saved,
)


def images_of(request: ModelRequest) -> list[Image]:
    (turn,) = request.turns
    assert isinstance(turn, UserTurn)
    return [part for part in turn.parts if isinstance(part, Image)]


async def sent(content: bytes, spec: ModelSpec = SEES) -> tuple[PIL.Image.Image, Image]:
    """Return what a model is sent of one picture, to look at and as it is sent."""
    (image,) = images_of(await with_fitted_pictures(asking(content), spec))
    return read(image.data), image


def pixel(shown: PIL.Image.Image, x: int, y: int) -> tuple[int, ...]:
    found = shown.convert("RGB").getpixel((x, y))
    assert isinstance(found, tuple)
    return found


def is_like(found: tuple[int, ...], colour: tuple[int, int, int]) -> bool:
    """Return whether a colour is another one, as far as lossy kinds keep it."""
    return all(abs(one - other) < 40 for one, other in zip(found, colour, strict=True))


def with_size(width: int, height: int) -> dict[Kind, bytes]:
    """Return pictures of a few bytes that claim to be so large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    png = bytearray(drawn("PNG"))
    png[16:29] = header
    png[29:33] = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    jpeg = bytearray(drawn("JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    gif = bytearray(drawn("GIF"))
    gif[6:10] = struct.pack("<HH", width, height)
    return {"PNG": bytes(png), "JPEG": bytes(jpeg), "GIF": bytes(gif)}


@pytest.mark.parametrize("size", [(8_000, 6_251), (10_000, 9_500), (60_000, 60_000)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    kind: Kind, size: tuple[int, int]
) -> None:
    fault = fault_in(with_size(*size)[kind], kind_of(kind))

    assert fault is not None
    assert f"at most {MAX_PIXELS:,}" in fault


@pytest.mark.parametrize("kind", KINDS)
async def test_a_picture_within_the_limits_is_sent_as_it_came(kind: Kind) -> None:
    request = asking(drawn(kind, (100, 60)), drawn("PNG", (60, 100)))

    assert await with_fitted_pictures(request, SEES) is request


async def test_an_address_is_sent_as_it_is_beside_a_picture_that_is_not() -> None:
    address = Image(url="https://example.org/large.png")

    first, second = images_of(
        await with_fitted_pictures(asking(address, drawn("PNG", (300, 100))), SEES)
    )

    assert first is address
    assert read(second.data).size == (100, 33)


@pytest.mark.parametrize(
    ("kind", "written"),
    [("PNG", "PNG"), ("JPEG", "JPEG"), ("GIF", "PNG"), ("WEBP", "WEBP")],
)
async def test_a_larger_picture_is_made_smaller_and_keeps_its_kind_and_shape(
    kind: Kind, written: str
) -> None:
    shown, image = await sent(drawn(kind, (300, 150)))

    assert shown.size == (100, 50)
    assert (shown.format, image.media_type) == (written, KINDS[shown.format])  # pyright: ignore[reportArgumentType]
    assert is_like(pixel(shown, 10, 25), RED)
    assert is_like(pixel(shown, 90, 25), BLUE)


async def test_a_line_stays_a_pixel_wide() -> None:
    shown, _ = await sent(drawn("PNG", (5_000, 2)))

    assert shown.size == (100, 1)


TRANSPARENT = saved(picture((300, 150), "RGBA", left=(255, 0, 0, 128), right=(0, 0, 255, 0)))


PALETTE = saved(picture((300, 150)).quantize(4))


SIXTEEN_BITS = saved(PIL.Image.new("I;16", (300, 150), 0x8000))


COLOURS: dict[str, tuple[bytes, str]] = {
    "grey": (saved(PIL.Image.new("L", (300, 150), 128)), "L"),
    "grey of sixteen bits": (SIXTEEN_BITS, "L"),
    "black and white": (saved(PIL.Image.new("1", (300, 150), 1)), "L"),
    "a palette": (PALETTE, "RGB"),
    "a transparent colour of a palette": (
        saved(picture((300, 150)).quantize(4), transparency=0),
        "RGBA",
    ),
    "transparency": (TRANSPARENT, "RGBA"),
    "grey with transparency": (saved(PIL.Image.new("LA", (300, 150), (128, 9))), "LA"),
    "colours of print": (saved(PIL.Image.new("CMYK", (300, 150), (0, 0, 0, 127)), "JPEG"), "RGB"),
}


@pytest.mark.parametrize("case", COLOURS)
async def test_colours_are_kept_where_a_picture_is_made_smaller(case: str) -> None:
    content, mode = COLOURS[case]

    shown, _ = await sent(content)

    assert (shown.size, shown.mode) == ((100, 50), mode)
    if "grey" in case or "print" in case:
        assert is_like(pixel(shown.convert("RGB"), 50, 25), (128, 128, 128))


async def test_what_is_transparent_leaves_no_edge() -> None:
    shown, _ = await sent(TRANSPARENT)

    found = [shown.getpixel((x, 25)) for x in (20, 80)]
    assert found == [(255, 0, 0, 128), (0, 0, 0, 0)]


async def test_a_colour_profile_goes_with_the_picture_unless_it_is_of_other_colours() -> None:
    profile = b"a profile of some bytes"
    kept, _ = await sent(saved(picture((300, 150)), "JPEG", icc_profile=profile))
    print_, _ = await sent(saved(PIL.Image.new("CMYK", (300, 150)), "JPEG", icc_profile=profile))
    large, _ = await sent(saved(picture((300, 150)), "PNG", icc_profile=random.randbytes(200_000)))

    assert kept.info["icc_profile"] == profile
    assert "icc_profile" not in print_.info
    assert "icc_profile" not in large.info


def held(orientation: int, kind: Kind, size: tuple[int, int]) -> bytes:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    return saved(picture(size), kind, exif=exif)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("size", [(60, 30), (300, 150)])
async def test_a_picture_that_lies_on_its_side_is_set_upright(
    kind: Kind, size: tuple[int, int]
) -> None:
    """6: turned a quarter clockwise to be seen, so what was left is on top. Source: EXIF 2.3."""
    shown, _ = await sent(held(6, kind, size))

    width, height = shown.size
    assert (width, height) == ((30, 60) if size == (60, 30) else (50, 100))
    assert is_like(pixel(shown, width // 2, 5), RED)
    assert is_like(pixel(shown, width // 2, height - 5), BLUE)
    assert shown.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("orientation", [0, 1, 9])
async def test_a_picture_that_stands_upright_is_sent_as_it_came(orientation: int) -> None:
    request = asking(held(orientation, "JPEG", (60, 30)))

    assert await with_fitted_pictures(request, SEES) is request


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
async def test_of_a_picture_that_moves_the_first_frame_is_sent(kind: Kind) -> None:
    shown, image = await sent(moving(kind))

    assert image.media_type == "image/png"
    assert not getattr(shown, "is_animated", False)
    assert is_like(pixel(shown, 5, 5), RED)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
async def test_a_kind_the_model_does_not_read_is_written_as_png(kind: Kind) -> None:
    spec = replace(SEES, image_types=("image/png", "image/jpeg"))

    shown, image = await sent(drawn(kind), spec)

    assert (image.media_type, shown.format, shown.size) == ("image/png", "PNG", (12, 8))
    assert is_like(pixel(shown, 2, 4), RED)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_a_picture_of_too_many_bytes_is_made_no_smaller_than_it_must(kind: Kind) -> None:
    content = saved(noise((200, 200)), kind, **({} if kind == "PNG" else {"quality": 100}))
    spec = replace(SEES, image_px=None, image_bytes=30_000)

    shown, image = await sent(content, spec)

    assert shown.format == kind
    assert len(image.data or "") <= 30_000
    assert len(image.data or "") > 18_000
    assert shown.width == shown.height < 200


async def test_bytes_alone_cost_no_pixel_where_packing_is_enough() -> None:
    loose = saved(picture((90, 90)), "PNG", compress_level=0)
    spec = replace(SEES, image_bytes=5_000)
    assert len(loose) > 5_000

    shown, _ = await sent(loose, spec)

    assert shown.size == (90, 90)


def test_many_pictures_share_what_one_request_may_have() -> None:
    assert limits_of(replace(SEES, image_bytes=5_000_000), 1).size_bytes == 5_000_000
    assert limits_of(replace(SEES, image_bytes=5_000_000), 8).size_bytes * 8 == REQUEST_IMAGE_BYTES
    assert limits_of(replace(SEES, image_bytes=None), 1).size_bytes == REQUEST_IMAGE_BYTES


async def test_a_request_without_pictures_is_not_touched() -> None:
    assert await with_fitted_pictures(ASK, SEES) is ASK


async def test_only_the_pictures_of_a_conversation_change() -> None:
    said = AssistantTurn("Hm.", verbatim={"role": "assistant", "content": "Hm."})
    first = asking(drawn("PNG", (300, 150))).turns[0]
    request = replace(ASK, turns=(first, said, UserTurn((ToolResult("c", "r"), Text("go on")))))

    found = await with_fitted_pictures(request, SEES)

    assert found.turns[1:] == request.turns[1:]
    assert isinstance(found.turns[0], UserTurn)
    assert found.turns[0].parts[1] == Text("q")


async def test_a_picture_is_fitted_once_for_all_calls() -> None:
    request = asking(saved(noise((300, 150))))
    results: list[ModelRequest] = []

    async def call() -> None:
        results.append(await with_fitted_pictures(request, SEES))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(call)
    results.append(await with_fitted_pictures(asking(saved(noise((300, 150)))), SEES))

    first, *others = (images_of(result)[0] for result in results)
    assert all(other is first for other in others)
    assert (
        images_of(await with_fitted_pictures(request, replace(SEES, image_px=50)))[0] is not first
    )


async def hashes() -> list[str]:
    """Return what pictures of every kind become, each as one word."""
    found = [
        await with_fitted_pictures(asking(saved(noise((150, 120)), kind)), SEES) for kind in KINDS
    ]
    return [hashlib.sha256((images_of(one)[0].data or "").encode()).hexdigest() for one in found]


@pytest.mark.every_day(0)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_another_process_writes_the_same_bytes() -> None:
    """A conversation that is gone on with is only taken back as it was."""
    code = f"import anyio, {__name__} as t; print(*anyio.run(t.hashes))"

    done = await anyio.run_process([sys.executable, "-c", code])

    assert done.stdout.decode().split() == await hashes()
    assert len(set(await hashes())) == len(KINDS)


async def test_what_cannot_be_decoded_is_the_end_of_the_call_and_says_so() -> None:
    """Of a run that was opened when pictures were only looked at from outside."""
    for content in (b"\x89PNG\r\n\x1a\n", b"text", with_size(9_000, 9_000)["PNG"]):
        with pytest.raises(ModelRejected, match="picture") as caught:
            await with_fitted_pictures(asking(content), SEES)
        assert (caught.value.model, caught.value.charge) == ("maker/m", None)


@pytest.mark.parametrize("kind", KINDS)
async def test_chat_completions_get_a_picture_as_a_data_url(kind: Kind) -> None:
    content = drawn(kind)
    request = await with_fitted_pictures(
        asking(content, Image(url="https://example.org/x.png")), SEES
    )

    (_, message) = chat_params(SEES, request, stream_usage=True)["messages"]

    assert [part.get("image_url") for part in message["content"]] == [
        {"url": data_url(content, KINDS[kind])},
        {"url": "https://example.org/x.png"},
        None,
    ]


async def test_chat_completions_get_a_large_picture_made_smaller() -> None:
    request = await with_fitted_pictures(asking(drawn("JPEG", (300, 150))), SEES)

    (_, message) = chat_params(SEES, request, stream_usage=True)["messages"]

    heading, _, data = message["content"][0]["image_url"]["url"].partition(",")
    assert heading == "data:image/jpeg;base64"
    assert read(data).size == (100, 50)


def spec_of(entry: dict[str, Any]) -> ModelSpec:
    settings = Settings(home=Path(), solvers={"s": SolverSettings.model_validate(entry)})
    (found,) = Pool(settings, {entry["model"]: demo()}).solvers(["s"])
    return found.spec


def test_claude_takes_every_kind_and_five_megabytes_of_base64() -> None:
    spec = spec_of({"model": "anthropic/claude-opus-5-5"})
    older = spec_of({"model": "anthropic/claude-haiku-4-5", "max_image_px": 900})

    assert (spec.image_px, spec.image_bytes, spec.image_types) == (2_576, 5_242_880, IMAGE_TYPES)
    assert older.image_px == 900
    assert spec.images


@pytest.mark.parametrize(
    ("entry", "types"),
    [
        ({"model": "openai/gpt"}, IMAGE_TYPES),
        ({"model": "google/gemini"}, ("image/png", "image/jpeg", "image/webp")),
        ({"model": "llamacpp/qwen"}, ("image/png", "image/jpeg")),
        ({"model": "openai/x", "base_url": "http://127.0.0.1:1/v1"}, ("image/png", "image/jpeg")),
    ],
)
def test_other_endpoints_get_the_kinds_that_they_are_known_to_read(
    entry: dict[str, Any], types: tuple[ImageType, ...]
) -> None:
    spec = spec_of({**entry, "images": True})

    assert spec.image_types == types
    assert spec.image_px == 2_048
    assert spec.image_bytes is not None


def test_a_larger_bound_in_pixels_holds_more_tokens_for_each_picture() -> None:
    usual, larger, smaller = (
        spec_of({"model": "openai/gpt", "max_image_px": px}).image_tokens
        for px in (2_048, 4_096, 512)
    )

    assert larger == 4 * usual
    assert smaller == usual


@pytest.mark.every_day(0)
def test_the_library_that_decodes_is_imported_for_a_picture_only() -> None:
    names = [
        "atlas_mcp.server.app", "atlas_mcp.runs.opening", "atlas_mcp.runs.caller_images",
        "atlas_mcp.cli.commands", "atlas_mcp.models.chat.model",
    ]  # fmt: skip
    code = f"import sys, {', '.join(names)}; sys.exit('PIL' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
