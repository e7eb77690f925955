"""The HTML file of a page."""

from __future__ import annotations

import json
import re

from atlas_mcp.views.page.html import page_html

HOSTILE = "</script><script>alert(1)</script><!-- ]]> \u2028 &lt;"


def data_in(html: str, name: str) -> object:
    found = re.search(f'<script id="{name}" type="application/json">(.*?)</script>', html, re.S)
    assert found is not None
    return json.loads(found[1])


def test_configuration_and_document_stand_in_their_places() -> None:
    html = page_html({"mode": "file"}, {"title": "é"})

    assert data_in(html, "atlas-config") == {"mode": "file"}
    assert data_in(html, "atlas-document") == {"title": "é"}


def test_without_a_document_its_place_is_null() -> None:
    assert data_in(page_html({"mode": "app"}, None), "atlas-document") is None


def test_hostile_text_ends_no_script_and_opens_none() -> None:
    html = page_html({"mode": "file"}, {"title": HOSTILE})

    assert data_in(html, "atlas-document") == {"title": HOSTILE}
    assert html.count("<script") == page_html({}, None).count("<script")
    assert "\u2028" not in html.partition("atlas-document")[2].partition("</script>")[0]


def test_a_document_that_quotes_a_place_for_data_fills_none() -> None:
    place = '<script id="atlas-document" type="application/json">null</script>'

    html = page_html({"token": place}, {"title": place})

    assert data_in(html, "atlas-config") == {"token": place}
    assert data_in(html, "atlas-document") == {"title": place}
