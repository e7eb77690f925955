"""Pictures, looked into: whether they are whole, and how a model takes them.

Owns the one library that decodes pictures; it is imported when there is one. Nothing here reads a
file or an address. The same picture for the same model gives the same bytes at every call, in every
process with the same library, since a conversation is only taken back as it was.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio.to_thread

from atlas_mcp.atlas.messages import Image, ModelRequest, Part, UserTurn
from atlas_mcp.atlas.pool import ModelSpec
from atlas_mcp.atlas.usage import FREE, Usage
from atlas_mcp.errors import ModelRejected
from atlas_mcp.presets import ImageType

if TYPE_CHECKING:
    import PIL.Image

MAX_PIXELS = 50_000_000
"""Pixels of a picture that is decoded. Our own choice: the largest cameras of telephones as they
take pictures by default, 200 MB of memory."""

REQUEST_IMAGE_BYTES = 18_000_000
"""Bytes of all pictures of one request in base64. Our own choice: whole requests are taken up to 20
MB by Gemini and 32 MB by the Messages API, read 2026-11-25."""

QUALITY = 90
"""Of JPEG and WebP pictures that are written anew. Our own choice."""

MAX_PROFILE_BYTES = 100_000
"""Longest colour profile that is kept when a picture is written anew."""

KEPT_BYTES = 50_000_000
"""Bytes in base64 of pictures that are kept for the next call."""

_MAGIC: tuple[tuple[bytes, ImageType], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)

_FORMATS: dict[ImageType, str] = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}

_ORIENTATION = 0x0112
"""The EXIF tag that says how a picture is to be turned."""

# One picture is decoded at a time, whoever asks: each may take some hundred megabytes.
_decoding = threading.Lock()


class Limits(NamedTuple):
    """How one model takes pictures.

    Attributes:
        px: Pixels of the longer side; `None` for no bound.
        size_bytes: Bytes in base64.
        types: The kinds it reads.
    """

    px: int | None
    size_bytes: int
    types: tuple[ImageType, ...]


def image_type(content: bytes) -> ImageType | None:
    """Return what kind of picture begins like this, whatever it is called; `None` for none."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if content.startswith(magic)), None)


def fault_in(content: bytes, kind: ImageType) -> str | None:
    """Return what is wrong with a picture, in words; `None` if it is whole. Takes a while."""
    import PIL.Image

    try:
        with _decoding:
            picture = _opened(content, kind)
            if math.prod(picture.size) > MAX_PIXELS:
                return _too_many(picture.size)
            if kind == "image/png":
                # Checks the sum of every part, and cannot be used after that.
                picture.verify()
                picture = _opened(content, kind)
            picture.load()
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
        return f"has too many pixels; at most {MAX_PIXELS:,} are taken"
    except _unreadable() as error:
        return f"is cut off or damaged: it cannot be decoded as {_FORMATS[kind]} ({error})"
    if not _has_its_end(content, kind):
        return f"is cut off: the end of the {_FORMATS[kind]} is missing"
    return None


def limits_of(spec: ModelSpec, count: int) -> Limits:
    """Return how a model takes each of `count` pictures."""
    share = REQUEST_IMAGE_BYTES // max(1, count)
    size = share if spec.image_bytes is None else min(share, spec.image_bytes)
    return Limits(spec.image_px, size, spec.image_types)


async def fitted(request: ModelRequest, spec: ModelSpec) -> ModelRequest:
    """Return a request with its pictures as the model takes them; addresses stay as they are.

    Raises:
        ModelRejected: A picture cannot be decoded.
    """
    pictures = [part for part in _parts(request) if isinstance(part, Image) and part.data]
    if not pictures:
        return request
    limits = limits_of(spec, len(pictures))
    # Abandoned on a cancel: nobody waits for the thread, and what it finds is kept.
    found = await anyio.to_thread.run_sync(
        partial(_fit_all, pictures, limits, spec.model), abandon_on_cancel=True
    )
    if all(new is old for new, old in zip(found, pictures, strict=True)):
        return request
    rest = iter(found)
    turns = tuple(
        replace(turn, parts=tuple(_next_of(part, rest) for part in turn.parts))
        if isinstance(turn, UserTurn)
        else turn
        for turn in request.turns
    )
    return replace(request, turns=turns)


