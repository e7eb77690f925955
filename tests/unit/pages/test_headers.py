"""A browser runs the scripts of a page that we have built, and loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re

from atlas_mcp.pages.headers import ALWAYS, FILE, NOTHING, headers_under, page_policy
from atlas_mcp.views.page.html import page_html


def digest(script: str) -> str:
    found = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(found).decode()}'"


def test_the_scripts_of_a_page_are_allowed_by_their_text() -> None:
    page = (
        '<script type="module" crossorigin>let a = "<b>é";\n</script>'
        '<script id="x" type="application/json">{"a": 1}</script><SCRIPT>b</SCRIPT >'
    )

    allowed = [digest('let a = "<b>é";\n'), digest("b")]
    assert page_policy(page).endswith(f"; script-src {' '.join(allowed)}")


def test_the_styles_of_a_page_are_allowed_by_their_text() -> None:
    page = "<style rel='stylesheet'>p {}</style><script>'<style>b {}</style>'</script>"

    assert f"; style-src {digest('p {}')}; script-src " in page_policy(page)


def test_a_page_without_scripts_and_styles_has_none() -> None:
    assert page_policy("<p>Text.</p>").endswith("; style-src 'none'; script-src 'none'")


def test_the_built_page_and_its_header_allow_the_same_scripts_and_styles() -> None:
    html = page_html({"mode": "file"}, None)
    in_page = re.search(r"script-src ('sha256-[^;]*); style-src ('sha256-[^;]*)", html)

    assert in_page is not None
    assert page_policy(html).endswith(f"; style-src {in_page[2]}; script-src {in_page[1]}")


def test_what_a_page_shows_does_not_change_its_policy() -> None:
    hostile = {"text": "</script><script>alert(1)</script>"}

    assert page_policy(page_html({"mode": "file"}, hostile)) == page_policy(
        page_html({"mode": "app"}, None)
    )


def test_no_address_but_our_own_is_allowed() -> None:
    words = set(page_policy(page_html({"mode": "file"}, None)).replace(";", " ").split())

    assert (
        not {"*", "http:", "https:", "'unsafe-eval'", "'unsafe-inline'", "'strict-dynamic'"} & words
    )


def test_every_answer_has_the_headers() -> None:
    headers = dict(headers_under(NOTHING))

    assert headers.pop("content-security-policy") == NOTHING
    assert headers == dict(ALWAYS)
    assert FILE.split("; ") == [*NOTHING.split("; "), "sandbox"]
