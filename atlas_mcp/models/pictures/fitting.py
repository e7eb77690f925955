"""Pictures, decoded: checked for damage, and fitted to the limits of a model.

Owns the one library that decodes pictures, which is imported when the first picture comes. Nothing
here reads a file or an address. The same picture for the same model gives the same bytes at every
call, in every process with the same library: a vendor takes a conversation back only unchanged.
Transparency is kept: a format that has it is only converted to another that has it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from atlas_mcp.atlas.messages import Image, ModelRequest, Part, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.errors import ModelRejected
from atlas_mcp.feature_values import ImageType
from atlas_mcp.models.pictures.files import (
    FORMATS,
    MAX_PROFILE_BYTES,
    image_type,
    whole,
)
from atlas_mcp.models.pictures.jpeg import check_rows
from atlas_mcp.models.pictures.png import Damaged, check_samples
from atlas_mcp.models.pictures.samples import eight_bits, with_transparent
from atlas_mcp.off_loop import off_loop

if TYPE_CHECKING:
    import PIL.Image

MAX_PIXELS = 50_000_000
"""Most pixels of a picture that is decoded. Our own choice: the largest cameras of telephones by
default, 200 MB of memory."""

REQUEST_IMAGE_BYTES = 18_000_000
"""Bytes of all pictures of one request in base64. Our own choice: whole requests are taken up to 20
MB by Gemini and 32 MB by the Messages API, read 2026-11-25."""

QUALITY = 90
"""Quality of JPEG and WebP pictures that are written anew. Our own choice."""

KEPT_FAULTS = 1_000
"""Pictures whose check is remembered: a client that gathers explores sends the same ones with every
call."""

KEPT_BYTES = 50_000_000
"""Bytes in base64 of pictures that are kept for the next call."""

_ORIENTATION = 0x0112
"""The EXIF tag for the turn that sets a picture upright."""


class Limits(NamedTuple):
    """The pictures that one model takes.

    Attributes:
        px: Most pixels of the longer side; `None` for no bound.
        size_bytes: Most bytes in base64.
        types: The formats it reads.
    """

    px: int | None
    size_bytes: int
    types: tuple[ImageType, ...]


def fault_in(content: bytes, kind: ImageType) -> str | None:
    """Return a description of a picture's fault; `None` if it is whole. Takes a while."""
    key = (hashlib.sha256(content).digest(), kind)
    with _checking:
        if key not in _faults:
            _faults[key] = _fault_in(content, kind)
            if len(_faults) > KEPT_FAULTS:
                _faults.popitem(last=False)
        return _faults[key]


_checking = threading.Lock()
"""One picture is checked at a time in the process: each may take some hundred megabytes."""

_faults: OrderedDict[tuple[bytes, ImageType], str | None] = OrderedDict()


def _fault_in(content: bytes, kind: ImageType) -> str | None:
    import PIL.Image

    try:
        found = whole(content, kind)
        picture = _opened(found.content, kind)
        if math.prod(picture.size) > MAX_PIXELS:
            return _too_many(picture.size)
        if kind == "image/png":
            check_samples(found.content)
        if kind == "image/jpeg":
            # The whole file is read; an eighth of its pixels is drawn.
            picture.draft(None, (1, 1))
        picture.load()
        if found.in_one:
            check_rows(picture, found.content)
    except Damaged as error:
        return str(error)
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
        return f"has too many pixels; at most {MAX_PIXELS:,} are taken"
    except _unreadable() as error:
        return f"is cut off or damaged: it cannot be decoded as {FORMATS[kind]}{_why(error)}"
    return None


def limits_of(spec: ModelSpec, count: int) -> Limits:
    """Return the limits of each of `count` pictures of a request."""
    share = REQUEST_IMAGE_BYTES // max(1, count)
    size = share if spec.image_bytes is None else min(share, spec.image_bytes)
    return Limits(spec.image_px, size, spec.image_types)


async def with_fitted_pictures(request: ModelRequest, spec: ModelSpec) -> ModelRequest:
    """Return a request with its pictures fitted to the model; addresses of pictures are kept.

    Raises:
        ModelRejected: A picture cannot be decoded.
    """
    pictures = [part for part in _parts(request) if isinstance(part, Image) and part.data]
    if not pictures:
        return request
    limits = limits_of(spec, len(pictures))
    found = [
        await off_loop("pictures for calls", partial(_fit_one, one, limits, spec.model))
        for one in pictures
    ]
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


def _fit_one(picture: Image, limits: Limits, model: str) -> Image:
    try:
        return _fits.fit(picture, limits)
    except (Damaged, *_unreadable()) as error:
        raise ModelRejected(
            model,
            f"a picture of the problem cannot be decoded{_why(error)}",
        ) from error


