"""Equations: values given to names, and equations of lines and curves.

`x = 5` is `5` where one value is asked for; `x = 1, x = 2` is a set of values; `2x + 4y = 6` is
`x + 2y = 3`. With one name alone an equation is compared as its two sides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache

from atlas_mcp.atlas.comparing.algebra import expressions, nodes, polynomials, shapes
from atlas_mcp.atlas.comparing.algebra.canonical import Canonical
from atlas_mcp.atlas.comparing.algebra.nodes import Node, NotReadable
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import sequence_key, set_key, tuple_key
from atlas_mcp.atlas.comparing.gathered.lists import members_key
from atlas_mcp.atlas.comparing.gathered.order import asked_order

MAX_CHARS = 300
"""Characters of the longest text that is read."""

MAX_PARTS = 12
"""Equations in the longest row of them that is read."""

_LETTER = re.compile(r"[A-Za-zα-ωΔ](?:_\w{1,4}|_\(\w{1,4}\)|[₀-₉]{1,2})?")
_LABEL = re.compile(
    r"[^\W\d][\w ∠'′()^|,/-]{0,40}|∠ ?[A-Z]{1,3}|[a-zA-Z](?:['′]{0,3}|\^-1)\(\w{1,3}\)"
)
_VALUE = re.compile(r"[-−+±√∛π$€£(|\d.⌊∞{½⅓⅔¼¾]|(?:sin|cos|tan|ln|log|sqrt|e\^|pi|[ei]\b)")
_OTHER_SIGN = re.compile(r"[<>≤≥≠≈→⇒↦≡]|==|:=|!=")
_OR = re.compile(r"\s*,?\s+or\s+|\s*∨\s*|\s*,?\s+oder\s+", re.IGNORECASE)
_AND = re.compile(r"\s*,?\s+(?:and|und)\s+|\s*∧\s*|\s*[,;&]\s*|\s*\n\s*", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_EQUATION_ASKED = re.compile(
    r"\bequations?\b(?!\s*(?:[^.?]{0,60}=|for\b|to find))|\basymptotes?\b|\bdirectrix\b|"
    r"\baxis of symmetry\b|"
    r"\bgleichung der\b|\bgeradengleichung|\bformula\b|\bfunction rule\b|\bline(?:s)? of symmetry"
)
_UNKNOWNS = ("x", "n")
"""Names that stand for what is asked where the question is not known."""

_SETS = ("L", "S", "𝕃", "D")
_DERIVATIVE = re.compile(r"(?:[fgy]['′](?:\([a-z]\))?|d[fy]/d[xt]|d/dx .{1,20})")
_INVERSE = re.compile(r"f\^-1\([a-z]\)|f⁻¹\([a-z]\)")
_TERM = re.compile(r"[a-zA-Z]_n")
_NAMES_IN_BRACKETS = re.compile(r"\(\s*[a-z](?:\s*,\s*[a-z]){1,3}\s*\)")
_IN_BRACKETS = re.compile(r"\([^()=]{1,100}\)")
_NUMBERED = re.compile(r"([a-z])(?:_[1-9]|[₁-₉])")
_SOLUTIONS = re.compile(
    r"\b(?:solve|solutions?|roots?|zeros?|lös\w+|nullstelle\w*|racines?|soluci\w+|raíces|factors?)\b"
)

_SOLUTIONS_OF_EQUATION = re.compile(
    r"\b(?:solutions?|roots?|zeros?|solve|solving|satisf\w+)\b[^.?]{0,30}\bequations?\b"
)
_SEVERAL_NAMES = re.compile(
    r"(?<![A-Za-z'’])[A-Za-z](?:, ?[A-Za-z])*,? (?:and|or|und) [b-zB-Z](?![A-Za-z'’])"
)
_NAMED_KIND = re.compile(
    r"\b(?:variables?|letters?|unknowns?|which of|symbol|axis|axes|curve|plane|graph|boundary|"
    r"line)\b"
)
_ONE_LETTER = re.compile(r"(?<![A-Za-z'’])[b-hj-zB-HJ-Z](?![A-Za-z'’])")
_ASKED_LETTER = re.compile(
    r"\b(?:find|for|is|of|determine|compute|calculate|evaluate) ([A-Za-z])(?![A-Za-z'’])"
    r"(?! ?(?:and\b|or\b|,|=|\())",
    re.IGNORECASE,
)

_PAIR = re.compile(r"\(\s*([a-z](?:\s*,\s*[a-z]){1,3})\s*\)")
_POINT = re.compile(
    r"\bordered (?:pair|triple)|\bcoordinates?\b|\bpoint\b|\bvert(?:ex|ices)\b|\bmidpoint\b|"
    r"\bintersect|\bcent(?:er|re)\b"
)


def read(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a text that is an equation, or a row of them, as a whole."""
    if len(text) > MAX_CHARS or "=" not in text or _OTHER_SIGN.search(text):
        return None
    try:
        return _key(text, asked, part)
    except NotReadable:
        return None


