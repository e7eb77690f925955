r"""Bounds of growth: `O(n log n)`, `\Theta(n^2)`, `Ω(V + E)`.

Constant factors, the bases of logarithms and terms that others outgrow do not count where the
question is about costs or growth; elsewhere `O(2n)` may be a group of rotations, and all is kept.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.gathered import growth
from atlas_mcp.atlas.comparing.gathered.growth import Atom, NotReadError, Sum
from atlas_mcp.atlas.comparing.gathered.order import gist

MAX_CHARS = 120
"""Characters of the longest bound that is read."""

MAX_DEPTH = 12
"""Parentheses in one another in a bound that is read."""

_BOUND = re.compile(
    r"(?P<sign>\\mathcal ?\{?O\}?|\\mathrm\{O\}|\\(?:Theta|Omega|omega)|\\tilde ?\{?O\}?"
    r"|[OoΘΩωÕ\U0001d4aa]|[Tt]heta|Omega|[Bb]ig[- ]?(?:O|Theta|Omega))"
    r" ?(?:\\left ?)?\((?P<inner>.*)\)"
)
_SIGNS = {
    "\\mathcal O": "O", "\\mathcalO": "O", "\\mathrmO": "O", "\U0001d4aa": "O",
    "BigO": "O", "bigO": "O",
    "\\Theta": "Θ", "Theta": "Θ", "theta": "Θ", "BigTheta": "Θ", "bigTheta": "Θ",
    "\\Omega": "Ω", "Omega": "Ω",
    "BigOmega": "Ω", "bigOmega": "Ω", "\\omega": "ω", "\\tilde O": "Õ", "\\tildeO": "Õ",
}  # fmt: skip
_COSTS = re.compile(
    r"\bcomplexity\b|\brun(?:s|ning)?[- ]?time\b|\basymptotic|\bbig[- ]?(?:O\b|oh\b|theta|omega)"
    r"|\balgorithm|\bgrow(?:s|th)?\b|\bhow fast\b|\bworst[- ]case\b|\bbest[- ]case\b"
    r"|\baverage case\b|\bamorti[sz]ed\b|\brecurrence\b|\blandau\b|\bcost\b"
    r"|laufzeit|complejidad|complexité",
    re.IGNORECASE,
)
_EXACT = re.compile(
    r"\bexact(?:ly)? (?:number|count)|\blower[- ]order terms\b|\bconstant factors?\b", re.IGNORECASE
)
_DRESS = (
    (re.compile(r"\\(?:left|right|displaystyle|[,;:! ])"), " "),
    (re.compile(r"\\(?:cdot|times|ast)(?![a-zA-Z])|[\u00b7\u00d7\u2219\u22c5]"), "*"),
    (re.compile(r"\\(?:lVert|rVert|lvert|rvert|vert)\b"), "|"),
    (re.compile(r"\\(?:text|mathrm|operatorname|mathit) ?\{ ?(\w{1,12}) ?\}"), r" \1 "),
    (re.compile(r"\|(\w{1,12})\|"), r"\1"),
    (re.compile(r"\\d?frac ?\{([^{}]*)\} ?\{([^{}]*)\}"), r"((\1)/(\2))"),
    (re.compile(r"\\sqrt ?\[(\d)\] ?\{([^{}]*)\}"), r"((\2)^(1/\1))"),
    (re.compile(r"\\(log|ln|lg|sqrt|max|min)(?![a-zA-Z])"), r" \1 "),
    (re.compile(r"√"), " sqrt "),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"[{\[]"), "("),
    (re.compile(r"[}\]]"), ")"),
    (re.compile(r"\u2212"), "-"),
)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_TOKEN = re.compile(r" *(\d{1,9}(?:\.\d{1,9})?|[a-zA-Z]+|[\u03b1-\u03c9]|[-+*/^!(),_])")
_FUNCTIONS = ("log", "sqrt", "max", "min", "ln", "lg")
_LOGS = frozenset({"log", "ln", "lg"})
_TIME = re.compile(r" time$")
_SURELY_GROWTH = re.compile(r"log|lg|ln|\^|[²³]|[nNmkVE]\s*\+")
_MAY_BE_SMALL = re.compile(r"[xhtεδ]")


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a text that is a bound of growth."""
    if len(text) > MAX_CHARS:
        return None
    text = text.strip().rstrip(".")
    if "time" in asked.question:
        text = _TIME.sub("", text)
    match = _BOUND.fullmatch(text)
    if match is None:
        return None
    sign = re.sub(r"[- {}]", "", match["sign"])
    by_growth = _about_costs(asked.question) or _is_growth(match["inner"])
    try:
        found = _Parser(_tokens(match["inner"]), by_growth=by_growth).whole()
        if by_growth:
            found = growth.leading(found)
    except NotReadError:
        return None
    return f"bound:{_SIGNS.get(sign, sign)}({growth.text_of(found)})"