class _Fits:
    """Pictures that have been fitted, each once for all calls of a process."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[bytes, Limits], Image | None] = OrderedDict()
        self._size = 0
        self._fitting = threading.Lock()

    def fit(self, picture: Image, limits: Limits) -> Image:
        """Return the picture fitted to `limits`; the same object where it fits already."""
        assert picture.data is not None, "only pictures with data are fitted"
        key = (hashlib.sha256(picture.data.encode()).digest(), limits)
        # Held during the fitting too: another call with the same picture waits for the result.
        with self._fitting:
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
    # A picture that stays unchanged counts only for its key.
    return 100 if picture is None else len(picture.data or "")


def _fit(content: bytes, limits: Limits) -> Image | None:
    """Return a picture written anew within `limits`; `None` if it can stay as it is."""
    kind = image_type(content)
    if kind is None:
        raise Damaged("is no PNG, JPEG, GIF or WebP")
    found = whole(content, kind)
    picture = _opened(found.content, kind)
    if math.prod(picture.size) > MAX_PIXELS:
        raise Damaged(_too_many(picture.size))
    turn = _turn(picture)
    small = limits.px is None or max(picture.size) <= limits.px
    light = _encoded_length(content) <= limits.size_bytes
    plain = turn is None and not (found.moves or found.deep or found.key)
    if kind in limits.types and small and light and plain:
        return None
    written: ImageType = kind
    if kind == "image/gif" or kind not in limits.types or (found.moves and kind == "image/webp"):
        written = "image/png"
    scale = 1.0 if limits.px is None else min(1.0, limits.px / max(picture.size))
    size = (picture.width, picture.height)
    if kind == "image/jpeg" and scale < 1:
        # Drawn at half, a quarter or an eighth of its size, and never below twice what is sent.
        picture.draft(None, (math.ceil(2 * scale * size[0]), math.ceil(2 * scale * size[1])))
    if turn is not None and turn.name in _LAID_DOWN:
        size = (size[1], size[0])
    picture.load()
    if found.key is not None:
        picture = with_transparent(picture, found.key, found.content)
    return _within(_upright(picture, turn, written), size, scale, written, limits)


_LAID_DOWN = frozenset({"ROTATE_90", "ROTATE_270", "TRANSPOSE", "TRANSVERSE"})


def _within(
    picture: PIL.Image.Image,
    full: tuple[int, int],
    scale: float,
    kind: ImageType,
    limits: Limits,
) -> Image:
    """Return the picture scaled down as little as `limits` allow.

    Args:
        picture: The picture, maybe drawn smaller than its full size.
        full: Its full size, in pixels.
        scale: The largest share of the full size to send, at most 1.
        kind: The format to write.
        limits: The model's limits.
    """
    from PIL.Image import Resampling

    # `Any`, since the type of `resize` names a library that is not installed.
    frame: Any = picture
    while True:
        size = (max(1, round(full[0] * scale)), max(1, round(full[1] * scale)))
        smaller = frame if size == frame.size else frame.resize(size, Resampling.LANCZOS)
        content = _written(smaller, kind, picture.info.get("icc_profile"))
        length = _encoded_length(content)
        if length <= limits.size_bytes or max(size) == 1:
            return Image(media_type=kind, data=base64.b64encode(content).decode())
        scale *= min(0.9, math.sqrt(limits.size_bytes / length))


def _turn(picture: PIL.Image.Image) -> PIL.Image.Transpose | None:
    """Return the turn that sets a picture upright; `None` for none."""
    from PIL.Image import Transpose

    try:
        orientation = picture.getexif().get(_ORIENTATION)
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
    return turns.get(orientation) if isinstance(orientation, int) else None


def _upright(
    picture: PIL.Image.Image, turn: PIL.Image.Transpose | None, kind: ImageType
) -> PIL.Image.Image:
    """Return the first frame upright, in a colour mode that can be scaled."""
    upright = picture if turn is None else picture.transpose(turn)
    if kind == "image/jpeg":
        return upright if upright.mode in {"L", "RGB"} else _in_mode(upright, "RGB")
    if "transparency" in upright.info:
        return _in_mode(upright, "RGBA")
    seen = eight_bits(upright)
    return seen if seen.mode in {"L", "LA", "RGB", "RGBA"} else _in_mode(seen, "RGB")


def _in_mode(picture: PIL.Image.Image, mode: str) -> PIL.Image.Image:
    """Return the picture in another colour mode, without a profile that no longer fits."""
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
    picture.save(out, FORMATS[kind], icc_profile=kept, **options)
    return out.getvalue()


def _opened(content: bytes, kind: ImageType) -> PIL.Image.Image:
    """Return a picture opened by the decoder of its format, which has only read its header."""
    import PIL.Image

    return PIL.Image.open(io.BytesIO(content), formats=(FORMATS[kind],))


def _encoded_length(content: bytes) -> int:
    return 4 * math.ceil(len(content) / 3)


def _too_many(size: tuple[int, int]) -> str:
    return f"has {size[0]:,} x {size[1]:,} pixels; at most {MAX_PIXELS:,} in all are taken"


def _why(error: Exception) -> str:
    """Return a decoder's message as the end of a sentence; empty where it is of no use."""
    import PIL

    # That message only names an object in memory.
    return "" if isinstance(error, PIL.UnidentifiedImageError) else f" ({error})"


def _unreadable() -> tuple[type[Exception], ...]:
    """Return the exceptions that decoders raise for damaged pictures and other files.

    Found by cutting and changing pictures at random. Warnings are included, since an interpreter
    may be set to raise them.
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
