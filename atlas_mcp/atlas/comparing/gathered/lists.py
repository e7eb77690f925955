"""Several parts with nothing around them, or in square brackets: `2, 3 and 5`, `A → B → C`.

A comma is a separator only between numbers, expressions and single letters; between words only
where the question asks for several. Elsewhere it is part of a number, a name, a date or prose.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from atlas_mcp.atlas.comparing.algebra.expressions import both_signs
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import sequence_key, set_key, tuple_key, words_key
from atlas_mcp.atlas.comparing.gathered import order
from atlas_mcp.atlas.comparing.gathered.separators import Cut, cut, enclosed

MAX_PART_CHARS = 80
"""Characters of the longest part of a list that is read."""

MAX_PARTS = 100
"""Parts of the longest list that is read."""

_MATH_NAME = re.compile(
    r"(?<![a-zA-Z])(?:sqrt|pi|log|ln|lg|sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|sinh|cosh"
    r"|tanh|exp|binom|root)(?![a-z])"
)
_FORMAL = re.compile(r"[\w\s.,+\-*/^()\[\]{}|!%°$€£'\u2019:\u2032\u2212·\u00d7√∛∜∞\u00b1∓⟨⟩≈<∅]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_QUANTITY = re.compile(r"[-+\u2212]?[$€£]?\d[\d.,/]{0,20} ?[^\W\d_]{1,12}(?:[/^]?[^\W\d_]{0,4}\d?)")
_WORDS = re.compile(r"[^\W_](?:[\w'\u2019-]|\.(?=\w)){0,24}(?: [\w'\u2019-]{1,25}){0,3}")
_NUMBERS = re.compile(r"[-+\u2212]?\d{1,12}(?:\.\d{1,12})?(?: [-+\u2212]?\d{1,12}(?:\.\d{1,12})?)+")
# `A B C`, and `A–B–C` for a path.
_LETTERS = re.compile(r"[A-Z](?: [A-Z]){2,25}|[A-Z](?: ?[-\u2013] ?[A-Z]){2,25}")
_GROUPED = re.compile(r"[-+\u2212]?\d{1,3}(?: \d{3})+")
_LISTS = ("sequence:", "set:", "multiset:", "tuple", "path:", "parts:")
_OR = re.compile(r"(?:^| )or ")
_VERDICTS = frozenset(
    {"yes", "no", "true", "false", "t", "f", "y", "n", "ja", "nein", "wahr", "falsch"}
)
# Words of sentences, which are no names.
_PROSE = frozenset(
    {"is", "are", "was", "were", "has", "have", "had", "it", "not", "because", "so", "if", "then"}
) | {"than", "but", "that", "which", "will", "can"}
_INTRODUCED = re.compile(
    r"(?:the )?(?:(?:real|prime|possible) )?(?:solutions|roots|zeros|factors|values|terms)"
    r"(?: of [a-z])?(?: are|:) ",
    re.IGNORECASE,
)
_VALUE = re.compile("[0-9√π∞]")
_THOUSANDS = re.compile(r"[-+\u2212]?\d{1,3}(?:,\d{3})+")
_ELLIPSIS = re.compile(r"\.{2,}|…")


def read(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a text that is a list of parts."""
    question = asked.question
    around = enclosed(text)
    if around is not None:
        return _in_brackets(around[0], around[1], question, part)
    if order.asked_order(question) == "sequence":
        terms = _side_by_side(text, question)
        if terms:
            return key_of_bare([part(term) for term in terms], question)
    introduced = _INTRODUCED.match(text)
    found = cut(text if introduced is None else text[introduced.end() :])
    if found is None or len(found.parts) > MAX_PARTS or _ELLIPSIS.search(text):
        return None
    if found.by == "or":
        return _alternatives(found, question, part)
    if found.by == "arrow":
        return _path(found, question, part)
    if " or " in text:
        found = _with_last_alternative(found, question)
    if found is None or not _is_list(found, question):
        return None
    if all(one.casefold() in _VERDICTS for one in found.parts):
        # Each of them is about another statement.
        return sequence_key([part(one) for one in found.parts])
    if all(_is_tuple(one) for one in found.parts):
        asked_order = order.order_of_points(question)
        keys = [part(one) for one in found.parts]
        return members_key(keys) if asked_order == "set" else sequence_key(keys)
    return key_of_bare(part_keys(found, question, part), question)


def _side_by_side(text: str, question: str) -> list[str]:
    """Return the terms of a sequence with nothing but a space or a dash between them."""
    if _LETTERS.fullmatch(text):
        return re.split(r"\W+", text)
    if not _NUMBERS.fullmatch(text) or _GROUPED.fullmatch(text):
        return []
    numbers = text.split(" ")
    return numbers if len(numbers) > 2 or order.asks_for_several(question) else []


def _with_last_alternative(found: Cut, question: str) -> Cut | None:
    """Return `4, 7 or 9` in three parts, where each of them is a solution."""
    last = [one for one in _OR.split(found.parts[-1], maxsplit=1) if one]
    parts = (*found.parts[:-1], *last)
    if not order.asks_for_solutions(question) or not all(_VALUE.search(one) for one in parts):
        return None
    return replace(found, parts=parts)


