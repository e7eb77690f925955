"""Keys and headers from variables: how they are cleaned, and why some are refused.

Pure rules. A key may come with the end of its line, in quotation marks or behind `Bearer`. Errors
never quote a value, as it is secret.
"""

from __future__ import annotations

import re

_QUOTES = "\"'`"

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Source: RFC 9110, section 5.6.2."""

_NO_HEADER_VALUE = re.compile("[\0-\x08\x0a-\x1f\x7f\ud800-\udfff]")

LONGEST_HEADER_NAME = 80
"""Characters of a header's name that an error quotes."""

_CREDENTIALS = frozenset({"authorization", "x-api-key"})

OWN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-stainless-raw-response",
    }
)
"""Headers that say how one request is sent and how its answer is read, in small letters. Another
value than the client's own cuts off requests, or brings replies that it cannot read."""


def clean_key(value: str) -> str:
    """Return a key without white space, quotation marks or `Bearer` around it."""
    key = value.strip().strip("\ufeff\u200b").strip()
    if len(key) > 1 and key[0] == key[-1] and key[0] in _QUOTES:
        key = key[1:-1].strip()
    scheme, _, rest = key.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else key


def key_fault(key: str) -> str | None:
    """Return why a cleaned key is invalid, without quoting it; `None` if it is valid."""
    scheme, space, rest = key.partition(" ")
    token = rest if space and scheme.lower() == "basic" else key
    if not (token.isascii() and token.isprintable()) or set(token) & {*_QUOTES, " "}:
        return (
            "holds a character that no key has (white space, a quotation mark, a letter with an "
            "accent); set it again"
        )
    return None


def headers_fault(given: str, *, own: frozenset[str] = frozenset()) -> str | None:
    """Return why lines of `Name: value` cannot go with every request; `None` if they can.

    Only names are quoted: values are often secret.

    Args:
        given: The lines.
        own: Headers that every request of a vendor has of its own, besides `OWN_HEADERS`.
    """
    for line in filter(None, map(str.strip, given.split("\n"))):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not _HEADER_NAME.fullmatch(name):
            return "takes lines of `Name: value`, with a header's name before each colon"
        shown = f"`{name[:LONGEST_HEADER_NAME]}`"
        if name.lower() in OWN_HEADERS | own:
            return f"names {shown}, which every request has of its own; leave it out"
        if _NO_HEADER_VALUE.search(value):
            return f"gives {shown} a value with a control character in it; set it again"
        if not value and name.lower() in _CREDENTIALS:
            return f"gives {shown} no value, in place of a key; set one, or leave it out"
    return None


def looks_like_key(name: str) -> bool:
    """Return whether a text given as the name of a variable looks like a key.

    Some vendors' keys have the form of names, such as `gsk_…` and `hf_…`. They are long and mix
    small letters with digits, as names of variables do not.
    """
    mixed = re.search("[a-z]", name) and re.search("[0-9]", name)
    return not name.isidentifier() or not name.isascii() or bool(mixed and len(name) >= 20)
