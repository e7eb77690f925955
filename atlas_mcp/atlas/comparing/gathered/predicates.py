"""Formulas with quantifiers: `∀x P(x)`, `∃n ∈ ℕ: n > x`."""

from __future__ import annotations

import re

from atlas_mcp.atlas.comparing.gathered import formulas
from atlas_mcp.atlas.comparing.gathered.formulas import (
    LOGIC_SIGNS,
    MAX_DEPTH,
    TOKEN,
    Formula,
    NotReadError,
)

_VARIABLE = r"[a-zA-Z\u03b1-\u03c9](?:_?\d|[₀-₉])?(?![A-Za-z(])"
_BOUND = r"(?: ?(?:[∈<>≤≥≠]|\\in) ?(?:[ℝℕℤℚℂ][+*]?|[A-Z](?:_\d)?(?![(\w])|-?\d{1,6}))"
_QUANTIFIER = re.compile(
    rf"\s*(?P<sign>[∀∃∄]!?) ?(?P<names>{_VARIABLE}(?: ?, ?{_VARIABLE}(?= ?[,∈:.]))*)"
    rf"(?P<bound>{_BOUND}?)\s*(?P<wide>[,:.|]|such that|s\.t\.|)"
)
_ATOM = re.compile(
    r"\s*([A-Za-z][A-Za-z_]{0,20}\d?\([\w ,+\-]{1,40}\)"
    r"|[\w^²³+\-*/·]{1,30}(?: [\w^²³+\-*/·]{1,30}){0,4}"
    r"(?: ?[=≠<>≤≥∈∉∣⊂⊆] ?[\w^²³+\-*/·]{1,30}){1,2})"
)
_OPENING = re.compile(r"\s*([(\[])")
_WORD = re.compile(r"[^\W\d_](?:_?\d|[₀-₉])?(?![^\W\d_(])")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_RAISED_NUMBER = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")


def key(text: str, *, as_written: bool) -> str:
    """Return the key of a formula with quantifiers.

    Args:
        text: The formula.
        as_written: Whether its form counts, and not only what it says.

    Raises:
        NotReadError: It is no formula that is read.
    """
    text = _RAISED_NUMBER.sub(lambda match: f"^{match[0].translate(_RAISED)}", text)
    found = _Predicates(text).whole()
    if as_written:
        return f"predicates as written:{formulas.text_of(found)}"
    return f"predicates:{formulas.text_of(formulas.normal(found))}"


class _Predicates:
    """Reads a formula with quantifiers from its text.

    A quantifier reaches to the end of its brackets where a comma or a colon follows it, otherwise
    over the next formula alone. Bound variables are renamed by their depth.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._bound: list[str] = []
        self._depth = 0

    def whole(self) -> Formula:
        """Return the formula that all of the text is."""
        found = self._formula()
        if self._text[self._at :].strip():
            raise NotReadError
        return found

    def _sign(self) -> tuple[str, int]:
        match = TOKEN.match(self._text, self._at)
        if match is None:
            return "", self._at
        token = match[1].lower() if len(match[1]) > 1 else match[1]
        kind = LOGIC_SIGNS.get(token, "and" if token == "&" else "")
        return kind, match.end()

    def _formula(self) -> Formula:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotReadError
        found = self._joined(("or", "xor"))
        kind, end = self._sign()
        if kind in {"implies", "iff"}:
            self._at = end
            found = Formula(kind, parts=(found, self._joined(("or", "xor"))))
            if self._sign()[0] in {"implies", "iff"}:
                raise NotReadError
        self._depth -= 1
        return found

    def _joined(self, kinds: tuple[str, ...]) -> Formula:
        weaker = kinds != ("and",)
        found = self._joined(("and",)) if weaker else self._one()
        seen: set[str] = set()
        while True:
            kind, end = self._sign()
            if kind not in kinds:
                return found
            self._at = end
            seen.add(kind)
            if len(seen) > 1:
                raise NotReadError
            found = Formula(kind, parts=(found, self._joined(("and",)) if weaker else self._one()))

    def _one(self) -> Formula:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotReadError
        found = self._quantified() or self._plain()
        self._depth -= 1
        return found

    def _plain(self) -> Formula:
        kind, end = self._sign()
        if kind == "not":
            self._at = end
            return Formula("not", parts=(self._one(),))
        match = _ATOM.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
            return Formula("atom", "".join(_WORD.sub(self._renamed, match[1]).split()))
        match = _OPENING.match(self._text, self._at)
        if match is None:
            raise NotReadError
        self._at = match.end()
        found = self._formula()
        closing = {"(": ")", "[": "]"}[match[1]]
        rest = self._text[self._at :].lstrip()
        if not rest.startswith(closing):
            raise NotReadError
        self._at = len(self._text) - len(rest) + 1
        return found

    def _renamed(self, match: re.Match[str]) -> str:
        name = match[0]
        for depth in range(len(self._bound) - 1, -1, -1):
            if self._bound[depth] == name:
                return f"#{depth}"
        return name

    def _quantified(self) -> Formula | None:
        match = _QUANTIFIER.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        names = re.split(r" ?, ?", match["names"])
        bound = "".join(_WORD.sub(self._renamed, match["bound"]).split())
        outer = len(self._bound)
        self._bound += names
        found = self._formula() if match["wide"] else self._one()
        del self._bound[outer:]
        sign = match["sign"]
        if sign not in {"∀", "∃", "∄", "∃!"}:
            raise NotReadError
        kind = {"∀": "all", "∃!": "one"}.get(sign, "some")
        if kind == "one" and len(names) > 1:
            raise NotReadError
        for depth in range(len(names) - 1, -1, -1):
            found = Formula(kind, f"#{outer + depth}{bound}", (found,))
        return Formula("not", parts=(found,)) if sign == "∄" else found
