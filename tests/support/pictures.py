"""Small pictures of every kind, drawn here, so that a test sees what came of them."""

from __future__ import annotations

import base64
import io
import random
from typing import Any, Literal

import PIL.Image

Kind = Literal["PNG", "JPEG", "GIF", "WEBP"]

KINDS: dict[Kind, str] = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "GIF": "image/gif",
    "WEBP": "image/webp",
}
"""The kinds there are, and their media types."""

BLUE, RED = (0, 0, 255), (255, 0, 0)


def picture(
    size: tuple[int, int] = (12, 8), mode: str = "RGB", *, left: Any = RED, right: Any = BLUE
) -> PIL.Image.Image:
    """Return a picture whose left half has one colour and whose right half another."""
    drawn = PIL.Image.new(mode, size, right)
    drawn.paste(left, (0, 0, size[0] // 2, size[1]))
    return drawn


def noise(size: tuple[int, int]) -> PIL.Image.Image:
    """Return a picture that cannot be packed: always the same one."""
    return PIL.Image.frombytes("RGB", size, random.Random(7).randbytes(size[0] * size[1] * 3))


def saved(drawn: PIL.Image.Image, kind: Kind = "PNG", **options: Any) -> bytes:
    """Return the bytes of a file of the picture."""
    out = io.BytesIO()
    drawn.save(out, kind, **options)
    return out.getvalue()


def drawn(kind: Kind = "PNG", size: tuple[int, int] = (12, 8)) -> bytes:
    """Return a file of a small picture."""
    return saved(picture(size), kind)


def moving(kind: Kind) -> bytes:
    """Return a file of a picture that moves: first red, then blue, then green."""
    frames = [PIL.Image.new("RGB", (12, 8), colour) for colour in (RED, BLUE, (0, 255, 0))]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def data_url(content: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def read(data: str | None) -> PIL.Image.Image:
    """Return the picture that base64 data hold."""
    shown = PIL.Image.open(io.BytesIO(base64.b64decode(data or "")))
    shown.load()
    return shown
