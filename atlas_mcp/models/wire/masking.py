"""What nobody may be told, taken out of texts however it is written there.

Owns what counts as a secret of a request, the ways in which one may be written, and the log of the
vendors' clients. A text is decoded in each of the usual ways, one upon the other; what stood for a
secret in it is blotted out. Every text of an endpoint comes through
`models.wire.connections`, which calls this module.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from base64 import b32encode, b64decode, b64encode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from typing import Any, TypeVar, cast
from urllib.parse import quote_plus, unquote, urlsplit
from weakref import WeakSet

from typing_extensions import override

BLOT = "***"
"""Stands where a secret stood."""

SHORTEST = 6
"""Characters of a secret that is looked for within words and in every form; a shorter one is found
there by chance, and is blotted out where it stands alone."""

SHORTEST_IN_REPLIES = 16
"""Characters of a secret that is looked for in what a model says: a word of one's own choice, as
servers at home have for a key, may stand there for itself."""

SHORTEST_REST = 8
"""Characters of a secret that a text breaks off in."""

MOST_SECRETS = 64
"""Secrets of one way that are remembered: tokens that are renewed are many, in time."""

_SEALS = ("signature", "thought_signature", "encrypted_content")
"""Where the seal of a part of a message is. Source: the Messages API's thinking, Gemini's thoughts
in Chat Completions, OpenRouter's `reasoning_details` (read 2026-11-28)."""

_SEALED = frozenset({"redacted_thinking", "reasoning.encrypted"})
"""Parts that are nothing but sealed."""

_LAYERS = 6
"""Encodings upon each other that are seen through; a backslash before a backslash is one."""

_PLAIN_NAMES = frozenset(
    {
        "accept",
        "accept-encoding",
        "anthropic-beta",
        "anthropic-version",
        "connection",
        "content-length",
        "content-type",
        "host",
        "http-referer",
        "openai-beta",
        "transfer-encoding",
        "user-agent",
        "x-title",
    }
)
"""Headers that hold nothing to keep to oneself."""

_LOGGERS = ("anthropic", "openai", "httpx2", "httpcore2", "httpx", "httpcore")
"""Who logs what passes through the vendors' clients, told to by variables of theirs."""

_UNSEEN = "\0\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\ufffd"
"""What is between the characters of a text without being seen: of UTF-16 that was taken for another
code it is every other one."""

_UNSEEN_BYTES = "|".join(
    re.escape(one.encode().decode("latin-1")) for one in _UNSEEN if not one.isascii()
)
"""The same as the bytes of an address give it, one by one."""

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
"""What stands within a text, or within an escape, without belonging to it."""

_CODED = re.compile(rf"[%\\&={_UNSEEN}]|{_UNSEEN_BYTES}")
"""What each gap and each escape begins with: a text without it is what it is."""

_SQUEEZED: Mapping[int, str | None] = {
    **{ord(space): None for space in " \t\n\r\v\f" + _UNSEEN},
    **{code: chr(code).lower() for code in range(ord("A"), ord("Z") + 1)},
}
"""How texts are compared: without white space and what is not seen, for lines may be broken, and in
small letters, as the hosts of addresses and the digits of codes are written either way."""

_UNKEPT = re.compile(rf"[ \t\n\r\v\f{_UNSEEN}]")
"""What a text is compared without."""

_PIECE = 65_536
"""Characters that are looked through at once. Our own choice: it takes some milliseconds, and only
between two pieces do other threads get a turn."""

_CUT = re.compile(rf"[ ,.:_+()<>|{_UNSEEN}-]|[A-Za-z0-9]{{16}}|(?=[%&=])|(?<=[0-9A-Fa-f}}])(?=\\)")
"""Where a text may be cut, behind what is found: no gap and no escape is on both sides."""

_LAST = sys.maxsize
"""Stands behind every place of a text."""

_T = TypeVar("_T")


