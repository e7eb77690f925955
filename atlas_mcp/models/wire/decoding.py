"""Texts with the encodings in them undone, and the way back to the original.

Owns the escapes and gaps that are decoded: those of addresses, JSON, web pages and mail. Finds the
forms of secrets in a decoded text and replaces the part of the original that they came from.
`models.wire.masking` lists the forms of a secret.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from html import unescape

MASK = "***"
"""Stands where a secret stood."""

SHORTEST_REST = 8
"""Fewest characters of a secret's beginning that are masked at the end of a text, which may
have been cut within the secret."""

_LAYERS = 6
"""Nested encodings that are decoded; a backslash before a backslash counts as one."""

_UNSEEN = "\0\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\ufffd"
"""Invisible characters that may stand between those of a secret: UTF-16 that was read as another
code has a NUL after each character."""

_UNSEEN_BYTES = "|".join(
    re.escape(one.encode().decode("latin-1")) for one in _UNSEEN if not one.isascii()
)
"""The same characters as their percent-encoded bytes decode to, one by one."""

_WRITTEN = re.compile(
    r"%([0-9a-f]{2})"
    r"|\\u(?!0000[0-9a-f]{4})([0-9a-f]{4})|\\x([0-9a-f]{2})|\\([\"/'])"
    r"|(&(?:\#[0-9]{1,7};?|\#x[0-9a-f]{1,6};?|[a-z]{2,8};))"
    r"|\\(\\)"
    r"|\\u\{([0-9a-f]{1,6})\}|\\u(0000[0-9a-f]{4})"
    r"|=([0-9a-f]{2})|\\([0-3][0-7]{2})|(\\[nrt])",
    re.IGNORECASE,
)
"""A character as it stands in an address, in JSON or a program, in a web page, and in a mail."""

_GAP = re.compile(rf"=(?:\r?\n|(?:\\+r)?\\+n)|[{_UNSEEN}]|{_UNSEEN_BYTES}")
"""Soft line breaks and invisible characters, which may interrupt a text or an escape."""

_CODED = re.compile(rf"[%\\&={_UNSEEN}]|{_UNSEEN_BYTES}")
"""The first character of each gap and each escape: a text without any needs no decoding."""

_SQUEEZED: Mapping[int, str | None] = {
    **{ord(space): None for space in " \t\n\r\v\f" + _UNSEEN},
    **{code: chr(code).lower() for code in range(ord("A"), ord("Z") + 1)},
}
"""The form in which texts are compared: without white space and invisible characters, as lines may
be broken, and in small letters, as hosts and hexadecimal digits are written either way."""

_UNKEPT = re.compile(rf"[ \t\n\r\v\f{_UNSEEN}]")
"""The characters that a comparison ignores."""

_PIECE = 65_536
"""Characters that are searched at once. Our own choice: a piece takes some milliseconds, and other
threads get a turn only between two pieces."""

_CUT = re.compile(rf"[ ,.:_+()<>|{_UNSEEN}-]|[A-Za-z0-9]{{16}}|(?=[%&=])|(?<=[0-9A-Fa-f}}])(?=\\)")
"""A place where a text may be cut, behind the match: no gap and no escape lies on both sides."""

_LAST = sys.maxsize
"""A number larger than any position in a text."""


def squeezed(text: str) -> str:
    """Return a text in the form in which texts are compared; see `_SQUEEZED`."""
    if len(text) <= _PIECE:
        return text.translate(_SQUEEZED)
    pieces = range(0, len(text), _PIECE)
    return "".join(text[at : at + _PIECE].translate(_SQUEEZED) for at in pieces)


def _decoded(found: re.Match[str]) -> str:
    return _character(found[0])


@lru_cache(maxsize=4_096)
def _character(escape: str) -> str:
    """Return the character that an escape stands for."""
    found = _WRITTEN.fullmatch(escape)
    assert found is not None, "a match in a text is an escape by itself"
    code = found[1] or found[2] or found[3] or found[7] or found[8] or found[9]
    if code:
        number = int(code, 16)
        return chr(number) if number <= sys.maxunicode else found[0]
    if found[10]:
        return chr(int(found[10], 8))
    if found[11]:
        return ""
    return found[4] or found[6] or unescape(found[5])


def holds_whole(text: str, forms: Sequence[str]) -> bool:
    """Return whether any form stands in a text in full, and not only its beginning at the end."""
    return any(_is_in(plain, forms) for plain in readings(text))


def _is_in(plain: str, forms: Sequence[str]) -> bool:
    return any(form in plain for form in forms)


def readings(text: str) -> Iterator[str]:
    """Yield a text as it is compared, decoded again and again until it stays as it is."""
    for _ in range(_LAYERS):
        yield squeezed(text)
        if _CODED.search(text) is None:
            return
        decoded = _Decoded(text)
        if decoded.text == text:
            return
        text = decoded.text


def _pieces(text: str) -> list[str]:
    """Return a text in pieces that can be decoded one by one with the same result."""
    if len(text) <= _PIECE:
        return [text]
    found: list[str] = []
    done = 0
    while len(text) - done > _PIECE and (cut := _CUT.search(text, done + _PIECE)) is not None:
        found.append(text[done : cut.end()])
        done = cut.end()
    return [*found, text[done:]]


def _rest(plain: str, form: str) -> int:
    """Return how many characters at the end of a text are the beginning of a form."""
    if len(form) <= SHORTEST_REST:
        return 0
    at = plain.rfind(form[:SHORTEST_REST], max(0, len(plain) - len(form)))
    return len(plain) - at if at != -1 and form.startswith(plain[at:]) else 0


def with_masks(text: str, forms: Sequence[str]) -> str:
    """Return text without the forms in it, which are searched in the text and its decodings."""
    found: list[tuple[int, int]] = []
    way_back: list[_Decoded] = []
    now = text
    for _ in range(_LAYERS):
        for place in _places(now, forms):
            start, end = place
            for decoded in reversed(way_back):
                start, end = decoded.origin(start, end)
            found.append((start, end))
        if _CODED.search(now) is None:
            break
        decoded = _Decoded(now)
        if decoded.text == now:
            break
        way_back.append(decoded)
        now = decoded.text
    pieces: list[str] = []
    done = 0
    for start, end in sorted(found):
        if start >= done:
            pieces += [text[done:start], MASK]
        done = max(done, end)
    return "".join([*pieces, text[done:]])


def _places(text: str, forms: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places of forms in a text as start and end; overlapping ones are joined."""
    plain = squeezed(text)
    found: list[tuple[int, int]] = []
    for form in forms:
        # Nearly every text ends this search here, for every form.
        if form[:SHORTEST_REST] not in plain:
            continue
        at = plain.find(form)
        while at != -1:
            # Overlaps are joined at once: a secret like "aaaaaa" may match nearly everywhere.
            start, end = at, at + len(form)
            if found and found[-1][0] <= at < found[-1][1]:
                start, end = found[-1][0], max(end, found.pop()[1])
            found.append((start, end))
            at = plain.find(form, at + 1)
        if rest := _rest(plain, form):
            found.append((len(plain) - rest, len(plain)))
    if not found:
        return []
    joined: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    kept = _Replaced(text, _UNKEPT, None)
    return [kept.origin(start, end) for start, end in joined]


