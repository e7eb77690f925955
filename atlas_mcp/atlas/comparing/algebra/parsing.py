"""From an expression of one line to its tree.

What people read in two ways, as `1/2x` and `sin x/2`, is not read at all.
"""

from __future__ import annotations

from fractions import Fraction

from atlas_mcp.atlas.comparing.algebra import nodes
from atlas_mcp.atlas.comparing.algebra.nodes import Node, NotReadable
from atlas_mcp.atlas.comparing.algebra.tokens import Token, tokens_of

MAX_DEPTH = 40
"""Brackets inside one another in the deepest expression that is read."""

_CLOSING = {"(": ")", "[": "]", "⌊": "⌋", "⌈": "⌉"}
_ROOTS = {"√": 2, "∛": 3, "∜": 4}
_ARGUMENTS = {"binom": 2, "gcd": 0, "lcm": 0, "max": 0, "min": 0}
"""Functions of several arguments: how many; 0 for any number."""

_INVERSES = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}
_CALLED = frozenset("fghFGHP")
"""Letters that are functions where a bracket follows them."""


def parse(text: str) -> Node:
    """Return the tree of an expression.

    Raises:
        NotReadable: The text is none, or can be read in two ways.
    """
    parser = _Parser(tokens_of(text))
    node = parser.sum()
    if parser.next.kind != "end":
        raise NotReadable
    return node