def _parts(request: ModelRequest) -> list[Part]:
    return [part for turn in request.turns if isinstance(turn, UserTurn) for part in turn.parts]


def _next_of(part: Part, found: Iterator[Image]) -> Part:
    return next(found) if isinstance(part, Image) and part.data else part


def _fit_all(pictures: Sequence[Image], limits: Limits, model: str) -> list[Image]:
    try:
        return [_fits.fit(picture, limits) for picture in pictures]
    except _unreadable() as error:
        raise ModelRejected(
            model,
            f"a picture of the problem cannot be decoded ({error})",
            usage=Usage(),
            cost_usd=FREE,
        ) from error


class _Fits:
    """Pictures that have been fitted, each once for all calls of a process."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[bytes, Limits], Image | None] = OrderedDict()
        self._size = 0

    def fit(self, picture: Image, limits: Limits) -> Image:
        """Return the picture within `limits`; itself where it is within them."""
        assert picture.data is not None, "only pictures with data are fitted"
        key = (hashlib.sha256(picture.data.encode()).digest(), limits)
        # Held while it works as well: whoever asks for the same picture meanwhile gets it.
        with _decoding:
            if key not in self._known:
                self._keep(key, _fit(base64.b64decode(picture.data), limits))
            self._known.move_to_end(key)
            return self._known[key] or picture

    def _keep(self, key: tuple[bytes, Limits], found: Image | None) -> None:
        self._known[key] = found
        self._size += _length(found)
        while self._size > KEPT_BYTES and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._size -= _length(oldest)


_fits = _Fits()


def _length(picture: Image | None) -> int:
    # What is counted for one that stays as it is stands for its key.
    return 100 if picture is None else len(picture.data or "")


def _fit(content: bytes, limits: Limits) -> Image | None:
    """Return a picture written anew within `limits`; `None` if it can stay as it is."""
    kind = image_type(content)
    if kind is None:
        raise ValueError("it is no PNG, JPEG, GIF or WebP")
    picture = _opened(content, kind)
    if math.prod(picture.size) > MAX_PIXELS:
        raise ValueError(_too_many(picture.size))
    turn = _turn(picture)
    moving = _moves(picture, kind)
    small = limits.px is None or max(picture.size) <= limits.px
    light = _encoded_length(content) <= limits.size_bytes
    if kind in limits.types and small and light and turn is None and not moving:
        return None
    written: ImageType = kind
    if kind == "image/gif" or kind not in limits.types or (moving and kind == "image/webp"):
        written = "image/png"
    return _within(_upright(picture, turn, written), written, limits)


def _within(picture: PIL.Image.Image, kind: ImageType, limits: Limits) -> Image:
    """Return the picture made so small that it is within `limits`, and no smaller than it must."""
    from PIL.Image import Resampling

    # As it is, its type names one of a library that is not installed.
    frame: Any = picture
    scale = 1.0 if limits.px is None else min(1.0, limits.px / max(picture.size))
    while True:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        smaller = frame if size == frame.size else frame.resize(size, Resampling.LANCZOS)
        content = _written(smaller, kind, picture.info.get("icc_profile"))
        length = _encoded_length(content)
        if length <= limits.size_bytes or max(size) == 1:
            return Image(media_type=kind, data=base64.b64encode(content).decode())
        scale *= min(0.9, math.sqrt(limits.size_bytes / length))


def _moves(picture: PIL.Image.Image, kind: ImageType) -> bool:
    # Many a JPEG holds a second picture that is no frame: a map of its brightness, or of depth.
    try:
        return kind != "image/jpeg" and bool(getattr(picture, "is_animated", False))
    except _unreadable():
        return False


def _turn(picture: PIL.Image.Image) -> PIL.Image.Transpose | None:
    """Return what sets a picture upright whose camera was held otherwise; `None` for nothing."""
    from PIL.Image import Transpose

    try:
        said = picture.getexif().get(_ORIENTATION)
    except _unreadable():
        return None
    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return turns.get(said) if isinstance(said, int) else None


def _upright(
    picture: PIL.Image.Image, turn: PIL.Image.Transpose | None, kind: ImageType
) -> PIL.Image.Image:
    """Return the first frame as it is meant to be seen, in colours that can be scaled."""
    picture.load()
    upright = picture if turn is None else picture.transpose(turn)
    if kind == "image/jpeg":
        return upright if upright.mode in {"L", "RGB"} else _in_mode(upright, "RGB")
    if "transparency" in upright.info:
        return _in_mode(upright, "RGBA")
    if upright.mode in {"L", "LA", "RGB", "RGBA"}:
        return upright
    if upright.mode == "1":
        return upright.convert("L")
    if upright.mode.startswith("I"):
        grey: Any = upright.convert("I")
        return grey.point(_of_sixteen_bits).convert("L")
    return _in_mode(upright, "RGB")


def _of_sixteen_bits(value: Any) -> Any:
    """Return what sixteen bits of grey are in the eight that models see."""
    return value * (1 / 256)


def _in_mode(picture: PIL.Image.Image, mode: str) -> PIL.Image.Image:
    """Return the picture in other colours, without the profile of those it had."""
    converted = picture.convert(mode)
    if picture.mode not in {"P", "RGB"}:
        converted.info.pop("icc_profile", None)
    return converted


def _written(picture: PIL.Image.Image, kind: ImageType, profile: bytes | None) -> bytes:
    kept = profile if profile and len(profile) <= MAX_PROFILE_BYTES else None
    options: dict[str, Any] = {
        "image/jpeg": {"quality": QUALITY, "subsampling": "4:4:4"},
        "image/webp": {"quality": QUALITY},
    }.get(kind, {})
    out = io.BytesIO()
    picture.save(out, _FORMATS[kind], icc_profile=kept, **options)
    return out.getvalue()


def _opened(content: bytes, kind: ImageType) -> PIL.Image.Image:
    """Return a picture of which only the beginning has been read, by the decoder of its kind."""
    import PIL.Image

    return PIL.Image.open(io.BytesIO(content), formats=(_FORMATS[kind],))


def _has_its_end(content: bytes, kind: ImageType) -> bool:
    """Return whether the mark is there that ends a picture: decoders can do without."""
    match kind:
        case "image/png":
            return b"IEND\xae\x42\x60\x82" in content
        case "image/jpeg":
            return content.find(b"\xff\xd9", content.find(b"\xff\xda")) != -1
        case "image/gif":
            return content.rstrip(b"\0").endswith(b";")
        case "image/webp":
            return len(content) >= 8 + int.from_bytes(content[4:8], "little")


def _encoded_length(content: bytes) -> int:
    return 4 * math.ceil(len(content) / 3)


def _too_many(size: tuple[int, int]) -> str:
    return f"has {size[0]:,} x {size[1]:,} pixels; at most {MAX_PIXELS:,} in all are taken"


def _unreadable() -> tuple[type[Exception], ...]:
    """Return what the decoders raise for pictures that are none, or not whole.

    Found by cutting and changing pictures at random. Warnings are among them where the interpreter
    is told to raise those.
    """
    import struct
    import zlib

    import PIL.Image

    return (
        OSError,
        SyntaxError,
        ValueError,
        IndexError,
        EOFError,
        OverflowError,
        Warning,
        struct.error,
        zlib.error,
        PIL.Image.DecompressionBombError,
    )
