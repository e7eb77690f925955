"""Strings of a format, compared by what the format means."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.formats import key


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", "date-time"),
        ("2026-03-01t12:00:00z", "2026-03-01T12:00:00.000Z", "date-time"),
        ("23:30:00Z", "00:30:00+01:00", "time"),
        ("6F9619FF-8B86-D011-B42D-00CF4FC964FF", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "uuid"),
        ("me@Example.org", "me@example.org", "email"),
        ("Example.ORG", "example.org", "hostname"),
        ("2001:db8::1", "2001:0DB8:0:0:0:0:0:1", "ipv6"),
    ],
)
def test_strings_that_mean_the_same(one: str, other: str, kind: str) -> None:
    assert key(one, kind) == key(other, kind)


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00+01:00", "date-time"),
        ("2026-02-30T12:00:00Z", "2026-02-30t12:00:00z", "date-time"),
        ("0001-01-01T00:00:00+01:00", "0001-01-01t00:00:00+01:00", "date-time"),
        ("23:59:60Z", "23:59:60z", "time"),
        ("Me@example.org", "me@example.org", "email"),
        ("Nobody", "nobody", "email"),
        ("::g", "::G", "ipv6"),
        ("https://example.org/A", "https://example.org/a", "uri"),
        ("PT1H", "pt1h", "duration"),
    ],
)
def test_strings_that_do_not_or_break_the_format(one: str, other: str, kind: str) -> None:
    assert key(one, kind) != key(other, kind)
