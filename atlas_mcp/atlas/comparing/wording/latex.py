"""LaTeX taken off mathematical text: commands become signs, fractions and powers one line.

What changes a meaning stays as it is: an overline, a dot, an arrow above a letter. A text with a
command that is not known is handed back unchanged, since it may be a path or a pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from atlas_mcp.atlas.comparing.wording import latex_signs as signs

MAX_DEPTH = 40
"""Groups inside one another in the deepest text that is read."""

MAX_CHARS = 2_000
"""Characters of the longest text that is read."""

_LATEX = re.compile(r"\\[^\W\d]|\\[^\w\s]|[\^_]\{|\$|\{,\}")
_ATOM = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SHORT_POWER = re.compile(r"-?\d+|\d*[+-]|[^\W\d_]|-[^\W\d_]|\*")
_SHORT_INDEX = re.compile(r"\w+|[+-]")
_CHOOSE = "\ue003"
"""Stands between the two numbers of a choice until their braces are read: of no other use."""

_COMMAND = re.compile(r"[A-Za-z]+|.", re.DOTALL)
_BEFORE = "+-−=<>≤≥≠≈,;:([{|±∓·*×→⇒∪∩∈"
_AFTER = "+-−=<>≤≥≠≈,;:.)]}|±∓→⇒∪∩·*×…?"


class _NotRead(Exception):
    """The text is none that can be read."""


@dataclass(frozen=True, slots=True)
class _Fraction:
    top: str
    bottom: str


@dataclass(frozen=True, slots=True)
class _Root:
    sign: str
    under: str


@dataclass(frozen=True, slots=True)
class _Script:
    sign: str
    content: str


@dataclass(frozen=True, slots=True)
class _Styled:
    text: str


@dataclass(frozen=True, slots=True)
class _Function:
    name: str


_Piece: TypeAlias = str | _Fraction | _Root | _Script | _Styled | _Function


def plain(text: str) -> str:
    r"""Return mathematical text without the dress of LaTeX; any other text as it is.

    The delimiters of mathematics go where they stand in pairs. `\frac{1}{2}` becomes `1/2`, in
    brackets where something beside it would change its meaning; `x^{12}` becomes `x^12`, and
    `x^{a+b}` becomes `x^(a+b)`.
    """
    if len(text) > MAX_CHARS or not _LATEX.search(text):
        return text
    try:
        found = "".join(
            _Reader(part).whole() if _LATEX.search(part) else part for part in _parts(text)
        )
    except _NotRead:
        return text
    return " ".join(found.split())


_PAIRS = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"))


def _parts(text: str) -> list[str]:
    """Return the parts of a text inside and outside of the delimiters of mathematics."""
    parts: list[str] = []
    start = at = 0
    never_closed: set[str] = set()
    while at < len(text):
        for opening, closing in _PAIRS if text[at] in "$\\" else ():
            if opening in never_closed or not text.startswith(opening, at):
                continue
            end = text.find(closing, at + len(opening))
            if end < 0:
                never_closed.add(opening)
            if end < 0 or not _is_math(text, at + len(opening), end, opening):
                continue
            parts += [text[start:at], text[at + len(opening) : end].strip()]
            start = at = end + len(closing)
            break
        else:
            # An escaped sign, `\$` above all, opens nothing.
            at += 2 if text[at] == "\\" else 1
    parts.append(text[start:])
    return [part for part in parts if part]


def _is_math(text: str, start: int, end: int, opening: str) -> bool:
    """Return whether a part between two signs is mathematics, and not between two prices."""
    if opening != "$":
        return start < end
    if start == end or text[end - 1] == "\\" or text[end + 1 : end + 2].isdigit():
        return False
    whole = start == 1 and end == len(text) - 1
    return whole or not (text[start].isspace() or text[end - 1].isspace())


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> str:
        """Return the whole of the text, read."""
        found = self._until("")
        if self._at < len(self._text):
            raise _NotRead
        return found

    def _until(self, closing: str) -> str:
        """Return what stands before a closing sign, which is passed; or before the end."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _NotRead
        pieces: list[_Piece] = []
        while True:
            if self._at >= len(self._text):
                if closing:
                    raise _NotRead
                break
            sign = self._text[self._at]
            if sign == closing:
                self._at += 1
                break
            pieces.append(self._piece(sign))
        self._depth -= 1
        return _joined(pieces)

    def _piece(self, sign: str) -> _Piece:
        start = self._at
        self._at += 1
        if sign == "\\":
            return self._command()
        if sign in "^_":
            return self._script(sign)
        if sign == "~":
            return " "
        if sign == "}":
            raise _NotRead
        if sign == "{":
            content = self._until("}")
            return self._group(content, start)
        return sign

    def _group(self, content: str, start: int) -> str:
        """Return what stands in braces: a set keeps them, a group does not need them."""
        if content == ",":
            return ","
        if content.count(_CHOOSE) == 1:
            above, _, below = content.partition(_CHOOSE)
            return f"binom({above.strip()}, {below.strip()})"
        whole = start == 0 and self._at == len(self._text)
        if whole or any(sign in content for sign in ",;|:"):
            return "{" + content + "}"
        return content if _ATOM.fullmatch(content) or not content else f"({content})"

    def _command(self) -> _Piece:
        match = _COMMAND.match(self._text, self._at)
        if match is None:
            raise _NotRead
        name = match[0]
        self._at = match.end()
        if name == "\\":
            return "\\\\"
        if name in signs.SPACES:
            return " "
        if name in signs.IGNORED:
            self._pass_empty_delimiter(name)
            return ""
        if name == "{" and "\\}" not in self._text:
            # `ℝ\{0}` in plain text: a set taken away, not a brace.
            return "∖{" + self._until("}") + "}"
        if name in signs.SIGNS:
            return signs.SIGNS[name]
        if name in signs.FUNCTIONS:
            return _Function(name)
        return self._with_arguments(name)

    def _with_arguments(self, name: str) -> _Piece:
        if name in signs.STYLES:
            return _Styled(self._argument())
        if name == "operatorname":
            if self._text.startswith("*", self._at):
                self._at += 1
            return _Function(self._argument().strip())
        if name in signs.FRACTIONS:
            return _Fraction(self._argument(), self._argument())
        if name in signs.BINOMIALS:
            return f"binom({self._argument()}, {self._argument()})"
        if name == "sqrt":
            return self._root()
        if name in signs.SKIPPED:
            self._argument()
            return " "
        if name == "choose" and self._depth > 1:
            return _CHOOSE
        if name == "pmod":
            return f" (mod {self._argument()})"
        if name == "not":
            return self._denied()
        if name in signs.ACCENTS:
            return _accented(name, self._argument())
        raise _NotRead

    def _pass_empty_delimiter(self, name: str) -> None:
        if name in ("left", "right") and self._text.startswith(".", self._at):
            self._at += 1

    def _denied(self) -> str:
        denied = {"=": "≠", "∈": "∉", "∃": "∄", "⊂": "⊄", "⊆": "⊈", "≡": "≢"}
        found = denied.get(self._argument())
        if found is None:
            raise _NotRead
        return found

    def _root(self) -> _Piece:
        index = ""
        if self._text.startswith("[", self._at):
            self._at += 1
            index = self._until("]").strip()
        under = self._argument()
        sign = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(index)
        if sign is None:
            named = index if _SHORT_INDEX.fullmatch(index) else f"({index})"
            return f"root_{named}({under})"
        return _Root(sign, under)

    def _argument(self) -> str:
        """Return the argument of a command: a group, a command with its own, or one sign."""
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1
        if self._at >= len(self._text):
            raise _NotRead
        sign = self._text[self._at]
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _NotRead
        self._at += 1
        if sign == "{":
            found = self._until("}")
        elif sign == "\\":
            found = _joined([self._command()])
        else:
            found = sign
        self._depth -= 1
        return found

    def _script(self, sign: str) -> _Piece:
        if sign == "^":
            number = _NUMBER.match(self._text, self._at)
            if number is not None:
                # In one line people write `x^12` for the twelfth power.
                self._at = number.end()
                return _Script(sign, number[0])
        content = self._argument().strip()
        if sign == "^" and content == "∘":
            return "°"
        if sign == "^" and content and not content.strip("′'"):
            return "′" * len(content)
        return _Script(sign, content)


