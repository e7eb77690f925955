"""Strings whose format the schema names, compared by what the format means."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from atlas_mcp.atlas.comparing.forms import verbatim_key

_TIME = r"(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,50}))?(?:(z)|([+-])(\d{2}):(\d{2}))"
_DATE_TIME = re.compile(rf"(\d{{4}})-(\d{{2}})-(\d{{2}})[t ]{_TIME}", re.IGNORECASE | re.ASCII)
_TIME_ALONE = re.compile(_TIME, re.IGNORECASE | re.ASCII)


def key(text: str, kind: str) -> str:
    """Return the key of a string of a format; one that breaks the format is compared exactly.

    Args:
        text: The string.
        kind: The name of the format, as in a schema; of a format that is not known, every
            character counts.
    """
    read = _FORMATS.get(kind)
    try:
        found = read(text) if read is not None else None
    except (ValueError, OverflowError):
        found = None
    return verbatim_key(text) if found is None else f"{kind}:{found}"


def _instant(text: str) -> str | None:
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    moment = datetime(int(match[1]), int(match[2]), int(match[3]))  # noqa: DTZ001 - made UTC below
    seconds = _seconds(*match.groups()[3:])
    if seconds is None:
        return None
    return f"{(moment + timedelta(seconds=seconds)).isoformat()}.{_fraction(match[7])}"


def _time(text: str) -> str | None:
    match = _TIME_ALONE.fullmatch(text)
    seconds = None if match is None else _seconds(*match.groups())
    if match is None or seconds is None:
        return None
    return f"{seconds % 86_400}.{_fraction(match[4])}"


def _seconds(*parts: str | None) -> int | None:
    """Return the seconds since midnight of the day in UTC; `None` for what is no time of day.

    Args:
        parts: Hours, minutes, seconds, the fraction of a second, `Z`, and of an offset the sign,
            the hours and the minutes.
    """
    hours, minutes, seconds, _, _, sign, off_hours, off_minutes = parts
    at = [int(one or 0) for one in (hours, minutes, seconds, off_hours, off_minutes)]
    if any(one > most for one, most in zip(at, (23, 59, 59, 23, 59), strict=True)):
        # A leap second among them: it has no second of the day.
        return None
    offset = (at[3] * 60 + at[4]) * (-1 if sign == "-" else 1)
    return (at[0] * 60 + at[1] - offset) * 60 + at[2]


def _fraction(digits: str | None) -> str:
    return (digits or "").rstrip("0")


def _email(text: str) -> str | None:
    local, at, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}" if at else None


def _ipv6(text: str) -> str:
    return ipaddress.IPv6Address(text).exploded


_FORMATS: Mapping[str, Callable[[str], str | None]] = {
    "date-time": _instant,
    "time": _time,
    "uuid": str.lower,
    "email": _email,
    "idn-email": _email,
    "hostname": str.lower,
    "ipv6": _ipv6,
}
