"""The bodies of requests that change a run: small JSON objects, read within bounds.

What a field may hold is the business of the part that it is handed to; here it is of its kind.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import anyio

from atlas_mcp.atlas.storable import in_sentence
from atlas_mcp.errors import InvalidInput

if TYPE_CHECKING:
    from starlette.types import Receive

MAX_BODY_BYTES = 128_000
"""Bytes of a body. The longest text in one is an instruction or a question."""

ARRIVE_SECONDS = 10.0
"""Seconds in which a body arrives; pages and servers are on one machine, or near."""

MOST_SHOWN = 40
"""Characters of an unknown name that are repeated."""

Kind: TypeAlias = Literal["whole number", "number", "text"]
"""What a field holds."""


async def read_body(receive: Receive, fields: Mapping[str, Kind]) -> dict[str, Any]:
    """Return the fields of a body; those that are null or an empty text are left out.

    Args:
        receive: Gives its parts.
        fields: The names of the fields that it may have, and their kinds.

    Raises:
        InvalidInput: It cannot be read, or has a field that is not among them.
    """
    content = await _arrived(receive)
    try:
        body: object = json.loads(content or b"{}", parse_constant=_no_number)
    except RecursionError:
        raise InvalidInput("body", "is nested too deeply") from None
    except ValueError:
        raise InvalidInput("body", "is not JSON") from None
    if not isinstance(body, dict):
        raise InvalidInput("body", "takes a JSON object")
    given = cast("dict[str, Any]", body)
    for name in given:
        if name not in fields:
            known = ", ".join(fields) or "no field"
            shown = ascii(name[:MOST_SHOWN])[1:-1]
            raise InvalidInput(shown, f"there is no such field here; there is {known}")
    return {
        name: _read(name, value, fields[name])
        for name, value in given.items()
        if value is not None and value != ""
    }


async def _arrived(receive: Receive) -> bytes:
    content = bytearray()
    with anyio.move_on_after(ARRIVE_SECONDS):
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise InvalidInput("body", "did not arrive as a whole")
            content += message.get("body", b"")
            if len(content) > MAX_BODY_BYTES:
                raise InvalidInput("body", f"is longer than {MAX_BODY_BYTES:,} bytes")
            more = message.get("more_body", False)
        return bytes(content)
    raise InvalidInput("body", f"did not arrive within {ARRIVE_SECONDS:.0f} s")


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _read(name: str, value: object, kind: Kind) -> object:
    """Return the value of a field.

    Raises:
        InvalidInput: It is of another kind.
    """
    if kind == "text":
        if isinstance(value, str):
            return value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if kind == "number" and _is_finite(value):
            return value
        if kind == "whole number" and _is_finite(value) and value == int(value):
            return int(value)
    article = "a text" if kind == "text" else f"a {kind}"
    raise InvalidInput(name, f"takes {article}, not {in_sentence(value)}")


def _is_finite(value: float) -> bool:
    return abs(value) <= 1e300 if isinstance(value, int) else math.isfinite(value)