class _Replaced:
    """A text with something in place of each match of a pattern.

    The text is made piece by piece. The original place of a character is computed from its piece
    when it is asked for, as few places are needed of a text that may have millions.

    Args:
        text: The original text.
        pattern: Matches the parts to replace.
        by: Returns the replacement of a match; `None` removes the matches.

    Attributes:
        text: The text after the replacement.
    """

    def __init__(
        self, text: str, pattern: re.Pattern[str], by: Callable[[re.Match[str]], str] | None
    ) -> None:
        self._before, self._pattern, self._by = text, pattern, by
        self._origins, self._starts = [0], [0]
        made: list[str] = []
        for piece in _pieces(text):
            made.append(pattern.sub(by or "", piece))
            self._origins.append(self._origins[-1] + len(piece))
            self._starts.append(self._starts[-1] + len(made[-1]))
        self.text = "".join(made)
        self._open = -1
        self._moves: list[tuple[int, int, int, int]] = []

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the original of a part of the text, which must not be empty.

        A part at the end of the text includes the rest of the original.
        """
        at_end = end == len(self.text)
        return self._of(start)[0], len(self._before) if at_end else self._of(end - 1)[1]

    def _of(self, at: int) -> tuple[int, int]:
        """Return the start and the end in the original of the character at a place."""
        number = bisect_right(self._starts, at) - 1
        if number != self._open:
            self._open, self._moves = number, self._moves_in(number)
        latest = bisect_right(self._moves, (at, _LAST)) - 1
        _, end, origin, origin_end = self._moves[latest]
        if at < end:
            return origin, origin_end
        return origin_end + at - end, origin_end + at - end + 1

    def _moves_in(self, number: int) -> list[tuple[int, int, int, int]]:
        """Return the replacements in a piece: start and end in the text, then in the original."""
        at, origin = self._starts[number], self._origins[number]
        moves = [(at, at, origin, origin)]
        shrunk = origin - at
        piece = self._before[origin : self._origins[number + 1]]
        for found in self._pattern.finditer(piece):
            start, end = origin + found.start(), origin + found.end()
            begin = start - shrunk
            shrunk += end - start - (0 if self._by is None else len(self._by(found)))
            moves.append((begin, end - shrunk, start, end))
        return moves


class _Decoded:
    """A text without the gaps in it, and with each escape decoded."""

    def __init__(self, text: str) -> None:
        self._closed = _Replaced(text, _GAP, None)
        self._written = _Replaced(self._closed.text, _WRITTEN, _decoded)
        self.text = self._written.text

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the original of a part of the text, which must not be empty."""
        return self._closed.origin(*self._written.origin(start, end))
