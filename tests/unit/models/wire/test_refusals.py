"""What the headers and the body of an answer say, whatever is in them."""

from __future__ import annotations

import pytest

from atlas_mcp.models.wire.refusals import json_or_text, page_of, retry_after


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ("<!-- a --> <!-- b --><html><head><title>T &amp; x</title>", "T & x"),
        ("<!doctype html><p>", ""),
        # Neither ends if each comment, or title, is looked at again for every one before it.
        ("<!---->" * 2_500 + "x", None),
        ("<html>" + "<title>" * 2_500, ""),
    ],
)
def test_a_web_page_is_known_by_its_beginning(body: str, title: str | None) -> None:
    assert page_of(body) == title


def test_a_date_that_no_calendar_has_is_no_wait() -> None:
    assert retry_after({"retry-after": "Sat, 28 Nov 99999999999999999999 21:18:44 GMT"}) is None


@pytest.mark.parametrize("body", ["[" * 100_000, "nonsense", "[" + "{}," * 200_000 + "{}]"])
def test_a_body_that_is_not_read_as_json_is_a_text(body: str) -> None:
    assert json_or_text(body) is body
