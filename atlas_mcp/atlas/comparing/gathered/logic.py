"""Formulas of propositional and predicate logic, of Boolean algebra and of sets.

A text is one only where it has a sign of logic or of sets between single letters: words alone are
prose. Equivalent formulas have one key, unless the question asks for a form.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.gathered import formulas, order, predicates
from atlas_mcp.atlas.comparing.gathered.formulas import (
    LOGIC_SIGNS,
    MAX_DEPTH,
    TOKEN,
    Formula,
    NotReadError,
)
from atlas_mcp.atlas.comparing.gathered.order import gist

MAX_CHARS = 200
"""Characters of the longest formula that is read."""

_ASKED_LOGIC = {"&": "and", "|": "or", "^": "and", "≡": "iff"}
_SETS = {
    "\u222a": "or", "∩": "and", "\u2216": "minus", "\\": "minus", "△": "xor", "∅": "false",
}  # fmt: skip
_BOOLEAN = {"+": "or", "·": "and", "*": "and", "⋅": "and", "⊕": "xor", "0": "false", "1": "true"}
_CLOSING_NOTS = frozenset(
    {"'", "\u2032", "\u2019", "\u1d9c", "^c", "^C", "^\u2201", "\u0304", "\u0305"}
)
_NAME = re.compile(r"[A-Za-z].?.?.?")
_LETTER_OR = re.compile(r"(?<=[\w)]) v (?=[\w(¬~!])")
# Between single letters these words are signs.
_CAPITALS = frozenset({"NOT", "AND", "OR", "XOR", "IFF", "IMPLIES"})

_ABOUT_LOGIC = re.compile(
    r"\bpropositional\b|\blogical(?:ly)?\b|\blogic\b|\bboolean\b|\btruth\b|\btautolog"
    r"|\bkarnaugh\b|\bk-map\b|\bgates?\b|\bminterm|\bswitching\b",
    re.IGNORECASE,
)
_ABOUT_BOOLEAN = re.compile(
    r"\bboolean\b|\blogic(?:al)? (?:gate|circuit|expression|function)|\bkarnaugh\b|\bk-map\b"
    r"|\bgates?\b|\bminterm|\bswitching\b|\bsum of products\b",
    re.IGNORECASE,
)
_ABOUT_SETS = re.compile(r"\bsets?\b|\bevents?\b|\bcomplement\b", re.IGNORECASE)
_ANOTHER_ALGEBRA = re.compile(
    r"\bwedge\b|\bexterior\b|\bdifferential form|\blattice\b|\bmeet\b|\bjoin\b|\bposet\b"
    r"|\bcross product\b|\bvectors?\b|\bdirect sum|\bmodules?\b|\bcategor|\bproduit vectoriel",
    re.IGNORECASE,
)
_FORM = re.compile(
    r"\bcontrapositive\b|\bconverse\b|\binverse\b|\b[cdn]nf\b|\bnormal form|\busing only\b"
    r"|\bonly (?:the )?(?:connective|operator|symbol|gate)|\bwithout\b|\bsimpl|\bminim"
    r"|\brewrite\b|\bequivalent\b|\bsum of products\b|\bproduct of sums\b|\bde morgan"
    r"|\bpush|\binwards?\b|\bdistribut|\bconvert|\beliminat|\bnand\b|\bnor\b|\bprenex\b|\bfactor|\bexpand",
    re.IGNORECASE,
)
_LAW = re.compile(
    r"\blaws?\b|\bcommut|\bassociat|\bexactly as\b|\bas written\b|\bstep\b|\bverbatim\b",
    re.IGNORECASE,
)


def read(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a text that is a formula of logic, or one of sets."""
    question = asked.question
    if len(text) > MAX_CHARS or not _is_read(question):
        return None
    try:
        if re.search("[∀∃∄]", text):
            return predicates.key(text, as_written=_asks_for_a_form(question))
        return _open_key(text, question, part)
    except NotReadError:
        return None


@lru_cache(maxsize=64)
def _is_read(question: str) -> bool:
    """Return whether the signs may be those of logic, and equivalent formulas the same."""
    return _ANOTHER_ALGEBRA.search(gist(question)) is None and _LAW.search(gist(question)) is None


def _open_key(text: str, question: str, part: Callable[[str], str]) -> str | None:
    if _about_logic(question) and "\u2228" not in text:
        # The letter stands for the sign where no sign does.
        text = _LETTER_OR.sub(" \u2228 ", text)
    tokens = [token[1] for token in TOKEN.finditer(text)]
    if len("".join(tokens)) != len("".join(text.split())):
        raise NotReadError
    in_capitals = _CAPITALS.intersection(tokens)
    tokens = [token.lower() if token in _CAPITALS else token for token in tokens]
    table = _signs(tokens, question)
    if table is None and in_capitals:
        table = LOGIC_SIGNS
    if table is None:
        return None
    if _is_chain(tokens, table, question):
        return None
    found = _Parser(tokens, table, joined=table.get("+") == "or").whole()
    kind = "sets" if "∩" in table else "logic"
    if found.kind == "name":
        return None
    names = list(found.names())
    # `V ⊕ V` may be a direct sum, which is not nothing.
    twice = "⊕" in tokens and len(set(names)) < len(names) and not _about_logic(question)
    if twice or _asks_for_a_form(question):
        return f"{kind} as written:{formulas.text_of(found)}"
    written = formulas.table_of(found)
    if len(set(names)) == 1 and written == formulas.table_of(Formula("name", names[0])):
        # `¬¬p` is `p`, which alone is no formula.
        return part(names[0])
    return None if written is None else f"{kind}:{written}"


