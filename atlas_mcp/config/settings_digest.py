"""A digest of the whole configuration, by which two processes know that they have the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set
from typing import cast

from pydantic import BaseModel

from atlas_mcp.config.settings import Settings


def settings_digest(settings: Settings) -> str:
    """Return a digest, in hexadecimal, that is the same for equal settings in every process.

    Keys count, and cannot be read from it.
    """
    return hashlib.sha256(repr(_canonical(settings)).encode(errors="backslashreplace")).hexdigest()


def _canonical(value: object) -> object:
    """Return a value of which the order is left out that another process might have otherwise."""
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        return _canonical(cast("object", fields))
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return sorted((repr(key), _canonical(one)) for key, one in items)
    if isinstance(value, Set):
        return sorted(repr(_canonical(one)) for one in cast("Set[object]", value))
    if isinstance(value, tuple | list):
        return [_canonical(one) for one in cast("tuple[object, ...]", value)]
    return repr(value)
