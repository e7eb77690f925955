"""Inequalities, and bounds in words: `x < 3`, `2 < x < 5`, `at least 3`.

Where the question asks for a set of numbers, an inequality has the key of the set; elsewhere the
name in it counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from atlas_mcp.atlas.comparing.algebra import evaluation, expressions, nodes, polynomials
from atlas_mcp.atlas.comparing.algebra.canonical import Canonical
from atlas_mcp.atlas.comparing.algebra.nodes import Node, NotReadable
from atlas_mcp.atlas.comparing.algebra.quotients import Quotient
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.relations import real_sets
from atlas_mcp.atlas.comparing.relations.real_sets import Endpoint, Interval

MAX_CHARS = 200
"""Characters of the longest inequality that is read."""

MAX_PARTS = 6
"""Inequalities in the longest row of them that is read."""

_SPELLINGS = (
    ("<=", "≤"),
    (">=", "≥"),
    ("=<", "≤"),
    ("⩽", "≤"),
    ("⩾", "≥"),
    ("≦", "≤"),
    ("≧", "≥"),
    ("!=", "≠"),
    ("=/=", "≠"),
    ("<>", "≠"),
)
_RELATION = re.compile(r"[<>≤≥≠=]")
_FLIPPED = {"<": ">", ">": "<", "≤": "≥", "≥": "≤", "≠": "≠", "=": "="}
_NAME = re.compile(r"[A-Za-zα-ω](?:_\w{1,3})?|[fgh]\([a-z]\)")
_SPELLED = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|fifty"
_NUMBER = (
    rf"(?P<number>(?:[-−+]?[$€£]?\d[\d.,/]{{0,15}}|(?:{_SPELLED})\b)(?: ?[^\W\d_]{{1,15}}| ?%)?)"
)
_PHRASES = (
    ("≥", r"(?:at least|no (?:less|fewer) than|not (?:less|fewer) than|a minimum of|≥) ?#"),
    ("≥", r"(?:greater|more|larger) than or equal to # | mindestens #"),
    ("≥", r"# (?:or|and) (?:more|greater|above|over|higher|larger|up) | # at least"),
    ("≤", r"(?:at most|no (?:more|greater) than|not more than|a maximum of|≤) ?#"),
    ("≤", r"(?:less|fewer|smaller) than or equal to # | höchstens #"),
    ("≤", r"# (?:or|and) (?:less|fewer|below|under|lower|smaller) | # at most"),
    (">", r"(?:(?:strictly )?(?:more|greater|larger|higher) than|over|above|mehr als|>) ?#"),
    ("<", r"(?:(?:strictly )?(?:less|fewer|smaller|lower) than|under|below|weniger als|<) ?#"),
    ("≠", r"(?:not equal to|≠) ?#"),
)
_IN_WORDS = tuple(
    (sign, re.compile(one.replace("#", _NUMBER), re.IGNORECASE))
    for sign, phrase in _PHRASES
    for one in phrase.split(" | ")
)
_SEVERAL_NAMES = re.compile(r"\b[a-z](?:, ?[a-z])* (?:and|und) [a-z]\b")
_NAMED_IN_WORDS = re.compile(r"(?P<name>[A-Za-z]) (?:is |must be )?(?P<rest>\D.+)")


def read(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a text that is an inequality, or a row of them, as a whole."""
    if len(text) > MAX_CHARS:
        return None
    for written, sign in _SPELLINGS:
        text = text.replace(written, sign)
    try:
        return _in_words(text, asked, part) or _key(text, asked, part)
    except NotReadable:
        return None