@lru_cache(maxsize=64)
def _about_costs(question: str) -> bool:
    return _COSTS.search(gist(question)) is not None and _EXACT.search(gist(question)) is None


def _is_growth(inner: str) -> bool:
    """Return whether a bound is one of growth, whatever was asked.

    `O(2n)` may be a group, and a variable that goes to zero makes the lowest power the largest.
    """
    return _SURELY_GROWTH.search(inner) is not None and _MAY_BE_SMALL.search(inner) is None


def _tokens(text: str) -> list[str]:
    for pattern, plain in _DRESS:
        text = pattern.sub(plain, text)
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: f"^({found[0].translate(_RAISED)})", text)
    text = re.sub("[₀₁₂₃₄₅₆₇₈₉]+", lambda found: f"_{found[0].translate(_LOWERED)}", text)
    tokens: list[str] = []
    place = 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise NotReadError
        tokens.extend(_words(match[1]) if match[1].isascii() and match[1].isalpha() else [match[1]])
        place = match.end()
    return tokens


def _words(letters: str) -> list[str]:
    """Return the names that letters without a space between them stand for.

    A word with a vowel in it is one name, as in `O(size)`; others are a product, as in `O(nm)`.
    """
    for function in _FUNCTIONS:
        before, found, after = letters.partition(function)
        if found and len(before) <= 2:
            return [*before, function, *(_words(after) if after else ())]
    if len(letters) > 2 and re.search("[aeiou]", letters):
        return [letters]
    return list(letters)


class _Parser:
    """Reads a sum from its tokens.

    Args:
        tokens: Numbers, names, functions and signs.
        by_growth: Whether constant factors do not count.
    """

    def __init__(self, tokens: list[str], *, by_growth: bool) -> None:
        self._by_growth = by_growth
        self._in_exponent = False
        self._tokens = [*tokens, ""]
        self._at = 0
        self._depth = 0

    def whole(self) -> Sum:
        """Return the sum that all of the tokens are."""
        found = self._sum()
        if self._next:
            raise NotReadError
        return found

    @property
    def _next(self) -> str:
        return self._tokens[self._at]

    def _take(self, token: str) -> bool:
        if self._next != token:
            return False
        self._at += 1
        return True

    def _need(self, token: str) -> None:
        if not self._take(token):
            raise NotReadError

    def _sum(self) -> Sum:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotReadError
        terms = [self._product()]
        while self._next in {"+", "-"}:
            minus = self._take("-") or not self._take("+")
            term = self._product()
            terms.append(growth.multiply(growth.constant(Fraction(-1)), term) if minus else term)
        self._depth -= 1
        return growth.add(terms)

    def _product(self) -> Sum:
        found = self._power()
        while True:
            if self._take("*"):
                found = growth.multiply(found, self._power())
            elif self._take("/"):
                found = growth.multiply(found, growth.power(self._power(), Fraction(-1)))
                if self._starts_factor():
                    # `1/2 n` is read in two ways.
                    raise NotReadError
            elif self._next[:1].isdigit():
                # `n2` may be a square.
                raise NotReadError
            elif self._starts_factor():
                found = growth.multiply(found, self._power())
            else:
                return found

    def _starts_factor(self) -> bool:
        return self._next == "(" or self._next[:1].isalnum()

    def _power(self) -> Sum:
        base = self._primary()
        while self._take("!"):
            base = growth.factor(
                Atom("factorial", growth.text_of(base), growth.variable_of(base), 4)
                if base == _variable(growth.variable_of(base))
                else Atom("factorial", growth.text_of(base))
            )
        if not self._take("^"):
            return base
        return _raised(base, self._exponent())

    def _exponent(self) -> Sum:
        if self._take("-"):
            return growth.multiply(growth.constant(Fraction(-1)), self._exponent())
        outer, self._in_exponent = self._in_exponent, True
        found = self._primary()
        self._in_exponent = outer
        if self._next in {"^", "!"}:
            raise NotReadError
        return found

    def _primary(self) -> Sum:
        token = self._next
        self._at += 1
        if token == "(":
            found = self._sum()
            self._need(")")
            return found
        if token[:1].isdigit():
            return growth.constant(Fraction(token))
        if token in _LOGS:
            return self._logarithm(token)
        if token == "sqrt":
            return growth.power(self._primary(), Fraction(1, 2))
        if token in {"max", "min"}:
            return self._extreme(token)
        if not token.isalpha():
            raise NotReadError
        if self._take("_"):
            token = f"{token}_{self._subscript()}"
        return _variable(token)

    def _subscript(self) -> str:
        if self._take("("):
            found = self._subscript()
            self._need(")")
            return found
        if not self._next.isalnum():
            raise NotReadError
        self._at += 1
        return self._tokens[self._at - 1]

    def _extreme(self, name: str) -> Sum:
        self._need("(")
        members = {growth.text_of(self._sum())}
        while self._take(","):
            members.add(growth.text_of(self._sum()))
        self._need(")")
        return growth.factor(Atom(name, ", ".join(sorted(members))))

    def _logarithm(self, name: str) -> Sum:
        base = {"ln": "e", "lg": "2"}.get(name, "")
        if self._take("_"):
            base = self._subscript()
        exponent = Fraction(1)
        if self._take("^"):
            value = growth.value_of(self._exponent())
            if value is None:
                raise NotReadError
            exponent = value
        closed = self._next == "("
        argument = self._primary()
        if not closed and (
            self._next in {"^", "!", "("} or (self._next[:1].isalnum() and self._next not in _LOGS)
        ):
            # `log n^2` and `log nm` are read in two ways.
            raise NotReadError
        if self._in_exponent:
            return growth.power(_kept_log(argument, base), exponent)
        # A logarithm to another base has another constant factor.
        base = "" if base.isdigit() or base == "e" else base
        found = _log(argument, base) if self._by_growth else _kept_log(argument, base)
        return growth.power(found, exponent)


