"""The header of a GGUF file, read from its first bytes; its tensors are never read.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (read 2026-11-25). The library
that reads whole files, `gguf`, needs numpy; these few fields need 24 bytes and a list of keys.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

from atlas_mcp.errors import ModelFileError

MAGIC = b"GGUF"

VERSIONS = range(2, 4)
"""Versions that are read. Version 1, of the first weeks of the format, has shorter counts."""

MOST_KEYS = 10_000
"""Most keys of a file; files have a few dozen. A larger count is damage."""

MOST_ITEMS = 2_000_000
"""Most items of one array; vocabularies have some 300,000. A larger count is damage."""

LONGEST_STRING = 2**20
"""Most bytes of one string: the longest is a chat template. Our own choice."""

_STRING = 8
_ARRAY = 9

_NUMBERS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
"""The `struct` format of each type that is one number, by the type's code."""

_Value: TypeAlias = int | float | str | None


@dataclass(frozen=True, slots=True)
class Header:
    """Fields of a GGUF file's header; `None` where the file lacks one.

    Attributes:
        architecture: The kind of network.
        kind: "model", or another type of file, such as an adapter or a part for pictures.
        title: The maker's name for it.
        licence: Its licence, as its maker writes it.
        context_tokens: The longest prompt and reply together that it was made for.
    """

    architecture: str
    kind: str = "model"
    title: str | None = None
    licence: str | None = None
    context_tokens: int | None = None


def read_header(file: Path) -> Header:
    """Return the header of `file`.

    Raises:
        ModelFileError: The file cannot be read, or is no GGUF file.
    """
    try:
        with file.open("rb") as opened:
            return _read(opened, file)
    except OSError as error:
        raise ModelFileError(f"{file} cannot be read: {error.strerror}") from error
    except _Damaged as error:
        raise ModelFileError(
            f"{file} is a GGUF file, but its header is damaged: fetch it again"
        ) from error


class _Damaged(Exception):
    """The header breaks off, or has an impossible count."""


def _read(opened: IO[bytes], file: Path) -> Header:
    if opened.read(len(MAGIC)) != MAGIC:
        raise ModelFileError(
            f"{file} is no GGUF file: it does not begin with {MAGIC.decode()}. Embedded models run "
            "from GGUF files only"
        )
    version, _, keys = struct.unpack("<IQQ", _take(opened, 20))
    if version not in VERSIONS:
        raise ModelFileError(
            f"{file} is a GGUF file of version {version}; versions {VERSIONS[0]} and "
            f"{VERSIONS[-1]} are read, little-endian"
        )
    if keys > MOST_KEYS:
        raise _Damaged
    found: dict[str, _Value] = {}
    for _ in range(keys):
        key = _string(opened)
        found[key] = _value(opened, _number(opened, "<I"))
        # The vocabulary follows: megabytes without a field that is wanted here.
        if key.startswith("tokenizer.") and _context(found) is not None:
            break
    architecture = found.get("general.architecture")
    return Header(
        architecture=architecture if isinstance(architecture, str) else "",
        kind=_text(found, "general.type") or "model",
        title=_text(found, "general.name"),
        licence=_text(found, "general.license"),
        context_tokens=_context(found),
    )


def _context(found: dict[str, _Value]) -> int | None:
    value = found.get(f"{found.get('general.architecture')}.context_length")
    return value if isinstance(value, int) and value > 0 else None


def _text(found: dict[str, _Value], key: str) -> str | None:
    value = found.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _value(opened: IO[bytes], kind: int) -> _Value:
    """Return the next value, `None` for an array, which is skipped."""
    if kind == _STRING:
        return _string(opened)
    if kind == _ARRAY:
        _pass_array(opened)
        return None
    if kind not in _NUMBERS:
        raise _Damaged
    return _number(opened, _NUMBERS[kind])


def _pass_array(opened: IO[bytes]) -> None:
    kind, count = struct.unpack("<IQ", _take(opened, 12))
    # The format allows arrays of arrays, but no known file has them.
    if count > MOST_ITEMS or kind not in {_STRING, *_NUMBERS}:
        raise _Damaged
    if kind in _NUMBERS:
        opened.seek(struct.calcsize(_NUMBERS[kind]) * count, io.SEEK_CUR)
        return
    for _ in range(count):
        _string(opened)


def _string(opened: IO[bytes]) -> str:
    length = _number(opened, "<Q")
    if length > LONGEST_STRING:
        raise _Damaged
    return _take(opened, int(length)).decode(errors="replace")


def _number(opened: IO[bytes], form: str) -> int:
    (value,) = struct.unpack(form, _take(opened, struct.calcsize(form)))
    return value


def _take(opened: IO[bytes], count: int) -> bytes:
    taken = opened.read(count)
    if len(taken) < count:
        raise _Damaged
    return taken
