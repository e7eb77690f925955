"""Text that is not ours, made safe to put beside text that is: shown, never obeyed.

Models, endpoints, files and callers write it. Three readers obey characters: a terminal (control
and escape codes, the direction of writing), a program that reads lines (line ends), and a language
model (tags, labels, headings). `printable` is for all of them, `one_line` for the second, `quoted`,
`untagged` and `as_data` for the third; `without_logins` leaves out secrets in addresses. Values
only, and next to no imports: the server needs this before its handshake.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

_STEERS = re.compile(
    # Control characters but tab and line end; surrogates without a partner.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"
    # Invisible characters: soft hyphen, fillers, marks and changes of direction, separators,
    # joiners of words, notes, tags.
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
    # Joiners that join nothing: those of emoji and of Persian stand between two such characters.
    "|(?<![^\x00-\x7f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f\u200c\u200d])"
    # A second choice of the variant, and marks beyond those that any script puts on one letter.
    "|(?<=[\ufe00-\ufe0f\U000e0100-\U000e01ef])[\ufe00-\ufe0f\U000e0100-\U000e01ef]"
    "|(?<=[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]{4})[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]"
)
"""Characters that a reader would obey, or would not see."""

_MAY_STEER = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"
    "\u00ad\u0300-\u036f\u0483-\u0489\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u20d0-\u20ff\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e01ef]"
)
"""Each character that `_STEERS` may find: a text without any is seen through in a fraction of the
time that a closer look takes."""

_HARMLESS = bytes((9, 10, *range(32, 127)))
"""Bytes of ASCII that steer no reader: a text of nothing else needs no closer look, which takes a
tenth of a second for three million characters."""

_TAG = re.compile(r"<(?=[/!?|A-Za-z])")
"""The beginning of a tag, or of a special token of a chat format."""

_LOGIN = re.compile(
    # A name alone is a login of the web: that of `ssh://git@` says nothing. Slashes may be escaped.
    r"""((?:\bhttps?:\\?/\\?/|\b[a-z][a-z0-9+.-]{1,20}:\\?/\\?/(?=[^\s/?#"'<>\\@]{0,500}:)))"""
    r"""[^\s/?#"'<>\\]{1,1000}@""",
    re.IGNORECASE,
)
"""The beginning of an address with a login in it."""

_ENCODER = json.JSONEncoder(ensure_ascii=False)

CUT = "…"
"""Stands at the end of a text that goes on."""

LINE_CHARS = 400
"""Characters of a foreign text in a line of ours."""


def printable(text: str) -> str:
    """Return text in which characters that steer a reader are written as in JSON.

    JSON that is made printable means what it meant.
    """
    text = text.replace("\r\n", "\n")
    if text.isascii() and not text.encode().translate(None, _HARMLESS):
        return text
    return _STEERS.sub(_escaped, text) if _MAY_STEER.search(text) else text


def counted(count: int, noun: str) -> str:
    """Return so many of something in words, as in "1 candidate" and "1,200 candidates"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def one_line(text: str, at_most: int = LINE_CHARS) -> str:
    """Return text as one printable line of at most so many characters."""
    # A text of megabytes is not worked through for the sake of one line.
    return clipped(printable(" ".join(text[: 16 * at_most].split())), at_most)


def clipped(text: str, at_most: int) -> str:
    """Return text cut to so many characters, with a sign that it was cut."""
    return text if len(text) <= at_most else f"{text[: max(0, at_most - 1)]}{CUT}"


def answer_text(answer: object) -> str:
    """Return an answer as text: itself, or the JSON of what is none."""
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def answer_start(answer: object, at_most: int) -> str:
    """Return the text of an answer as far as one more than so many characters of it.

    Of an answer of a million characters no more is written than is asked for.
    """
    if isinstance(answer, str):
        return answer[: at_most + 1]
    text = ""
    for part in _ENCODER.iterencode(answer):
        text += part
        if len(text) > at_most:
            break
    return text[: at_most + 1]


def untagged(text: str) -> str:
    """Return printable text in which nothing opens a tag."""
    return _TAG.sub("&lt;", printable(text))


def quoted(text: str, at_most: int = LINE_CHARS) -> str:
    """Return text as one line between quotation marks that it cannot end, without tags."""
    return as_data(one_line(text, at_most))


def as_data(value: object) -> str:
    """Return a value as JSON of one printable line, in which no tag can be opened or closed."""
    return unmarked_json(json.dumps(value, ensure_ascii=False))


def unmarked_json(text: str) -> str:
    """Return JSON that means the same, printable and without tags."""
    return printable(text).replace("<", "\\u003c")


def without_logins(text: str) -> str:
    """Return text in which no address holds a user name with a password, or a possible key.

    Older versions kept addresses with them; what they left is shown without.
    """
    return _LOGIN.sub(r"\g<1>***@", text) if "@" in text else text


def labelled(label: str, text: str, *, tags: bool = False) -> str:
    """Return text under a label of ours, so that no line of it can pass for another label.

    One line stands behind the label; several stand below it, each behind `> `.

    Args:
        label: The label.
        text: The text.
        tags: Whether it may hold tags: it was asked for, and may be code.
    """
    lines = (printable if tags else untagged)(text).strip("\n").split("\n")
    if len(lines) == 1:
        return f"{label}: {lines[0]}"
    return "\n".join((f"{label}:", *(f"> {line}" for line in lines)))


def _escaped(found: re.Match[str]) -> str:
    """Return a character that was found as JSON writes it."""
    return _as_json(found[0])


@lru_cache(maxsize=1024)
def _as_json(character: str) -> str:
    """Return a character as JSON writes it."""
    code = ord(character)
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
