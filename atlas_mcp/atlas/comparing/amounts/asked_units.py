"""The unit, and the noun, in which a question asks for a number."""

from __future__ import annotations

import re
from functools import lru_cache

from atlas_mcp.atlas.comparing.amounts.number_questions import asked_part
from atlas_mcp.atlas.comparing.amounts.unit_table import Unit
from atlas_mcp.atlas.comparing.amounts.units import unit

_MANY = re.compile(
    r"\b(?:how many|wie ?viele?|combien d(?:e |')|cuánt[oa]s)"
    r" ?(?:more |full |whole |extra |additional |fewer |complete )?(?=\S)",
    re.IGNORECASE,
)
_IN = re.compile(
    r"(?:\b(?:in|into|to|en) (?:units of |the unit )?|[^\s(]\s\((?:in )?)(?=[^\W\d_]|[°℃℉µμ])",
    re.IGNORECASE,
)
_WORD_END = re.compile(r"[^\s,;:?!()]+")
_TRAILING = ".,;:?!)\"'"
_MAX_WORDS = 6

MAX_MENTIONS = 30
"""Places of a question, the last ones of it, at which a unit is looked for."""

_STOP = re.compile(
    r"\b(?:are|is|was|were|did|do|does|has|have|had|will|would|can|could|should|must|may|might|of"
    r"|in|on|at|for|from|with|to|there|per|that|who|which|remain|remained|left|fit|make|made|get"
    r"|gets|need|needs|he|she|it|they|we|you|i|each|altogether|total|now|still|hat|haben|sind|ist"
    r"|gibt|gab|hatte|hatten|bleiben|kann|können|braucht)\b|[?.,;:!()]",
    re.IGNORECASE,
)
_FIRST_NOUN = re.compile(r"([^\W\d_]{3,}) (?!and\b|or\b|und\b|oder\b|et\b|ou\b|y\b)[^\W\d_]")
_NOUNS = re.compile(r"[^\W\d_]+(?:[ -][^\W\d_]+){0,2}")

_MASS = re.compile(r"\b(?:heavy|weighs?|weight|mass|lb|lbs|ounces?|kilograms?|kg)\b", re.IGNORECASE)
_HEIGHT = re.compile(r"\b(?:tall|height|feet|foot|inches)\b", re.IGNORECASE)
_DIFFERENCE = re.compile(
    r"\b(?:difference|change[sd]?|rises?|rose|increase[sd]?|decrease[sd]?|drop(?:s|ped)?|falls?"
    r"|fell|warmer|colder|hotter|cooler|by how much|how many degrees|uncertainty|deviation|range"
    r"|differenz|unterschied|änderung)\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=64)
def asked_unit(question: str) -> Unit | None:
    """Return the one unit in which a question asks for its answer; `None` where it is not clear."""
    text = asked_part(question)
    for rule in (_MANY, _IN):
        matches = list(rule.finditer(text))[-MAX_MENTIONS:]
        found: list[Unit] = []
        for match in matches:
            named = _unit_at(text, match.end())
            if named is not None and named not in found:
                found.append(named)
        if found or (matches and rule is _MANY):
            # How many pieces of 20 cm: they are counted.
            return found[0] if len(found) == 1 else None
    return None


@lru_cache(maxsize=64)
def asked_nouns(question: str) -> frozenset[str]:
    """Return the nouns that a question counts, in small letters: `red marbles`, `marbles`."""
    found: set[str] = set()
    matches = list(_MANY.finditer(question))
    for match in matches:
        rest = question[match.end() : match.end() + 60]
        stop = _STOP.search(rest)
        first = _FIRST_NOUN.match(rest.casefold())
        if first is not None:
            found.add(first[1])
        words = rest[: stop.start() if stop else len(rest)].casefold().split()
        if not 0 < len(words) <= 4 or "and" in words or "or" in words or "more" in words[-1:]:
            continue
        found.update(" ".join(words[at:]) for at in range(len(words)))
    return frozenset(found) if len(matches) == 1 else frozenset()


def is_asked_noun(noun: str, question: str) -> bool:
    """Return whether a noun behind a number is the one that a question counts."""
    asked = asked_nouns(question)
    folded = noun.casefold()
    if re.search(r"\bhow many more\b", question, re.IGNORECASE):
        if folded == "more":
            return True
        folded = folded.removeprefix("more ")
    return (
        bool(asked)
        and bool(_NOUNS.fullmatch(folded))
        and (folded in asked or f"{folded}s" in asked or f"{folded}es" in asked)
    )


@lru_cache(maxsize=64)
def asks_angle(question: str) -> bool:
    """Return whether an answer without a unit is an angle, in radians where it has a π."""
    return bool(re.search(r"\bangles?\b|\bwinkel\b|\bradians?\b", question, re.IGNORECASE))


@lru_cache(maxsize=64)
def asks_temperature(question: str) -> bool:
    """Return whether a C stands for degrees Celsius, and for no coulomb."""
    asked = r"\btemperature\b|\bcelsius\b|\bfahrenheit\b|\b(?:boil|melt|freez)\w*|\bhow hot\b"
    return bool(re.search(asked, question, re.IGNORECASE))


@lru_cache(maxsize=64)
def asks_work(question: str) -> bool:
    """Return whether a newton-metre is a joule, and no torque."""
    work = re.search(r"\b(?:work|energy|heat|joules?)\b", question, re.IGNORECASE)
    return bool(work) and not re.search(r"\b(?:torque|moment)\b", question, re.IGNORECASE)


@lru_cache(maxsize=64)
def asks_mass(question: str) -> bool:
    """Return whether pounds are a mass, and no money."""
    return bool(_MASS.search(question))


@lru_cache(maxsize=64)
def asks_height(question: str) -> bool:
    """Return whether `'` stands for feet."""
    return bool(_HEIGHT.search(question))


@lru_cache(maxsize=64)
def asks_difference(question: str) -> bool:
    """Return whether a temperature may be a difference, which has no zero."""
    return bool(_DIFFERENCE.search(question))


def _unit_at(question: str, start: int) -> Unit | None:
    """Return the longest unit that the words from a place on name."""
    rest = question[start : start + 60].replace("$", "").replace("\\text", "")
    ends = [match.end() for match in _WORD_END.finditer(rest)][:_MAX_WORDS]
    for end in reversed(ends):
        text = rest[:end].rstrip(_TRAILING).strip("{}")
        if "(" in text and ")" not in text:
            text += ")"
        if re.search(r"\bpounds?\b", text, re.IGNORECASE):
            text = "lb" if asks_mass(question) and text.casefold() in ("pound", "pounds") else ""
        if "," in text or _is_short_word(text):
            continue
        found = unit(text)
        if found is not None:
            return found
    return None


def _is_short_word(text: str) -> bool:
    # In A, or in D: a key, a point or a set.
    return len(text) == 1 and text.isupper()
