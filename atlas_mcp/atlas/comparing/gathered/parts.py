"""Answers in parts that have labels: `(a) 3 (b) 4`, `mean 3, median 4`, `3 cats and 4 dogs`.

The labels say which part is which, so the order of the parts does not count. What labels numbers
without a name of the question, such as a unit, is no label.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import sequence_key
from atlas_mcp.atlas.comparing.gathered import lists, order
from atlas_mcp.atlas.comparing.gathered.order import gist
from atlas_mcp.atlas.comparing.gathered.separators import cut

MAX_PARTS = 20
"""Parts of the longest answer that is read."""

_MARK = re.compile(
    r"(?:(?<=\s)|(?<=[,;])|^)(?:part |teil )?"
    r"(?:\((?P<closed>[a-z]|[ivx]{1,4}|\d{1,2})\)[:.]?|(?P<open>[a-z]|[ivx]{1,4}|\d{1,2})[).:])(?=\s)",
    re.IGNORECASE,
)
_ASKED_MARK = re.compile(
    r"(?<!\w)\(?([a-z]|[ivx]{1,4}|\d{1,2})\)\s+(?:the |an? |its )?([\w -]{3,40})", re.IGNORECASE
)
_AFTER_PART = re.compile(r"(?:\s*[,;])?(?:\s+and)?\s*$")
_COUNT = re.compile(
    r"(?P<value>\d{1,9}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|no)"
    r" (?P<label>[A-Za-z][a-z]{2,20}(?: [a-z]{2,20}){0,2})",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?:[Tt]he )?(?P<label>[A-Za-z][a-z]{2,20}(?: [a-z]{2,20}){0,2}?)"
    r"(?: ?[:=] ?| (?:is|are|was) | )"
    r"(?P<value>(?=[-+\u2212]?[$€£√.\d({\[]|[OΘΩ]\()\S.{0,40})"
)
_EACH = re.compile(
    r"\beach\b|\bhow (?:many|much|old|tall|far|long)\b|\bthey\b|\btheir\b", re.IGNORECASE
)
_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# What measures, and says nothing of which quantity is meant.
_MEASURES = frozenset(
    {
        *("meter", "metre", "foot", "feet", "inch", "inche", "yard", "mile", "kilometer"),
        *("kilometre", "centimeter", "centimetre", "millimeter", "millimetre", "second", "minute"),
        *("hour", "day", "week", "month", "year", "gram", "kilogram", "pound", "ounce", "litre"),
        *("liter", "gallon", "dollar", "cent", "euro", "penny", "penni", "pence", "degree"),
        *("percent", "point", "unit", "time", "volt", "watt", "newton", "joule", "kelvin", "mole"),
        *("byte", "bit", "decimal", "digit", "thousand", "hundred", "million", "billion", "dozen"),
        *("half", "halve", "quarter", "third", "fourth", "fifth", "and", "or"),
    }
)


def read(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a text in parts with labels."""
    return _marked(text, asked.question, part) or _labelled(text, asked.question, part)


def _marked(text: str, question: str, part: Callable[[str], str]) -> str | None:
    if not _MARK.match(text):
        return None
    marks = list(_MARK.finditer(text))
    labels = [(mark["closed"] or mark["open"]).casefold() for mark in marks]
    if len(marks) > MAX_PARTS or len(set(labels)) < len(labels):
        return None
    named = _asked_marks(question)
    if not _are_first(labels) and not (set(labels) <= named.keys()):
        return None
    if len(marks) == 1 and labels[0] not in named:
        return None
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    values = [
        _AFTER_PART.sub("", text[mark.end() : end]).strip()
        for mark, end in zip(marks, ends, strict=True)
    ]
    if not all(values):
        return None
    keys = [part(value) for value in values]
    asked_order = order.asked_order(question)
    if asked_order is not None and not named and labels == _numbered(len(labels)):
        # A list of which the lines are numbered.
        return lists.key_of_bare(keys, question) if asked_order == "set" else sequence_key(keys)
    return _key(dict(zip(labels, keys, strict=True)))


def _key(parts: Mapping[str, str]) -> str:
    return f"parts:{json.dumps(parts, sort_keys=True)}"


def _numbered(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]


def _are_first(labels: Sequence[str]) -> bool:
    """Return whether labels are the first of their kind, in any order, and more than one."""
    count = len(labels)
    letters = [chr(ord("a") + place) for place in range(count)]
    romans = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"][:count]
    return count > 1 and sorted(labels) in (letters, sorted(romans), sorted(_numbered(count)))


@lru_cache(maxsize=64)
def _asked_marks(question: str) -> Mapping[str, str]:
    """Return the labels of the parts of a question, with what each asks for."""
    found: dict[str, str] = {}
    for mark, words in _ASKED_MARK.findall(gist(question)):
        name = re.split(r" (?:and|of|for|in)\b", words.casefold())[0].strip()
        found.setdefault(mark.casefold(), name)
    return found if _are_first(list(found)) else {}


def _labelled(text: str, question: str, part: Callable[[str], str]) -> str | None:
    found = cut(text)
    if found is None or found.by not in {"comma", "semicolon", "and", "line"}:
        return None
    if not 1 < len(found.parts) <= MAX_PARTS:
        return None
    named = list(_asked_marks(question))
    if len(named) == len(found.parts) and not found.tight and all(map(_is_plain, found.parts)):
        # Without labels they stand in the order in which they are asked for.
        return _key(dict(zip(named, map(part, found.parts), strict=True)))
    parts = _counts(found.parts) or _values(found.parts, question)
    if parts is None or len(parts) < len(found.parts):
        return None
    return _key({_mark_of(label, question): part(value) for label, value in parts.items()})


def _is_plain(text: str) -> bool:
    return lists.is_formal(text) or text.casefold() in {"yes", "no", "true", "false"}


def _counts(texts: Sequence[str]) -> dict[str, str] | None:
    """Return how many there are of what, as in `3 cats, 4 dogs`."""
    parts: dict[str, str] = {}
    for text in texts:
        match = _COUNT.fullmatch(text)
        if match is None:
            return None
        label = _label(match["label"])
        if not _MEASURES.isdisjoint(map(_label, label.split())):
            return None
        value = match["value"].casefold()
        value = "0" if value == "no" else value
        if value in _NUMBER_WORDS:
            value = str(_NUMBER_WORDS.index(value) + 1)
        parts[label] = value
    return parts


def _values(texts: Sequence[str], question: str) -> dict[str, str] | None:
    """Return the values under names that the question has, as in `mean 3, median 4`."""
    parts: dict[str, str] = {}
    asked_words, each = _words(question), _EACH.search(gist(question)) is not None
    for text in texts:
        match = _NAMED.fullmatch(text)
        if match is None:
            return None
        label = _label(match["label"])
        named = asked_words.issuperset(map(_label, label.split()))
        if not named and not (each and match["label"].istitle()):
            return None
        parts[label] = match["value"]
    return parts


def _label(text: str) -> str:
    """Return a label without its capital and the sign of its plural."""
    folded = text.casefold()
    return folded[:-1] if len(folded) > 3 and folded[-1] == "s" and folded[-2] != "s" else folded


@lru_cache(maxsize=64)
def _words(question: str) -> frozenset[str]:
    return frozenset(map(_label, re.findall(r"[A-Za-z]{3,}", gist(question))))


def _mark_of(label: str, question: str) -> str:
    """Return the mark under which a question asks for a name; the name where it has none."""
    found = [mark for mark, name in _asked_marks(question).items() if _label(name) == label]
    return found[0] if len(found) == 1 else label