def _key(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    left, _, right = (side.strip() for side in text.partition("="))
    if _NAMES_IN_BRACKETS.fullmatch(left) and _IN_BRACKETS.fullmatch(right):
        return part(right)
    alternatives = _cut(_OR, text)
    if len(alternatives) > 1:
        return _alternatives(alternatives, asked, part)
    pieces = _cut(_AND, text)
    if len(pieces) > MAX_PARTS or not all(pieces):
        return None
    if len(pieces) == 1:
        return _single(text, asked, part)
    found = [_assignment(piece) for piece in pieces]
    assigned = [one for one in found if one is not None]
    if len(assigned) == len(pieces):
        return _several(assigned, asked, part)
    first = found[0]
    if first is not None and not any("=" in piece for piece in pieces[1:]):
        # `x = 1, 2`
        if not all(_is_value(value) for value in pieces[1:]):
            return None
        return _members([part(value) for value in (first[1], *pieces[1:])], asked)
    if all("=" in piece for piece in pieces):
        keys = [_equation(piece, asked) for piece in pieces]
        return None if None in keys else f"system:{json.dumps(sorted(map(str, keys)))}"
    return None


def _cut(separator: re.Pattern[str], text: str) -> list[str]:
    """Return the pieces of a text between separators that are not in brackets, nor in a number.

    Raises:
        NotReadable: A bracket is open where the text ends, or closed before it was opened.
    """
    pieces: list[str] = []
    start = depth = 0
    places = {match.start(): match.end() for match in separator.finditer(text) if match[0]}
    within = {match.start() for match in _THOUSANDS.finditer(text)}
    at = 0
    while at < len(text):
        if depth == 0 and at in places and at not in within:
            pieces.append(text[start:at].strip())
            start = at = places[at]
            continue
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth < 0:
            raise NotReadable
        at += 1
    if depth:
        raise NotReadable
    return [*pieces, text[start:].strip()]


def _alternatives(texts: list[str], asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of answers of which each holds by itself."""
    if len(texts) > MAX_PARTS:
        return None
    pieces = [piece for text in texts for piece in _cut(_AND, text)]
    found = [_assignment(piece) for piece in pieces]
    assigned = [one for one in found if one is not None]
    if len(assigned) == len(pieces) and len({name for name, _ in assigned}) == 1:
        return members_key([part(value) for _, value in assigned])
    first = found[0]
    if first is not None and not any("=" in piece for piece in pieces[1:]):
        # `x = 1 or 2`
        if not all(_is_value(value) for value in pieces[1:]):
            return None
        return members_key([part(value) for value in (first[1], *pieces[1:])])
    if any(_assignment(text.strip()) is not None for text in texts):
        # A value of one name or a value of another.
        return None
    keys = [_key(text.strip().strip("()"), asked, part) for text in texts if "=" in text]
    if len(keys) < len(texts) or None in keys:
        return None
    return set_key(map(str, keys))


def _members(keys: list[str], asked: Asked) -> str:
    """Return the key of several values of one name: in their order where parts are asked for."""
    if asked_order(asked.question) == "sequence":
        return sequence_key(keys)
    return members_key(keys)


def _is_value(text: str) -> bool:
    return _VALUE.match(text) is not None and len(text) <= 80


def _assignment(text: str) -> tuple[str, str] | None:
    """Return the name and the value of an equation that gives a name a value."""
    left, sign, right = (side.strip() for side in text.partition("="))
    if not sign or not left or not right or "=" in right:
        return None
    if not _LETTER.fullmatch(left) or left in ("e", "i"):
        left, right = right, left
    if not _LETTER.fullmatch(left) or left in ("e", "i") or not _is_value(right):
        return None
    return None if _has_names(right) else (left, right)


def _has_names(text: str) -> bool:
    node = expressions.tree(text.replace("±", "+"), "")
    if node is None:
        # A number with a unit, an interval, a point.
        return re.match(r"[-+−]?[\d.,]+[a-zA-Z(]", text) is not None
    return bool(nodes.names_in(node)) and not re.fullmatch(r"[\d.,]+ [A-Za-z/²³^\d]{1,8}", text)


def _single(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    sides = [side.strip() for side in text.split("=")]
    if len(sides) > 2:
        return _chain(sides, asked, part)
    question = asked.question
    if sides[0] in _SETS and sides[1][:1] == "{":
        return part(sides[1])
    assignment = _assignment(text)
    if assignment is not None and not _is_equation_asked(question):
        name, value = assignment
        if _may_stand_for(name, question):
            return part(value)
        return f"assignment:{json.dumps([name, part(value)])}"
    left, right = sides
    if _is_asked_for(left, question) and not _is_equation_asked(question):
        return part(right) if right and _is_value_or_expression(right) else None
    return _equation(text, asked)


def _chain(sides: list[str], asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a name with a value that is worked out in steps: `x = 6/4 = 3/2`."""
    found = _assignment(f"{sides[0]} = {sides[1]}")
    if found is None or not all(sides):
        return None
    keys = {part(side) for side in sides[1:]}
    return _single(f"{sides[0]} = {sides[-1]}", asked, part) if len(keys) == 1 else None


def _is_value_or_expression(text: str) -> bool:
    return _is_value(text) or expressions.tree(text, "") is not None


def _several(
    assigned: list[tuple[str, str]], asked: Asked, part: Callable[[str], str]
) -> str | None:
    names = [name for name, _ in assigned]
    if len(set(names)) == 1:
        return _members([part(value) for _, value in assigned], asked)
    if len(set(names)) < len(names):
        return None
    numbered = [_NUMBERED.fullmatch(name) for name in names]
    letters = {None if match is None else match[1] for match in numbered}
    one_letter = len(letters) == 1 and None not in letters
    if one_letter and _SOLUTIONS.search(asked.question.casefold()):
        # `x_1` and `x_2` are the solutions for one `x`.
        return _members([part(value) for _, value in assigned], asked)
    values = {name: part(value) for name, value in assigned}
    order = _asked_order(frozenset(names), asked.question)
    if order is not None:
        return tuple_key("()", [values[name] for name in order])
    return f"assignments:{json.dumps(sorted(values.items()))}"


@lru_cache(maxsize=64)
def _asked_order(names: frozenset[str], question: str) -> tuple[str, ...] | None:
    """Return the order in which a question lists names in brackets, or that of a point."""
    for match in _PAIR.finditer(question):
        listed = tuple(name.strip() for name in match[1].split(","))
        if frozenset(listed) == names and len(listed) == len(names):
            return listed
    if sorted(names) in (["x", "y"], ["x", "y", "z"]) and _POINT.search(question.casefold()):
        return tuple(sorted(names))
    return None


@lru_cache(maxsize=64)
def _is_equation_asked(question: str) -> bool:
    """Return whether a question asks for an equation, of which both sides count."""
    text = _SOLUTIONS_OF_EQUATION.sub(" ", " ".join(question.casefold().split()))
    return bool(_EQUATION_ASKED.search(text))


@lru_cache(maxsize=128)
def _may_stand_for(name: str, question: str) -> bool:
    """Return whether a value given to a name answers a question: it may speak of that name."""
    if not question.strip():
        # `y = 3` may be a line, `a = 3` one of several values.
        return name in _UNKNOWNS
    if _NAMED_KIND.search(question.casefold()):
        return False
    spoken = re.sub(r"\\[A-Za-z]+|[{}\\]", " ", question)
    spoken = " ".join(spoken.replace("$", " ").split())
    if _SEVERAL_NAMES.search(spoken):
        return False
    letters = set(_ONE_LETTER.findall(spoken))
    if len(letters) > 1:
        # Of several names the value is that of the one that is asked for, if it is one alone.
        return set(_ASKED_LETTER.findall(spoken)) == {name}
    named = re.escape(name)
    if re.search(rf"(?<![A-Za-z_]){named}(?![A-Za-z_])", spoken):
        return True
    # `x` inside `2x` or `xy`, but not inside a word; any name where the question has none.
    return bool(re.search(rf"\d{named}(?![A-Za-z])", spoken)) or not letters


@lru_cache(maxsize=128)
def _is_asked_for(label: str, question: str) -> bool:
    """Return whether a question asks for what stands on the left of an equation."""
    if not question or not _LABEL.fullmatch(label):
        return False
    folded = question.casefold()
    if _DERIVATIVE.fullmatch(label) and re.search(r"\b(?:derivative|differentiate)", folded):
        return True
    if _INVERSE.fullmatch(label) and "inverse" in folded:
        return True
    if _TERM.fullmatch(label) and re.search(r"\bterm\b|\bsequence\b", folded):
        return True
    spoken = re.sub(r"[\s$\\{}]", "", question).replace("'", "′")
    spoken = re.sub(r"angle(?=[A-Z∠])", "∠", spoken)
    wanted = re.sub(r"\s", "", label).replace("'", "′")
    if len(wanted) == 1:
        named = re.escape(wanted)
        return bool(
            re.search(
                rf"\b(?:for|express|make|isolate) \$?{named}\b"
                rf"|\b{named}\$? (?:in terms|as a function)",
                question,
            )
        )
    return wanted.casefold() in spoken.casefold()


def _equation(text: str, asked: Asked) -> str | None:
    """Return the key of an equation between two expressions."""
    left, sign, right = text.partition("=")
    trees = [expressions.tree(side.strip(), asked.question) for side in (left, right)]
    if not sign or trees[0] is None or trees[1] is None:
        return None
    first, second = trees[0], trees[1]
    names = nodes.names_in(first) | nodes.names_in(second)
    if first[0] == second[0] == "name" and not _is_equation_asked(asked.question):
        # A name for another: which of them is given the value may count.
        return f"equation:{json.dumps([first[1], second[1]])}"
    if not names and not _calls(first):
        return None
    if shapes.is_form_asked(asked.question):
        return f"equation:{json.dumps([shapes.shape_of(first), shapes.shape_of(second)])}"
    if len(names) < 2 and not _is_curve(first, second, asked.question):
        texts = sorted(Canonical().written(node) for node in (first, second))
        return f"equation:{json.dumps(texts)}"
    canonical = Canonical()
    difference = canonical.of(("sum", first, nodes.negative(second)))
    top, bottom = canonical.field.expanded(difference)
    if not top:
        return None
    scaled = canonical.field.ring.scaled(top, 1 / top[max(top)])
    return (
        f"equation:{polynomials.written(polynomials.key_of(scaled))}"
        f"/{polynomials.written(polynomials.key_of(bottom))}"
    )


def _calls(node: Node) -> bool:
    return node[0] == "function"


def _is_curve(first: Node, second: Node, question: str) -> bool:
    """Return whether an equation of one name is that of a line: `x = 3`, and `x - 3 = 0` too."""
    return _is_equation_asked(question) and bool(nodes.names_in(first) | nodes.names_in(second))
