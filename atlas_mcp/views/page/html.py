"""The page of a run as one HTML file that needs nothing else: the built page, with data put in.

The page is built from `ui/`, and has two places for JSON: its configuration, and the document that
it shows, where it has one from the start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

PAGE = "page.html"
"""The built page, in this folder."""

_PLACE = '<script id="{name}" type="application/json">null</script>'
"""A place for JSON in the built page."""

_ESCAPES = {one: f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}
"""Characters that may mean something to a reader of HTML or of scripts, as JSON may write them."""


def page_html(config: Mapping[str, object], document: Mapping[str, object] | None) -> str:
    """Return the page with its configuration and its document in place.

    Args:
        config: Where the page stands: `{"mode": "file"}`, `served` or `app`, with what that needs.
        document: What it shows, as JSON has it; `None` where it fetches that by itself.
    """
    before, between, after = _parts()
    return "".join((before, _place("config", config), between, _place("document", document), after))


@cache
def _parts() -> tuple[str, str, str]:
    """Return the built page around its two places.

    Raises:
        ValueError: It lacks one of them.
    """
    page = files("atlas_mcp.views.page").joinpath(PAGE).read_text(encoding="utf-8")
    before, found, rest = page.partition(_PLACE.format(name="atlas-config"))
    between, found_too, after = rest.partition(_PLACE.format(name="atlas-document"))
    if not (found and found_too):
        raise ValueError(f"{PAGE} lacks a place for its data; build it again from ui/")
    return before, between, after


def _place(name: str, value: object) -> str:
    data = json.dumps(value, ensure_ascii=False)
    for one, escape in _ESCAPES.items():
        data = data.replace(one, escape)
    return f'<script id="atlas-{name}" type="application/json">{data}</script>'