class _Words:
    """The words of an expression, and the place up to which they are read."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at: int = 0
        self._depth = 0
        self._bars = 0

    @property
    def next(self) -> Token:
        """The word that is read next."""
        return self._tokens[self._at]

    def _after_next(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self.next
        self._at += 1
        return token

    def _is(self, *signs: str) -> bool:
        return self.next.kind == "sign" and self.next.text in signs

    def _expect(self, sign: str) -> None:
        if not self._is(sign):
            raise NotReadable
        self._at += 1


class _Parser(_Words):
    """Reads words into a tree."""

    def sum(self) -> Node:
        """Read a sum."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotReadable
        parts: list[Node] = []
        sign = self._take().text if self._is("+", "-") else "+"
        while True:
            term = self._product()
            parts.append(nodes.negative(term) if sign == "-" else term)
            if not self._is("+", "-"):
                break
            sign = self._take().text
        self._depth -= 1
        return nodes.total(parts)

    def _product(self) -> Node:
        parts = self._side_by_side()
        while self._is("*", "/", "×"):
            sign = self._take().text
            more = self._divisor() if sign == "/" else self._side_by_side(signed=True)
            if sign == "×" and nodes.names_in(parts[-1]) and nodes.names_in(more[0]):
                # `u × v`, which may be a product of vectors.
                raise NotReadable
            parts += more
        return nodes.product(parts)

    def _divisor(self) -> list[Node]:
        """Read what is below a bar, and what stands apart behind it: `1/2 x`, but not `1/2x`."""
        glued = not self.next.spaced
        below = self._power()
        if not self._begins_factor():
            return [nodes.inverse(below)]
        if below[0] != "number" or not glued or not self.next.spaced or self._is("(", "["):
            raise NotReadable
        return [nodes.inverse(below), *self._side_by_side()]

    def _side_by_side(self, *, signed: bool = False) -> list[Node]:
        """Read factors that stand beside each other."""
        if signed and self._is("-"):
            self._at += 1
            return [nodes.number(-1), *self._side_by_side()]
        parts = [self._power()]
        while self._begins_factor():
            if self._is("[") and self._tokens[self._at - 1].kind == "name" and not self.next.spaced:
                # An element of a list, as `x[0]`.
                raise NotReadable
            parts.append(self._power())
        return parts

    def _begins_factor(self) -> bool:
        token = self.next
        if token.kind == "number":
            # `1 2`, `x 2`, `2 1/2`
            raise NotReadable
        if token.kind in ("name", "function"):
            return True
        return self._is("(", "[", "√", "∛", "∜", "⌊", "⌈") or (self._is("|") and not self._bars)

    def _power(self) -> Node:
        """Read a factor with its powers and factorials."""
        start = self.next
        base = self._primary()
        while self._is("!", "°"):
            if start.kind == "function" or (self._is("!") and self._after_next().text == "!"):
                raise NotReadable
            degrees = self._take().text == "°"
            base = nodes.function("degrees", base) if degrees else ("factorial", base)
        if self.next.kind == "script":
            base = nodes.power(base, _script(self._take()))
            if self._is("^", "!") or self.next.kind == "script":
                raise NotReadable
        elif self._is("^"):
            self._at += 1
            exponent = self._exponent(start)
            if exponent == nodes.number(1) and self._is("/"):
                # `x^1/2`, of which the exponent may be a half.
                raise NotReadable
            base = nodes.power(base, exponent)
        return base

    def _exponent(self, base: Token) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotReadable
        minus = False
        if self._is("+", "-"):
            minus = self._take().text == "-"
        first = self.next
        if first.kind == "function":
            raise NotReadable
        found = self._power()
        following = self.next
        glued = following.kind in ("name", "function") and not following.spaced
        if glued and (first.kind == "name" or (base.text == "e" or base.kind == "number")):
            # `e^2x`, `x^ab`
            raise NotReadable
        self._depth -= 1
        return nodes.negative(found) if minus else found

    def _primary(self) -> Node:
        token = self._take()
        if token.kind == "number":
            return nodes.number(token.value)
        if token.kind == "name":
            if self._is("(") and not self.next.spaced and self._is_call(token):
                return nodes.function(token.text, *self._bracketed_list())
            return nodes.name(token.text)
        if token.kind == "function":
            return self._function(token)
        if token.kind == "sign":
            return self._sign(token.text)
        raise NotReadable

    def _is_call(self, token: Token) -> bool:
        """Return whether a name before a bracket is a function: `f(x + 1)`, and `x(0)` too."""
        if token.text.rstrip("'") in _CALLED:
            return True
        following = self._tokens[self._at + 1 : self._at + 3]
        return (
            token.text not in nodes.CONSTANTS
            and len(following) == 2
            and following[0].kind in ("name", "number")
            and following[1].text == ")"
        )

    def _sign(self, sign: str) -> Node:
        if sign in _ROOTS:
            return self._root(_ROOTS[sign])
        if sign == "|":
            self._bars += 1
            inside = self.sum()
            self._expect("|")
            self._bars -= 1
            return nodes.function("abs", inside)
        if sign not in _CLOSING:
            raise NotReadable
        bars, self._bars = self._bars, 0
        inside = self.sum()
        self._expect(_CLOSING[sign])
        self._bars = bars
        if sign == "⌊":
            return nodes.function("floor", inside)
        return nodes.function("ceil", inside) if sign == "⌈" else inside

    def _root(self, degree: int) -> Node:
        bracketed = self._is("(")
        if not (bracketed or self.next.kind in ("number", "name")):
            raise NotReadable
        under = self._primary()
        apart = self.next.kind == "name" and self.next.spaced and under[0] == "number"
        clear = bracketed or not (
            (self.next.kind == "name" and not apart)
            or self.next.kind == "script"
            or self._is("(", "[", "^", "!", "|")
        )
        if not clear or (bracketed and (self._is("^", "!") or self.next.kind == "script")):
            # `√2x`, `√x^2`
            raise NotReadable
        return _root_of(under, degree)

    def _function(self, token: Token) -> Node:
        """Read what follows the name of a function."""
        exponent: Node | None = None
        if self.next.kind == "script":
            exponent = _script(self._take())
        elif self._is("^"):
            self._at += 1
            minus = self._is("-")
            self._at += int(minus)
            exponent = self._primary()
            exponent = nodes.negative(exponent) if minus else exponent
        arguments = self._arguments(token)
        called = token.text
        if exponent == nodes.number(-1):
            if called not in _INVERSES:
                raise NotReadable
            return nodes.function(_INVERSES[called], *arguments)
        value = _called(token, arguments)
        return value if exponent is None else nodes.power(value, exponent)

    def _arguments(self, token: Token) -> list[Node]:
        if self._is("("):
            arguments = self._bracketed_list()
            expected = _ARGUMENTS.get(token.text, 2 if token.text == "log" else 1)
            if expected == 0:
                clear = len(arguments) > 1
            elif token.text == "log":
                clear = len(arguments) == 1
            else:
                clear = len(arguments) == expected
            if not clear:
                raise NotReadable
            return arguments
        if token.text in _ARGUMENTS or token.text in ("root", "exp", "abs"):
            raise NotReadable
        return [self._bare_argument()]

    def _bracketed_list(self) -> list[Node]:
        self._expect("(")
        bars, self._bars = self._bars, 0
        found = [self.sum()]
        while self._is(","):
            self._at += 1
            found.append(self.sum())
        self._expect(")")
        self._bars = bars
        return found

    def _bare_argument(self) -> Node:
        """Read the argument of a function without brackets: `x`, `2x`, `x^2`, `|x|`, `√2`."""
        if self._is("|", "√"):
            found = self._primary()
        else:
            parts: list[Node] = []
            if self.next.kind == "number":
                parts.append(self._power())
            while self.next.kind == "name" and not (parts and self.next.spaced):
                parts.append(self._power())
            if not parts:
                raise NotReadable
            found = nodes.product(parts)
        if self.next.kind in ("name", "number") or self._is("/", "(", "[", "√", "!", "^", "|"):
            # `sin x/2`, `ln x y`
            raise NotReadable
        return found


def _script(token: Token) -> Node:
    text = token.text
    if text.lstrip("+-").isdigit():
        return nodes.number(int(text))
    letter = nodes.name(text[-1])
    return nodes.negative(letter) if text[0] == "-" else letter


def _root_of(under: Node, degree: int) -> Node:
    if degree == 2:
        return nodes.power(under, nodes.number(Fraction(1, 2)))
    return nodes.function("root", under, nodes.number(degree))


def _called(token: Token, arguments: list[Node]) -> Node:
    called = token.text
    if token.index:
        index = token.index
        base = nodes.number(Fraction(index)) if index[0].isdigit() and index.isdigit() else None
        if base is None:
            if len(index) > 1:
                raise NotReadable
            base = nodes.name(index)
        return nodes.function(called, arguments[0], base)
    if called == "sqrt":
        return _root_of(arguments[0], 2)
    if called == "cbrt":
        return _root_of(arguments[0], 3)
    if called == "exp":
        return nodes.power(nodes.name("e"), arguments[0])
    if called == "root":
        raise NotReadable
    return nodes.function("binomial" if called == "binom" else called, *arguments)
