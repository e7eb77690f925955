"""The arguments of a tool call, read by one rule whichever wire they came over."""

from __future__ import annotations

import json
from typing import cast

from atlas_mcp.atlas.json_parts import MOST_PARTS, has_too_many_parts
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import fault_of, plain, read_json


def arguments_of(written: Json) -> tuple[dict[str, Json], str | None]:
    """Return the arguments of a tool call, and why they cannot be used, if they cannot.

    Numbers that JSON has no word for are kept as the text they are written in.

    Args:
        written: JSON as the model wrote it, or what an endpoint has read of it.
    """
    if written in (None, ""):
        return {}, None
    arguments: Json = written
    if isinstance(written, str):
        if has_too_many_parts(written.encode(errors="replace")):
            return {}, f"its arguments are lost: they hold more than {MOST_PARTS:,} values"
        try:
            arguments = read_json(written)
        except ValueError:
            return {}, "its arguments are not JSON"
    if not isinstance(arguments, dict):
        return {}, "its arguments are no JSON object"
    found = cast("dict[str, Json]", arguments)
    beyond = fault_of(found)
    if beyond is not None:
        return {}, f"its arguments are lost: {beyond}"
    return cast("dict[str, Json]", plain(found)), None


def sent_back(written: Json, arguments: dict[str, Json]) -> str:
    """Return arguments as text that every server can read: as written, wherever that is JSON."""
    if isinstance(written, str) and len(written) > 1:
        try:
            if isinstance(json.loads(written, parse_constant=_refuse), dict):
                return written
        except (ValueError, RecursionError):
            pass
    return json.dumps(arguments)


def _refuse(text: str) -> Json:
    raise ValueError(f"{text} is no number of JSON")
