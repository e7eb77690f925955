"""Formulas of logic, of switching circuits and of sets, as trees, with the keys of their meaning.

Two formulas without quantifiers mean the same where their truth tables do; formulas with them where
their normal forms are written alike. `logic` decides which signs a text may have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_VARIABLES = 10
"""Variables of the largest truth table that is worked out."""

MAX_DEPTH = 20
"""Brackets and signs inside one another in a formula that is read."""

LOGIC_SIGNS = {
    "¬": "not", "~": "not", "\u223c": "not", "!": "not", "not": "not",
    "\u2227": "and", "&&": "and", "and": "and", "\u2228": "or", "||": "or", "or": "or",
    "→": "implies", "->": "implies", "⇒": "implies", "=>": "implies", "⟹": "implies",
    "⟶": "implies", "implies": "implies", "↔": "iff", "<->": "iff", "⇔": "iff", "<=>": "iff",
    "⟺": "iff", "iff": "iff", "⊕": "xor", "xor": "xor", "⊤": "true", "⊥": "false",
}  # fmt: skip
"""What the signs of logic say, and the words that stand for them."""

TOKEN = re.compile(
    r"\s*(<->|<=>|->|=>|&&|\|\||\\overline\{|\\bar\{|\^[cC\u2201](?![A-Za-z])"
    r"|(?<![A-Za-z])(?:not|and|or|xor|iff|implies|NOT|AND|OR|XOR|IFF|IMPLIES)(?![A-Za-z])"
    r"|[A-Za-z](?:_?\d{1,2}(?!\d)|[₀-₉])?|[^\w\s]|[01₀-₉\u1d9c])"
)
"""A sign or a name, with the white space before it."""

_COMMUTES = frozenset({"and", "or", "xor", "iff"})
_ASSOCIATES = frozenset({"and", "or", "xor"})
_DUAL = {"and": "or", "or": "and", "all": "some", "some": "all", "iff": "xor", "xor": "iff"}
_DENIED = {"=": "≠", "≠": "=", "∈": "∉", "∉": "∈"}


class NotReadError(ValueError):
    """The text is no formula that is read."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula: what it is made with, and of which.

    Attributes:
        kind: `name`, `atom`, `true`, `false`, `not`, `and`, `or`, `xor`, `iff`, `implies`, or one
            of the quantifiers `all`, `some`, `one`.
        text: The name of a variable, the text of an atom, the bound of a quantifier.
        parts: The formulas that it joins.
    """

    kind: str
    text: str = ""
    parts: tuple[Formula, ...] = ()

    def names(self) -> Iterator[str]:
        """Yield the names of the variables, once for each place."""
        if self.kind == "name":
            yield self.text
        for part in self.parts:
            yield from part.names()

    @property
    def is_open(self) -> bool:
        """Whether a truth table says all of it: it has no quantifier and no atom."""
        return self.kind not in {"all", "some", "one", "atom"} and all(
            part.is_open for part in self.parts
        )


def table_of(formula: Formula) -> str | None:
    """Return the truth table over the variables that are named; `None` of too many of them."""
    names = sorted(set(formula.names()))
    if len(names) > MAX_VARIABLES:
        return None
    rows = 1 << len(names)
    every = (1 << rows) - 1
    columns: dict[str, int] = {}
    for place, name in enumerate(names):
        # The column of a variable: as many rows without it as with it, again and again.
        block = 1 << place
        columns[name] = every // ((1 << block) + 1) << block
    return f"{','.join(names)}:{_column(formula, columns, every):x}"


def _column(formula: Formula, columns: dict[str, int], every: int) -> int:
    if formula.kind == "name":
        return columns[formula.text]
    if formula.kind in {"true", "false"}:
        return every if formula.kind == "true" else 0
    parts = [_column(part, columns, every) for part in formula.parts]
    match formula.kind:
        case "not":
            return every ^ parts[0]
        case "and":
            return parts[0] & parts[1]
        case "or":
            return parts[0] | parts[1]
        case "xor":
            return parts[0] ^ parts[1]
        case "iff":
            return every ^ parts[0] ^ parts[1]
        case _:
            return (every ^ parts[0]) | parts[1]


def text_of(formula: Formula) -> str:
    """Return a formula as it is written, but for the order in which equal signs join parts."""
    kind = formula.kind
    if not formula.parts:
        return f"{kind}[{formula.text}]"
    parts = [text_of(part) for part in _flat(formula, kind)]
    if kind in _COMMUTES:
        parts.sort()
    return f"{kind}{formula.text}({', '.join(parts)})"


def normal(formula: Formula, *, denied: bool = False) -> Formula:
    """Return a formula in which only atoms are denied, and nothing implies."""
    kind, parts = formula.kind, formula.parts
    if kind == "not":
        return normal(parts[0], denied=not denied)
    if kind == "implies":
        kind, parts = "or", (Formula("not", parts=parts[:1]), parts[1])
    if kind in {"iff", "xor"}:
        return Formula(_DUAL[kind] if denied else kind, "", tuple(normal(part) for part in parts))
    if kind in _DUAL:
        inner = tuple(normal(part, denied=denied) for part in parts)
        return Formula(_DUAL[kind] if denied else kind, formula.text, inner)
    if kind == "one":
        formula = Formula(kind, formula.text, (normal(parts[0]),))
    return _denied(formula) if denied else formula


def _denied(formula: Formula) -> Formula:
    if formula.kind == "atom":
        signs = [sign for sign in formula.text if sign in _DENIED]
        if len(signs) == 1 and not any(sign in formula.text for sign in "<>≤≥|"):
            return Formula("atom", formula.text.replace(signs[0], _DENIED[signs[0]]))
    return Formula("not", parts=(formula,))


def _flat(formula: Formula, kind: str) -> Iterator[Formula]:
    for part in formula.parts:
        if kind in _ASSOCIATES and part.kind == kind:
            yield from _flat(part, kind)
        else:
            yield part
