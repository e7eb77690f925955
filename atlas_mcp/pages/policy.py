"""The headers of every answer: what a browser may do with it, which is to show it and no more.

Nothing on a page comes from another address, no script runs but the page's own, and no page of
anybody else may hold one of ours in a frame, read it or keep a hold of its window.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TypeAlias

_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
"""A script, or a block of data: its attributes and its text."""

NONE = "'none'"

HeaderList: TypeAlias = list[tuple[str, str]]
"""Headers of an answer."""

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The content policy of all that is no page."""

FILE = f"{NOTHING}; sandbox"
"""That of a file which is there to be kept: opened from here, it runs nothing."""

PAGE = (
    f"{NOTHING}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; connect-src 'self'"
)
"""That of a page, but for its scripts. Styles are written into what they belong to by the part that
draws formulas; nothing that a style can ask for leads anywhere."""

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
    """Return the content policy of a page: of scripts, those that stand in it and no others.

    Args:
        html: The page, as we have built it. Blocks of data in it are no scripts.
    """
    scripts = [text for kind, text in _SCRIPT.findall(html) if "json" not in kind]
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    sources = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
    return f"{PAGE}; script-src {' '.join(sources or [NONE])}"