def asks_for_terms(question: str) -> bool:
    """Return whether a question asks for several things in their order, which are no point."""
    return order.asked_order(question) == "sequence" and not order.asks_for_points(question)


def key_of_bare(keys: Sequence[str], question: str) -> str:
    """Return the key of a list without brackets, from the keys of its parts."""
    if order.asked_order(question) == "set":
        return members_key(keys)
    if order.asks_for_points(question):
        return tuple_key("()", keys)
    return sequence_key(keys)


def members_key(keys: Sequence[str]) -> str:
    """Return the key of parts without an order; a part that is there twice counts twice."""
    if len(set(keys)) < len(keys):
        return f"multiset:{json.dumps(sorted(keys))}"
    return set_key(keys)


def part_keys(found: Cut, question: str, part: Callable[[str], str]) -> list[str]:
    """Return the keys of the parts of a list; both values of a part that has the sign `±`."""
    keys: list[str] = []
    for one in found.parts:
        both = both_signs(one) if order.asks_for_solutions(question) else None
        if both is not None:
            keys += [part(value) for value in both]
        else:
            keys.append(part_key(one, part))
    return keys


def part_key(text: str, part: Callable[[str], str]) -> str:
    """Return the key of one part of a list: with a comma of its own it is no list in a list."""
    key = part(text)
    if key.startswith(_LISTS) and enclosed(text) is None:
        return words_key(" ".join(text.split()).casefold())
    return key


def is_formal(text: str) -> bool:
    """Return whether a text looks like a number, a quantity, a letter or an expression."""
    if len(text) > MAX_PART_CHARS or not _FORMAL.fullmatch(text):
        return False
    if _QUANTITY.fullmatch(text):
        return True
    bare = _MATH_NAME.sub("", text)
    return _WORD.search(bare) is None and (text == "∅" or re.search(r"\w|∞", text) is not None)


def is_wordy(text: str) -> bool:
    """Return whether a text is a few words, such as a name."""
    short = len(text) <= MAX_PART_CHARS and _WORDS.fullmatch(text) is not None
    return short and _PROSE.isdisjoint(text.casefold().split())


def _is_tuple(text: str) -> bool:
    around = enclosed(text)
    return around is not None and around[0] in "(⟨" and cut(around[1]) is not None


def _is_list(found: Cut, question: str) -> bool:
    if all(is_formal(one) for one in found.parts):
        if found.tight and _THOUSANDS.fullmatch(",".join(found.parts)):
            return False
        pair = len(found.parts) == 2 and found.by == "comma" and found.tight
        # `5,6` may be five and six tenths.
        return not pair or not _is_decimal(found.parts) or order.asks_for_several(question)
    if order.asked_order(question) is None:
        return False
    if found.by in {"semicolon", "line"}:
        return all(is_formal(one) or _is_name(one) for one in found.parts)
    return not found.tight and all(is_formal(one) or is_wordy(one) for one in found.parts)


def _is_decimal(parts: Sequence[str]) -> bool:
    return re.fullmatch(r"[-+\u2212]?\d+", parts[0]) is not None and parts[1].isdigit()


def _is_name(text: str) -> bool:
    return len(text) <= MAX_PART_CHARS and all(is_wordy(one) for one in re.split(r", ", text))


def _alternatives(found: Cut, question: str, part: Callable[[str], str]) -> str | None:
    """Return the key of `2 or -2`, which are all solutions where these are asked for."""
    if not order.asks_for_solutions(question) or order.asked_order(question) != "set":
        return None
    if not all(is_formal(one) and _VALUE.search(one) for one in found.parts):
        return None
    return members_key(part_keys(found, question, part))


def _path(found: Cut, question: str, part: Callable[[str], str]) -> str | None:
    if not all(is_formal(one) or is_wordy(one) for one in found.parts):
        return None
    keys = [part(one) for one in found.parts]
    if order.asked_order(question) == "sequence":
        return sequence_key(keys)
    return f"path:{json.dumps(keys)}"


def _in_brackets(bracket: str, inner: str, question: str, part: Callable[[str], str]) -> str | None:
    """Return the key of a list in square brackets."""
    if bracket != "[":
        return None
    found = cut(inner)
    if found is None or found.by not in {"comma", "semicolon"} or _ELLIPSIS.search(inner):
        return None
    if len(found.parts) > MAX_PARTS or not all(_is_member(one) for one in found.parts):
        return None
    keys = [part_key(one, part) for one in found.parts]
    asked_order = order.asked_order(question)
    if order.asks_for_vector(question):
        return tuple_key("()", keys)
    if len(keys) == 2 and asked_order != "sequence":
        # An interval, unless a list is asked for.
        return tuple_key("[]", keys)
    return members_key(keys) if asked_order == "set" else sequence_key(keys)


def _is_member(text: str) -> bool:
    return is_formal(text) or is_wordy(text)