def _accented(name: str, content: str) -> str:
    if name == "mathbb" and content in signs.NUMBER_SETS:
        return signs.NUMBER_SETS[content]
    if name == "mathcal" and content == "O":
        return "O"
    return f"\\{name}{{{content}}}"


def _joined(pieces: list[_Piece]) -> str:
    """Return pieces as one text, with brackets where their neighbours would change a meaning."""
    text = ""
    after = ""
    for piece in reversed(pieces):
        # From the right, so that the text after a piece is known.
        found = _written(piece, after)
        text = found + text
        after = text
        if isinstance(piece, _Styled) and (found[:1].isspace() or found[:1].isalpha()):
            # Words after a fraction are its unit, not a factor of its denominator.
            after = "%" + text
    return _open_fractions_before(text)


_MARK = "\ue000"
"""Stands before a fraction whose brackets depend on what is before it; private use in Unicode."""

_MARKED = re.compile(_MARK + "([^" + _MARK + "\ue001]*)\ue001")


def _written(piece: _Piece, after: str) -> str:
    if isinstance(piece, str):
        return piece
    if isinstance(piece, _Styled):
        return piece.text
    if isinstance(piece, _Function):
        return _function(piece.name, after)
    if isinstance(piece, _Script):
        return _script(piece, after)
    after = after.lstrip()
    if isinstance(piece, _Root):
        bare = f"{piece.sign}{piece.under}"
        if after[:1] in ("^", "!"):
            return f"({bare})" if _ATOM.fullmatch(piece.under) else f"({piece.sign}({piece.under}))"
        follows = after[:1].isalnum() or after[:1] in ("(", ".")
        simple = _ATOM.fullmatch(piece.under) and not follows
        return bare if simple else f"{piece.sign}({piece.under})"
    bare = f"{_operand(piece.top)}/{_operand(piece.bottom)}"
    if not after or after[0] in _AFTER or after[0] in "%°":
        return f"{_MARK}{bare}\ue001"
    return f"({bare})"


