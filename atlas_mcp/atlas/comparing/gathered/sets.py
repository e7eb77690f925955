"""Sets in braces, and `±` where all solutions are asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from atlas_mcp.atlas.comparing.algebra.expressions import both_signs
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import sequence_key, set_key
from atlas_mcp.atlas.comparing.gathered import lists, order
from atlas_mcp.atlas.comparing.gathered.separators import Cut, cut, enclosed

_NAMED = re.compile(r"[A-Za-z] ?(?:=|∈|in) ?(?={)")
_BUILDER = re.compile(r"\||:|∣|\.\.|…|['\"`=]")


def read(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a text that is a set with its members written out."""
    question = asked.question
    if order.asks_for_solutions(question):
        text = _NAMED.sub("", text, count=1)
        both = both_signs(text)
        if both is not None and _is_one_value(text):
            return lists.members_key([part(value) for value in both])
    around = enclosed(text)
    if around is not None and "=" in around[1] and order.asks_for_solutions(question):
        # `{x = 1, x = 2}`
        key = part(around[1])
        return key if key.startswith("set:") else None
    if around is None or around[0] != "{" or _BUILDER.search(around[1]):
        return None
    inner = around[1]
    found = cut(inner)
    if found is None:
        return _of_one(inner, question, part) if _is_member(inner) else None
    if found.by not in {"comma", "semicolon"} or len(found.parts) > lists.MAX_PARTS:
        return None
    if not all(_is_member(one) for one in found.parts):
        return None
    return _key(found, question, part)


def _key(found: Cut, question: str, part: Callable[[str], str]) -> str:
    keys = lists.part_keys(found, question, part)
    if order.asked_order(question) == "sequence" and not order.asks_for_points(question):
        return sequence_key(keys)
    if order.counts_repeats(question) and len(set(keys)) < len(keys):
        return f"multiset:{json.dumps(sorted(keys))}"
    return set_key(keys)


def _of_one(inner: str, question: str, part: Callable[[str], str]) -> str:
    # Where solutions are asked for, the set of the only one is that one.
    key = part(inner)
    return key if order.asks_for_solutions(question) and enclosed(inner) is None else set_key([key])


def _is_one_value(text: str) -> bool:
    return cut(text) is None and enclosed(text) is None and lists.is_formal(text)


def _is_member(text: str) -> bool:
    return lists.is_formal(text) or lists.is_wordy(text)
