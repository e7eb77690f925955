"""Answers to browsers, and the one boundary at which errors become answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from atlas_mcp.errors import (
    AtlasError,
    HomeUnusable,
    InvalidInput,
    UnknownRun,
)
from atlas_mcp.pages.headers import NOTHING, headers_under
from atlas_mcp.texts import clipped, printable

if TYPE_CHECKING:
    from atlas_mcp.pages.visitors import Refusal

logger = logging.getLogger(__name__)

ERROR_CHARS = 2_000
"""Longest text of an error."""

RETRY_SECONDS = 2
"""Seconds after which to ask again for what there was no room for."""

STATUSES: Mapping[type[AtlasError], int] = {
    InvalidInput: 400,
    UnknownRun: 404,
    HomeUnusable: 503,
    AtlasError: 409,
}
"""Statuses by class of error; a class that is not here has that of its nearest parent."""

BUG = "The server failed by a bug, which its log shows"


def answered(
    content: bytes | str,
    kind: str,
    *,
    status: int = 200,
    policy: str = NOTHING,
    extra: Sequence[tuple[str, str]] = (),
) -> Response:
    """Return an answer with the headers that every answer has.

    Args:
        content: Its body.
        kind: Its media type.
        status: Its status.
        policy: Its content policy.
        extra: Further headers.
    """
    return Response(
        content, status, headers=dict([*headers_under(policy), *extra]), media_type=kind
    )


def as_json(value: Mapping[str, Any] | bytes, status: int = 200) -> Response:
    """Return an answer in JSON, which may be encoded already."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return answered(content, "application/json", status=status)


def failed(text: str, status: int, *, in_json: bool, allow: str | None = None) -> Response:
    """Return the answer to a request that is not served.

    Args:
        text: Why not.
        status: The status.
        in_json: Whether a script reads it, not a person.
        allow: The methods that are served there, where the method is at fault.
    """
    extra = [] if allow is None else [("allow", allow)]
    if status == 503:
        extra.append(("retry-after", str(RETRY_SECONDS)))
    shown = clipped(printable(text[: 2 * ERROR_CHARS]), ERROR_CHARS)
    if in_json:
        content, kind = json.dumps({"error": shown}), "application/json"
    else:
        content, kind = f"{shown}\n", "text/plain"
    return answered(content, kind, status=status, extra=extra)


def refused(refusal: Refusal, *, in_json: bool) -> Response:
    """Return the answer to a request of somebody who may not ask."""
    return failed(refusal.text, refusal.status, in_json=in_json, allow=refusal.allow)


def error_answer(error: Exception, *, in_json: bool) -> Response:
    """Return the answer to a request that has failed; a bug is logged, and not shown."""
    if isinstance(error, AtlasError):
        logger.info("refused: %s", error)
        status = next(STATUSES[one] for one in type(error).__mro__ if one in STATUSES)
        return failed(str(error), status, in_json=in_json)
    logger.error("a request for a page failed", exc_info=error)
    return failed(BUG, 500, in_json=in_json)