def _function(name: str, after: str) -> str:
    closed = not after or after[0] in "(^_ )},;]|"
    return f"\ue002{name}" if closed else f"\ue002{name} "


def _script(piece: _Script, after: str) -> str:
    short = _SHORT_POWER if piece.sign == "^" else _SHORT_INDEX
    last, following = piece.content[-1:], after[:1]
    joins = (last.isdigit() and following.isdigit()) or (
        piece.sign == "_" and last.isalpha() and following.isalnum()
    )
    if short.fullmatch(piece.content) and not joins:
        return f"{piece.sign}{piece.content}"
    return f"{piece.sign}({piece.content})"


def _operand(text: str) -> str:
    text = text.strip()
    return text if _ATOM.fullmatch(text) else f"({text})"


def _open_fractions_before(text: str) -> str:
    """Return a text in which the marks of fractions and functions have become brackets and spaces.

    A fraction of two whole numbers after a whole number is a mixed number.
    """
    found: list[str] = []
    at = 0
    last = ""
    for match in _MARKED.finditer(text):
        found.append(text[at : match.start()])
        last = (last + found[-1]).rstrip()[-1:]
        bare = match[1]
        if not last or last in _BEFORE:
            found.append(bare)
        elif last.isdigit() and re.fullmatch(r"\d+/\d+", bare):
            found.append(" " + bare)
        else:
            found.append(f"({bare})")
        last = found[-1][-1]
        at = match.end()
    found.append(text[at:])
    joined = "".join(found)
    return re.sub(r"(?<=[^\W\d_])\ue002", " ", joined).replace("\ue002", "")