def _in_words(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    for sign, rule in _IN_WORDS:
        match = rule.fullmatch(text)
        if match is None:
            continue
        number = match["number"]
        if real_sets.is_set_asked(asked.question):
            point = real_sets.endpoint(number, part)
            if point is not None:
                return real_sets.key_of(_set_of(sign, point, part))
        return f"bound:{sign}:{part(number)}"
    named = _NAMED_IN_WORDS.fullmatch(text)
    if named is None or _RELATION.search(text):
        return None
    for sign, rule in _IN_WORDS:
        match = rule.fullmatch(named["rest"])
        if match is not None:
            return _key(f"{named['name']} {sign} {match['number']}", asked, part)
    return None


@dataclass(frozen=True, slots=True)
class _Bound:
    """A name on one side, a number on the other; or several of them, of one name."""

    name: str
    numbers: tuple[Interval, ...]


def _key(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    if not re.search(r"[<>≤≥≠]", text):
        return None
    alternatives = re.split(r"\s+or\s+|\s*∨\s*|\s*∪\s*", text)
    if len(alternatives) > MAX_PARTS:
        return None
    bounds: list[_Bound] = []
    for alternative in alternatives:
        rows = [row for row in re.split(r"\s+and\s+|\s*∧\s*|\s*,\s*|\s*;\s*", alternative) if row]
        if len(rows) > MAX_PARTS:
            return None
        found = [_bound(row, asked, part) for row in rows]
        bound = _all_of([one for one in found if one is not None]) if all(found) else None
        if bound is None:
            whole = len(alternatives) == 1 and len(rows) == 1
            return _general(rows[0], asked) if whole else None
        if "," in alternative and not bound.numbers:
            # A comma between them may stand for `or`.
            return None
        bounds.append(bound)
    if len({bound.name for bound in bounds}) != 1:
        return None
    numbers = real_sets.union(one for bound in bounds for one in bound.numbers)
    key = real_sets.key_of(numbers)
    if key is None:
        return None
    if real_sets.is_set_asked(asked.question) and not _SEVERAL_NAMES.search(asked.question):
        return key
    return f"inequality:{json.dumps([bounds[0].name, key])}"


def _all_of(bounds: list[_Bound]) -> _Bound | None:
    """Return the numbers for which every bound holds; `None` where they are of several names."""
    if not bounds or len({bound.name for bound in bounds}) != 1:
        return None
    numbers = bounds[0].numbers
    for bound in bounds[1:]:
        numbers = real_sets.common(numbers, bound.numbers)
    return _Bound(bounds[0].name, numbers)


def _bound(text: str, asked: Asked, part: Callable[[str], str]) -> _Bound | None:
    """Return a bound, or a name between two."""
    sides = [side.strip() for side in _RELATION.split(text)]
    signs = _RELATION.findall(text)
    if len(signs) == 1:
        return _simple(sides[0], signs[0], sides[1], asked, part)
    if len(signs) != 2 or "≠" in signs or (signs[0] in "<≤") != (signs[1] in "<≤") or "=" in signs:
        return None
    first = _simple(sides[0], signs[0], sides[1], asked, part)
    second = _simple(sides[1], signs[1], sides[2], asked, part)
    return None if first is None or second is None else _all_of([first, second])


def _simple(
    left: str, sign: str, right: str, asked: Asked, part: Callable[[str], str]
) -> _Bound | None:
    """Return the numbers for which one relation holds: of a name, or of a line in it."""
    if not _is_name(left):
        left, right, sign = right, left, _FLIPPED[sign]
    if not _is_name(left):
        return _solved(left, sign, right, asked, part)
    signs = expressions.both_signs(right)
    if signs is not None and sign == "≠":
        found = (real_sets.line(part),)
        for one in signs:
            point = real_sets.endpoint(one, part)
            if point is None:
                return None
            found = real_sets.without(found, point)
        return _Bound(left, found)
    point = real_sets.endpoint(right, part)
    return None if point is None else _Bound(left, _set_of(sign, point, part))


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and text not in ("e", "i")


def _solved(
    left: str, sign: str, right: str, asked: Asked, part: Callable[[str], str]
) -> _Bound | None:
    """Return the numbers for which a line in a name, or its size, stands in a relation."""
    if asked.question and not real_sets.is_set_asked(asked.question):
        return None
    trees = [expressions.tree(side, asked.question) for side in (left, right)]
    first, second = trees[0], trees[1]
    if first is None or second is None:
        return None
    if nodes.names_in(second):
        first, second, sign = second, first, _FLIPPED[sign]
    if nodes.names_in(second):
        return None
    if first[0] == "function" and nodes.text_of(first) == "abs" and sign != "=":
        (inside,) = nodes.parts_of(first)
        if evaluation.value_of(second) <= 0:
            return None
        above = _solved_line(inside, sign, second, asked, part)
        below = _solved_line(inside, _FLIPPED[sign], nodes.negative(second), asked, part)
        if above is None or below is None:
            return None
        if sign in "<≤≠":
            return _all_of([above, below])
        return _Bound(above.name, real_sets.union((*above.numbers, *below.numbers)))
    return _solved_line(first, sign, second, asked, part)


def _solved_line(
    node: Node, sign: str, constant: Node, asked: Asked, part: Callable[[str], str]
) -> _Bound | None:
    names = nodes.names_in(node)
    if len(names) != 1:
        return None
    (name,) = names
    found = Canonical().of(node)
    slope_at = ((f"name {name}", Fraction(1)),)
    slope = found.top.get(slope_at)
    if slope is None or found.below or set(found.top) - {slope_at, polynomials.ONE}:
        return None
    offset = nodes.number(-found.top.get(polynomials.ONE, Fraction(0)))
    end = nodes.product([nodes.number(1 / slope), nodes.total([constant, offset])])
    value = Canonical().of(end).rational
    if value is not None:
        end = nodes.number(value)
    key = expressions.key_of(end, Asked(asked.question))
    if key is None:
        return None
    point = Endpoint(evaluation.value_of(end), key)
    return _Bound(name, _set_of(_FLIPPED[sign] if slope < 0 else sign, point, part))


def _set_of(sign: str, point: Endpoint, part: Callable[[str], str]) -> tuple[Interval, ...]:
    """Return the numbers that stand in a relation to one."""
    line = real_sets.line(part)
    if sign == "≠":
        return real_sets.without([line], point)
    if sign == "=":
        return (Interval(point, point, with_low=True, with_high=True),)
    closed = sign in "≤≥" and point.value.is_finite()
    if sign in "<≤":
        return (Interval(line.low, point, with_high=closed),)
    return (Interval(point, line.high, with_low=closed),)


def _general(text: str, asked: Asked) -> str | None:
    """Return the key of one inequality between expressions.

    With several names, all may stand on one side; with one, both sides count as they are.
    """
    sides = [side.strip() for side in _RELATION.split(text)]
    signs = _RELATION.findall(text)
    trees = [expressions.tree(side, asked.question) for side in sides]
    known = [node for node in trees if node is not None]
    if len(known) < len(trees) or len(signs) > 2 or ("=" in signs):
        return None
    names = frozenset(found for node in known for found in nodes.names_in(node))
    if not names:
        return None
    if len(signs) == 1 and len(names) > 1:
        return _on_one_side(known[0], signs[0], known[1])
    if any(sign in ">≥" for sign in signs):
        known.reverse()
        signs = [_FLIPPED[sign] for sign in reversed(signs)]
    if any(sign in ">≥" for sign in signs):
        return None
    texts = [Canonical().written(node) for node in known]
    if signs == ["≠"]:
        texts.sort()
    return f"inequality:{json.dumps([texts, signs])}"


def _on_one_side(left: Node, sign: str, right: Node) -> str:
    canonical = Canonical()
    difference = canonical.of(("sum", left, nodes.negative(right)))
    top, bottom = canonical.field.expanded(difference)
    if not top:
        raise NotReadable
    leading = top[max(top)]
    if leading < 0:
        sign = _FLIPPED[sign]
    scaled = canonical.field.ring.scaled(top, 1 / leading)
    below = polynomials.written(polynomials.key_of(bottom))
    over_one = set(bottom) == {polynomials.ONE}
    written = canonical.field.written(Quotient(scaled))
    return f"inequality:{sign}:{written}" + ("" if over_one else f"/[{below}]")