@dataclass(slots=True, weakref_slot=True, eq=False, repr=False)
class Secrets:
    """What may not be told of the requests that take one way."""

    _forms: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def __post_init__(self) -> None:
        _ALL.add(self)

    def add(self, *secrets: str) -> None:
        """Take note of secrets."""
        for secret in secrets:
            if secret and secret not in self._forms:
                self._forms[secret] = tuple(dict.fromkeys(_forms(secret)))
        for secret in list(self._forms)[:-MOST_SECRETS]:
            del self._forms[secret]

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Take note of what the headers of a request hold that nobody else may read."""
        for name, value in headers.items():
            if name.lower() in _PLAIN_NAMES or name.lower().startswith("x-stainless-"):
                continue
            scheme, space, token = value.partition(" ")
            self.add(value, token.strip() if space else "")
            if scheme.lower() == "basic":
                self.add(*_login(token))

    def add_address(self, address: str) -> None:
        """Take note of the name and the password in an address."""
        try:
            login = urlsplit(address).netloc.rpartition("@")[0]
        except ValueError:
            return
        for written in (login, unquote(login)):
            self.add(*_parts(written))

    def blot(self, text: str, *, shortest: int = 0) -> str:
        """Return text without the secrets in it.

        Args:
            text: The text.
            shortest: Characters of a secret that is looked for at least.
        """
        wanted = [secret for secret in self._forms if len(secret) >= shortest]
        for secret in wanted:
            if len(secret) < SHORTEST and secret in text:
                text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", BLOT, text)
        forms = [form for secret in wanted for form in self._forms[secret]]
        return _blotted(text, forms) if forms else text

    def blot_value(self, value: _T, *, shortest: int = 0) -> _T:
        """Return a value of JSON without the secrets in its texts.

        What is sealed within it stays byte for byte, since its vendor takes it back as it was or
        not at all; where a whole secret stands in it, all of it is left out.
        """
        forms = [form for one in self._forms if len(one) >= shortest for form in self._forms[one]]

        def stays(one: object) -> bool:
            return not (_is_sealed(one) and any(_holds_whole(text, forms) for text in _texts(one)))

        whole: list[Any] = [value]
        # Not by recursion: values may be deeper than Python calls go.
        todo: list[tuple[Any, Any]] = [(whole, 0)]
        while todo:
            holder, key = todo.pop()
            one = holder[key]
            if isinstance(one, str):
                holder[key] = self.blot(one, shortest=shortest)
            elif isinstance(one, list):
                held = holder[key] = [part for part in cast("list[Any]", one) if stays(part)]
                todo += [(held, at) for at, part in enumerate(held) if not _is_sealed(part)]
            elif isinstance(one, dict):
                fields = cast("dict[str, Any]", one).items()
                named = holder[key] = {
                    self.blot(name, shortest=shortest): part for name, part in fields if stays(part)
                }
                todo += [(named, name) for name, part in named.items() if not _is_sealed(part)]
        return whole[0]


def _is_sealed(value: object) -> bool:
    """Return whether a vendor knows by a seal in a value that nobody has altered it."""
    if not isinstance(value, dict):
        return False
    fields = cast("dict[str, Any]", value)
    kind = fields.get("type")
    by_name = any(isinstance(fields.get(name), str) and fields[name] for name in _SEALS)
    return by_name or (isinstance(kind, str) and kind in _SEALED)


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in a value of JSON, names among them."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            todo += cast("list[object]", one)
        elif isinstance(one, dict):
            fields = cast("dict[str, object]", one)
            todo += [*fields, *fields.values()]


_ALL: WeakSet[Secrets] = WeakSet()


def guard_logs() -> None:
    """Have all that the clients log pass without secrets, whoever writes it where."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in _LOGGERS:
            logging.getLogger(name).addFilter(_FILTER)