def _signs(tokens: list[str], question: str) -> dict[str, str] | None:
    """Return the meanings of the signs of a text, by those that it has; `None` for prose."""
    found = set(tokens)
    logical = {token for token in found & LOGIC_SIGNS.keys() if not token.isalpha()}
    if _about_logic(question):
        logical |= found & (LOGIC_SIGNS.keys() | _ASKED_LOGIC.keys())
    if found & _SETS.keys() - {"∅"}:
        return None if logical else _SETS
    if _about_boolean(question) and not (logical - {"⊕"}):
        boolean = found & (_BOOLEAN.keys() | _CLOSING_NOTS | {"\\overline{", "\\bar{"})
        return _BOOLEAN if boolean - {"0", "1"} else None
    if logical:
        return LOGIC_SIGNS | _ASKED_LOGIC if _about_logic(question) else LOGIC_SIGNS
    sets = found & {"^c", "^C", "^\u2201", "\u1d9c"}
    return _SETS if sets and _is_about_sets(question) else None


def _is_chain(tokens: list[str], table: dict[str, str], question: str) -> bool:
    """Return whether arrows stand between steps, not between propositions."""
    arrows = sum(table.get(token) == "implies" for token in tokens)
    signs = sum(token in table for token in tokens)
    if not arrows or signs > arrows or "(" in tokens:
        return False
    return arrows > 1 or order.asked_order(question) is not None


@lru_cache(maxsize=64)
def _about_logic(question: str) -> bool:
    return _ABOUT_LOGIC.search(gist(question)) is not None


@lru_cache(maxsize=64)
def _about_boolean(question: str) -> bool:
    return _ABOUT_BOOLEAN.search(gist(question)) is not None


@lru_cache(maxsize=64)
def _is_about_sets(question: str) -> bool:
    return _ABOUT_SETS.search(gist(question)) is not None


@lru_cache(maxsize=64)
def _asks_for_a_form(question: str) -> bool:
    return _FORM.search(gist(question)) is not None


class _Parser:
    """Reads a formula without quantifiers from its tokens.

    Args:
        tokens: Signs and names.
        table: The meanings of the signs.
        joined: Whether what stands side by side is joined by "and".
    """

    def __init__(self, tokens: list[str], table: dict[str, str], *, joined: bool) -> None:
        self._tokens = [*tokens, ""]
        self._table = table
        self._joined = joined
        self._at = 0
        self._depth = 0

    def whole(self) -> Formula:
        """Return the formula that all of the tokens are."""
        found = self._formula()
        if self._next:
            raise NotReadError
        return found

    @property
    def _next(self) -> str:
        return self._tokens[self._at]

    def _kind(self) -> str:
        return self._table.get(self._next, "")

    def _take(self, kind: str) -> bool:
        if self._kind() != kind:
            return False
        self._at += 1
        return True

    def _formula(self) -> Formula:
        """Return what is joined by the weakest signs: of two without brackets nothing is sure."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotReadError
        found = self._alternatives()
        kind = self._kind()
        if kind in {"implies", "iff"}:
            self._at += 1
            found = Formula(kind, parts=(found, self._alternatives()))
            if self._kind() in {"implies", "iff"}:
                raise NotReadError
        self._depth -= 1
        return found

    def _alternatives(self) -> Formula:
        found = self._all_of()
        kinds: set[str] = set()
        while (kind := self._kind()) in {"or", "xor", "minus"}:
            self._at += 1
            kinds.add(kind)
            other = self._all_of()
            if kind == "minus":
                found = Formula("and", parts=(found, Formula("not", parts=(other,))))
            else:
                found = Formula(kind, parts=(found, other))
            if len(kinds) > 1 or (kind == "minus" and self._kind() == "minus"):
                raise NotReadError
        return found

    def _all_of(self) -> Formula:
        found = self._one()
        while self._take("and") or (self._joined and self._starts_one()):
            found = Formula("and", parts=(found, self._one()))
        return found

    def _starts_one(self) -> bool:
        token = self._next
        return token in {"(", "[", "\\overline{", "\\bar{"} or (
            _NAME.fullmatch(token) is not None and token not in self._table
        )

    def _one(self) -> Formula:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotReadError
        if self._take("not"):
            found = Formula("not", parts=(self._one(),))
        else:
            found = self._primary()
            while self._next in _CLOSING_NOTS:
                if self._table is not _SETS and self._table is not _BOOLEAN:
                    raise NotReadError
                self._at += 1
                found = Formula("not", parts=(found,))
        self._depth -= 1
        return found

    def _primary(self) -> Formula:
        token = self._next
        self._at += 1
        if token in {"(", "[", "\\overline{", "\\bar{"}:
            found = self._formula()
            if self._next != {"(": ")", "[": "]"}.get(token, "}"):
                raise NotReadError
            self._at += 1
            return found if token in {"(", "["} else Formula("not", parts=(found,))
        kind = self._table.get(token)
        if kind in {"true", "false"}:
            return Formula(kind)
        if kind is not None or not _NAME.fullmatch(token) or token in LOGIC_SIGNS:
            raise NotReadError
        return Formula("name", token.replace("_", "").translate(_LOWERED))


_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
