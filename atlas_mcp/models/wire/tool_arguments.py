"""The arguments of a tool call, read by one rule for all APIs."""

from __future__ import annotations

import json
import math
from typing import cast

from atlas_mcp.atlas.json_parts import MOST_PARTS, has_too_many_parts
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import MAX_DIGITS, plain, why_unstorable
from atlas_mcp.atlas.written_json import read_written


def arguments_of(written: Json) -> tuple[dict[str, Json], str | None]:
    """Return the arguments of a tool call, and why they cannot be used, `None` if they can.

    Numbers that JSON does not have, such as NaN, are kept as text.

    Args:
        written: JSON as the model wrote it, or the value that an endpoint parsed from it.
    """
    if written in (None, ""):
        return {}, None
    arguments: Json = written
    if isinstance(written, str):
        if has_too_many_parts(written.encode(errors="replace")):
            return {}, f"its arguments are lost: they hold more than {MOST_PARTS:,} values"
        try:
            arguments = read_written(written)
        except ValueError:
            return {}, "its arguments are not JSON"
    if not isinstance(arguments, dict):
        return {}, "its arguments are no JSON object"
    found = cast("dict[str, Json]", arguments)
    beyond = why_unstorable(found)
    if beyond is not None:
        return {}, f"its arguments are lost: {beyond}"
    return cast("dict[str, Json]", plain(found)), None


def sent_back(written: Json, arguments: dict[str, Json]) -> str:
    """Return arguments as text that every server can read: as written, if that is strict JSON.

    Args:
        written: JSON as the model wrote it, or the value that an endpoint parsed from it.
        arguments: The arguments that `arguments_of` returned for it, which are within all limits.
    """
    if isinstance(written, str) and _is_strict_json(written):
        return written
    return json.dumps(arguments)


def _is_strict_json(text: str) -> bool:
    """Return whether a text is a JSON object for even the strictest server.

    All limits of `arguments_of` are checked again, as a caller may not have called that before.
    """
    if not text.strip() or has_too_many_parts(text.encode(errors="replace")):
        return False
    try:
        found: object = _STRICT.decode(text)
        if not isinstance(found, dict) or why_unstorable(cast("Json", found)) is not None:
            return False
        if "\\u" in text:
            # An escape may be half of a surrogate pair, which cannot be encoded.
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _whole(text: str) -> int:
    if len(text.removeprefix("-")) > MAX_DIGITS:
        raise ValueError(f"a number of more than {MAX_DIGITS:,} digits")
    return int(text)


def _real(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number of JSON")
    return number


_STRICT = json.JSONDecoder(parse_int=_whole, parse_float=_real, parse_constant=_real)