class _NoSecrets(logging.Filter):
    """Takes the secrets of this process out of a record of the log."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - a format that does not fit is no fault of the caller's
            message = f"{record.msg!r} {record.args!r}"
        record.msg, record.args = _without_any(message), ()
        if record.exc_info:
            error = record.exc_info[1]
            trace = "" if error is None else "".join(traceback.format_exception(error))
            record.exc_info, record.exc_text = None, _without_any(trace).rstrip()
        return True


def _without_any(text: str) -> str:
    for secrets in list(_ALL):
        text = secrets.blot(text, shortest=SHORTEST)
    return text


_FILTER = _NoSecrets()


def _login(token: str) -> tuple[str, ...]:
    try:
        return _parts(b64decode(token, validate=True).decode())
    except ValueError:
        return ()


def _parts(login: str) -> tuple[str, ...]:
    name, colon, password = login.partition(":")
    return (login, name, password) if colon else (login,)


def _forms(secret: str) -> Iterator[str]:
    """Yield what a secret may be written as where no decoding of single characters gives it."""
    if len(secret) < SHORTEST:
        return
    data = secret.encode(errors="surrogatepass")
    # The second is what the bytes of an address give, one by one.
    yield from map(_squeezed, (secret, data.decode("latin-1"), quote_plus(secret)))
    # What stands in it like an escape is decoded with the escapes around it.
    yield from _readings(secret)
    yield from (data.hex(), data.hex(":"), data.hex("-"))
    yield from (",".join(map(write, data)) for write in (str, hex, "{:02x}".format))
    yield from _packed(data, b32encode, 5, 8)
    for encode in (b64encode, urlsafe_b64encode):
        yield from _packed(data, encode, 3, 4)
        yield from _packed(encode(data).rstrip(b"="), encode, 3, 4)


def _packed(
    data: bytes, encode: Callable[[bytes], bytes], group: int, characters: int
) -> Iterator[str]:
    """Yield what bytes are in a code that makes so many characters of a group of them.

    What stands before and behind them changes the characters at their ends, which are left out.
    """
    for before in range(group):
        cut = -(-before * characters // group)
        whole = (before + len(data)) * characters // group
        yield _squeezed(encode(bytes(before) + data).decode()[cut:whole])


def _squeezed(text: str) -> str:
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
    assert found is not None, "what was found in a text is an escape by itself"
    code = found[1] or found[2] or found[3] or found[7] or found[8] or found[9]
    if code:
        number = int(code, 16)
        return chr(number) if number <= sys.maxunicode else found[0]
    if found[10]:
        return chr(int(found[10], 8))
    if found[11]:
        return ""
    return found[4] or found[6] or unescape(found[5])


def _holds_whole(text: str, forms: list[str]) -> bool:
    """Return whether any form stands in a text in full, and not only its beginning at the end."""
    return any(_is_in(plain, forms) for plain in _readings(text))


def _is_in(plain: str, forms: list[str]) -> bool:
    return any(form in plain for form in forms)


def _readings(text: str) -> Iterator[str]:
    """Yield a text as it is compared, decoded again and again until it stays as it is."""
    for _ in range(_LAYERS):
        yield _squeezed(text)
        if _CODED.search(text) is None:
            return
        decoded = _Decoded(text)
        if decoded.text == text:
            return
        text = decoded.text


def _pieces(text: str) -> list[str]:
    """Return the pieces of a text that are decoded one by one as the whole is."""
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


def _blotted(text: str, forms: list[str]) -> str:
    """Return text without the forms in it; each is looked for in what the text is when decoded."""
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
            pieces += [text[done:start], BLOT]
        done = max(done, end)
    return "".join([*pieces, text[done:]])


def _places(text: str, forms: list[str]) -> list[tuple[int, int]]:
    """Return where forms stand in a text, those that overlap as one."""
    plain = _squeezed(text)
    found: list[tuple[int, int]] = []
    for form in forms:
        at = plain.find(form)
        while at != -1:
            # What overlaps is joined at once: of a secret like "aaaaaa" a long text may be full.
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

    It is made piece by piece, and where one of its characters was before is found out of the piece
    that holds it: few are asked for, of a text that may have millions.

    Args:
        text: The text before.
        pattern: What is replaced.
        by: What stands for a match; nothing where it is `None`.

    Attributes:
        text: The text behind.
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
        """Return where a part of the text was before, which is no empty one.

        Of one at its end, all that follows is a part.
        """
        at_end = end == len(self.text)
        return self._of(start)[0], len(self._before) if at_end else self._of(end - 1)[1]

    def _of(self, at: int) -> tuple[int, int]:
        """Return where the character at a place began and ended."""
        number = bisect_right(self._starts, at) - 1
        if number != self._open:
            self._open, self._moves = number, self._moves_in(number)
        latest = bisect_right(self._moves, (at, _LAST)) - 1
        _, end, origin, origin_end = self._moves[latest]
        if at < end:
            return origin, origin_end
        return origin_end + at - end, origin_end + at - end + 1

    def _moves_in(self, number: int) -> list[tuple[int, int, int, int]]:
        """Return what was replaced in a piece: where that is, and where it was."""
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
        """Return where a part of it was in the text, which is no empty one."""
        return self._closed.origin(*self._written.origin(start, end))
