"""The question a run is about: its text, its pictures and the shape its answer must have.

Owns the rules a question must keep. Bad input is refused here, before anything is spent.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atlas_mcp.atlas.answer_schema import check_answer_schema
from atlas_mcp.atlas.messages import Image, Json
from atlas_mcp.errors import InvalidInput

MAX_PROBLEM_BYTES = 400_000
"""Longest problem text, bytes of UTF-8: about 100,000 tokens, a tenth of current contexts."""

MAX_IMAGES = 8
"""Pictures of one problem. They are sent with every call of a run."""

MAX_IMAGE_BYTES = 5_000_000
"""Largest picture, bytes before base64."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)

_DATA_URL = re.compile(r"data:(?P<type>[\w.+/-]+);base64,(?P<data>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Problem:
    """The question, as every solver sees it.

    Attributes:
        text: The question itself.
        images: Pictures that belong to it, in order.
        answer_schema: JSON Schema the answer must fit; `None` for a string.
    """

    text: str
    images: tuple[Image, ...] = ()
    answer_schema: Mapping[str, Json] | None = None


def make_problem(
    text: str,
    *,
    images: Sequence[str] = (),
    answer_schema: object = None,
) -> Problem:
    """Return a checked `Problem`.

    Args:
        text: The question.
        images: `data:` URLs with base64 data, or https URLs, which are passed on unread.
        answer_schema: A JSON Schema object, or `None`.

    Raises:
        InvalidInput: An argument breaks a rule; the message names both.
    """
    if not text.strip():
        raise InvalidInput("problem", "is empty; write the whole question into it")
    size = len(_encoded(text, "problem"))
    if size > MAX_PROBLEM_BYTES:
        raise InvalidInput(
            "problem", f"has {size:,} bytes; at most {MAX_PROBLEM_BYTES:,} are taken"
        )
    if len(images) > MAX_IMAGES:
        raise InvalidInput("images", f"has {len(images)} entries; at most {MAX_IMAGES} are taken")
    return Problem(
        text=text,
        images=tuple(_image(url, f"images[{i}]") for i, url in enumerate(images)),
        answer_schema=None if answer_schema is None else check_answer_schema(answer_schema),
    )


def _encoded(text: str, argument: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(argument, f"is not valid Unicode at character {error.start}") from error


def image_from_bytes(content: bytes, argument: str) -> str:
    """Return the `data:` URL of a picture's bytes, its type told by its content.

    Raises:
        InvalidInput: The content is no PNG, JPEG, GIF or WebP, or is too large.
    """
    if len(content) > MAX_IMAGE_BYTES:
        raise InvalidInput(
            argument, f"has {len(content):,} bytes; at most {MAX_IMAGE_BYTES:,} are taken"
        )
    media_type = _media_type(content)
    if media_type is None:
        raise InvalidInput(argument, "is no PNG, JPEG, GIF or WebP picture")
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _image(url: str, argument: str) -> Image:
    if url.startswith("https://"):
        return Image(url=url)
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise InvalidInput(argument, "must be an https URL or a data URL (data:image/png;base64,…)")
    try:
        content = base64.b64decode(match["data"], validate=True)
    except binascii.Error as error:
        raise InvalidInput(argument, f"is not base64: {error}") from error
    image_from_bytes(content, argument)
    return Image(media_type=_media_type(content), data=match["data"])


def _media_type(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if content.startswith(magic)), None)
