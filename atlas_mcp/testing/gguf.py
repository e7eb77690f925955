"""Makes the header of a GGUF file, without tensors."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = str | int | float | Sequence[str] | Sequence[float]


def gguf(fields: Mapping[str, Value], *, keys: int | None = None) -> bytes:
    """Return a header with these fields, in order.

    Args:
        fields: Integers become 32-bit counts, floats 32-bit floats, lists arrays.
        keys: The number of fields that it claims to have; by default the true one.
    """
    count = len(fields) if keys is None else keys
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, count)
    return head + b"".join(_string(key) + _typed(value) for key, value in fields.items())


def model_file(*, context_tokens: int = 32_768, architecture: str = "llama") -> bytes:
    """Return the header of a language model."""
    return gguf(
        {
            "general.architecture": architecture,
            "general.type": "model",
            "general.name": "A model for tests",
            "general.license": "apache-2.0",
            f"{architecture}.context_length": context_tokens,
        }
    )


def _typed(value: Value) -> bytes:
    if isinstance(value, str | int | float):
        return struct.pack("<I", _type(value)) + _bare(value)
    items = list(value)
    head = struct.pack("<IIQ", 9, _type(items[0]), len(items))
    return head + b"".join(_bare(item) for item in items)


def _type(value: str | float) -> int:
    if isinstance(value, str):
        return 8
    return 4 if isinstance(value, int) else 6


def _bare(value: str | float) -> bytes:
    if isinstance(value, str):
        return _string(value)
    return struct.pack("<I" if isinstance(value, int) else "<f", value)


def _string(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded
