"""What answers of model endpoints have in common: whether to try again, when, and their words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from atlas_mcp.atlas.storable import text_of

LONGEST_API_MESSAGE = 500
"""Characters of an endpoint's own words that are passed on. Our own choice: enough for the longest
of the Messages API."""


def is_retryable(status: int, should_retry: str | None) -> bool:
    """Return whether a call is worth another try; the endpoint's own word on it comes first."""
    if should_retry in {"true", "false"}:
        return should_retry == "true"
    return status in {408, 409, 429} or status >= 500


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds an API asks to wait, in whichever of three forms it says so."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or text is None:
        return seconds
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def words(said: object, secrets: Iterable[str | None]) -> str:
    """Return what an endpoint says in one short line, any key in it blotted out."""
    text = text_of(said)
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = " ".join(text.split())
    if len(text) > LONGEST_API_MESSAGE:
        text = text[:LONGEST_API_MESSAGE] + "…"
    return text
