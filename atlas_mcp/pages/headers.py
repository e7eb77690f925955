"""The headers of every answer: what a browser may do with it, which is to show it and no more.

Nothing on a page comes from another address, no script runs but the page's own, and no page of
anybody else may hold one of ours in a frame, read it or keep a hold of its window.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import TypeAlias

_BLOCK = re.compile(r"<(script|style)\b([^>]*)>(.*?)</\1\s*>", re.DOTALL | re.IGNORECASE)
"""A script, a block of data or a style sheet: its tag, its attributes and its text."""

NONE = "'none'"

HeaderList: TypeAlias = list[tuple[str, str]]
"""Headers of an answer."""

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The content policy of all that is no page."""

FILE = f"{NOTHING}; sandbox"
"""That of a file which is there to be kept: opened from here, it runs nothing."""

PAGE = f"{NOTHING}; img-src data:; font-src data:; connect-src 'self'"
"""That of a page, but for its scripts and style sheets, which are allowed by their texts."""

ALWAYS = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
)
"""The headers of every answer, beside its content policy."""


def headers_under(policy: str) -> HeaderList:
    """Return the headers of an answer with this content policy."""
    return [("content-security-policy", policy), *ALWAYS]


def page_policy(html: str) -> str:
    """Return the content policy of a page: of scripts and styles, those that stand in it alone.

    Args:
        html: The page, as we have built it. Blocks of data in it are no scripts.
    """
    blocks = [(tag.lower(), text) for tag, kind, text in _BLOCK.findall(html) if "json" not in kind]
    styles = _sources(text for tag, text in blocks if tag == "style")
    scripts = _sources(text for tag, text in blocks if tag == "script")
    return f"{PAGE}; style-src {styles}; script-src {scripts}"


def _sources(texts: Iterable[str]) -> str:
    digests = [hashlib.sha256(text.encode()).digest() for text in texts]
    sources = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
    return " ".join(sources or [NONE])