def _variable(name: str) -> Sum:
    return growth.factor(Atom("name", name, name, 2))


def _log(argument: Sum, base: str) -> Sum:
    """Return a logarithm as a sum of simpler ones, up to a constant factor."""
    if growth.value_of(argument) is not None:
        return growth.constant(Fraction(1))
    leading = growth.leading(argument)
    if len(leading) > 1:
        return _kept_log(leading, base)
    ((monomial, _),) = leading.items()
    return growth.add(_factor_log(atom, exponent, base) for atom, exponent in monomial)


def _factor_log(atom: Atom, exponent: Fraction, base: str) -> Sum:
    argument = growth.factor(atom)
    if exponent < 0 or atom.kind == "exp":
        raise NotReadError
    if atom.kind == "factorial" and atom.of:
        name = _variable(atom.of)
        return growth.multiply(name, _kept_log(name, base))
    return growth.multiply(growth.constant(exponent), _kept_log(argument, base))


def _kept_log(argument: Sum, base: str) -> Sum:
    of = growth.variable_of(argument)
    if of and argument == _variable(of):
        return growth.factor(Atom("log", f"{base}, {of}", of, 1))
    if of and argument == growth.factor(Atom("log", f"{base}, {of}", of, 1)):
        return growth.factor(Atom("log", f"{base}, log {of}", of, 0))
    return growth.factor(Atom("log", f"{base}, {growth.text_of(argument)}"))


def _exponential(base: Fraction, exponent: Sum) -> Sum:
    of = growth.variable_of(exponent)
    times = next(iter(exponent.values()))
    if (
        of
        and times.denominator == 1
        and exponent == growth.multiply(growth.constant(times), _variable(of))
    ):
        raised = growth.value_of(growth.power(growth.constant(base), times))
        if raised is not None:
            return growth.factor(Atom("exp", f"{raised}, {of}", of, 3, raised))
    return growth.factor(Atom("exp", f"{base}, {growth.text_of(exponent)}"))


def _raised(base: Sum, exponent: Sum) -> Sum:
    value = growth.value_of(exponent)
    if value is not None:
        return growth.power(base, value)
    number = growth.value_of(base)
    if number is not None and number.denominator == 1 and number > 0:
        # `2^(n+1)` is twice `2^n`, and `2^(2n)` is `4^n`.
        added = exponent.get(growth.ONE, Fraction(0))
        if added.denominator == 1:
            outside = growth.power(base, added)
            exponent = {one: times for one, times in exponent.items() if one != growth.ONE}
        else:
            outside = growth.constant(Fraction(1))
        return growth.multiply(outside, _exponential(number, exponent))
    return growth.factor(Atom("exp", f"{growth.text_of(base)}, {growth.text_of(exponent)}"))
