"""Points and vectors: parts with an order, in round or angle brackets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import sequence_key, tuple_key
from atlas_mcp.atlas.comparing.gathered import lists, order
from atlas_mcp.atlas.comparing.gathered.separators import cut, enclosed

_NAMED = re.compile(r"([A-Z]) ?=? ?(?=\()")
_ASSIGNED = re.compile(r"([A-Za-z](?:_\w|['\u2032])?) ?= ?(?=[(\[⟨])")
_ANGLED = re.compile(r"<([^<>]{1,200})>")


def read_named(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a name with a point, a vector or a list as its value: `P = (1, 2)`."""
    match = _ASSIGNED.match(text)
    if match is None:
        return None
    name, value = match[1], text[match.end() :]
    around = enclosed(value)
    if around is None or cut(around[1]) is None:
        return None
    question = asked.question
    said = re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", question) is not None
    if said or not question or order.asks_for_points(question):
        return part(value)
    return f"assignment:{json.dumps([name, part(value)])}"


def read(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a text that is a point or a vector."""
    question = asked.question
    if order.asks_for_points(question):
        named = _NAMED.match(text)
        if named is not None and re.search(rf"\b{named[1]}\b", question):
            text = text[named.end() :]
    angled = _ANGLED.fullmatch(text)
    around = ("⟨", angled[1]) if angled is not None else enclosed(text)
    if around is None or around[0] not in "(⟨":
        return None
    bracket, inner = around
    found = cut(inner)
    if found is None or found.by not in {"comma", "semicolon"}:
        return None
    if len(found.parts) > lists.MAX_PARTS or not all(lists.is_formal(one) for one in found.parts):
        return None
    keys = [lists.part_key(one, part) for one in found.parts]
    if bracket == "(" and len(keys) > 2 and lists.asks_for_terms(question):
        return sequence_key(keys)
    return tuple_key("()" if bracket == "(" or order.asks_for_vector(question) else "⟨⟩", keys)
