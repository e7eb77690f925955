"""Long texts of a record: taken out of its line to be stored once, and put back into it.

The same picture, system prompt or long reply is part of several records of one run. A store keeps
each such text once a run, under its digest, and a short reference in the lines. Both ways are
functions of text. They parse no JSON, read no file and keep nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from atlas_mcp.errors import JournalCorrupt

LARGE_CHARS = 4_000
"""Characters of a JSON string, as the line has it, above which it is taken out. Our own choice:
pictures, system prompts and candidates that a turn shows are longer, most replies are not, and
looking through a line costs as much time as encoding it."""

MAX_LINE_CHARS = 250_000
"""Characters of a line that is stored in one piece. Our own choice: far below the 2 MB that stores
and engines take as one message, also where each character has four bytes. A longer line, of many
short values, is a text of its own."""

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
"""The JSON strings of a line, one after the other: there are no quotes outside of strings."""

_COLON = re.compile(r"\s*+:")

_OWN_KEY = re.compile(r'"(\$++)large"')
"""The key of a reference, `$large`. The same key in somebody else's object gets one `$` more."""

_REFERENCE = re.compile(r'\{"\$large":"([0-9a-f]{64})"\}')

_WHOLE = re.compile(r'\{"\$whole":"([0-9a-f]{64})"\}')
"""A line that is nothing but a reference to its text."""


class SplitLine(NamedTuple):
    """A line of JSON, and the texts that were taken out of it.

    Attributes:
        line: With a reference in place of each text; as it was where nothing was taken out.
        texts: By their digests; of strings, the part between the quotes, as the line had it.
    """

    line: str
    texts: dict[str, str]


def split(line: str) -> SplitLine:
    """Take the long strings out of a record's line; `join` gives it back.

    Args:
        line: One whole JSON object.
    """
    texts: dict[str, str] = {}
    if len(line) <= LARGE_CHARS:
        return SplitLine(line, texts)
    pieces: list[str] = []
    kept = 0
    for start, end in _long_strings(line):
        text = line[start + 1 : end - 1]
        digest = digest_of(text)
        texts[digest] = text
        pieces += (_escaped(line[kept:start]), f'{{"$large":"{digest}"}}')
        kept = end
    if texts:
        line = "".join((*pieces, _escaped(line[kept:])))
    if len(line) > MAX_LINE_CHARS:
        line = line if texts else _escaped(line)
        digest = digest_of(line)
        texts[digest] = line
        line = f'{{"$whole":"{digest}"}}'
    return SplitLine(line, texts)


def join(line: str, find: Callable[[str], str | None]) -> str:
    """Put the texts back into a line that `split` took them out of.

    Args:
        line: The line with references.
        find: Returns the text of a digest, `None` where there is none.

    Raises:
        JournalCorrupt: A text is missing or damaged.
    """
    whole = _WHOLE.fullmatch(line)
    if whole is not None:
        line = _found(whole[1], find)
    pieces: list[str] = []
    kept = 0
    # Within a string the quotes of a reference would be escaped.
    for found in _REFERENCE.finditer(line):
        pieces += (_unescaped(line[kept : found.start()]), f'"{_found(found[1], find)}"')
        kept = found.end()
    return "".join((*pieces, _unescaped(line[kept:])))


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text in hexadecimal digits."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def _found(digest: str, find: Callable[[str], str | None]) -> str:
    text = find(digest)
    if text is None or digest_of(text) != digest:
        raise JournalCorrupt(f"a long text of it is {'missing' if text is None else 'damaged'}")
    return text


def _long_strings(line: str) -> list[tuple[int, int]]:
    """Return where the strings to be taken out begin and end. Keys of objects stay."""
    return [
        found.span()
        for found in _STRING.finditer(line)
        if found.end() - found.start() - 2 > LARGE_CHARS and not _COLON.match(line, found.end())
    ]


def _escaped(part: str) -> str:
    """Return a part of a line in which no key of the user's own looks like that of a reference."""
    return _with_keys(part, lambda dollars: dollars + "$") if '$large"' in part else part


def _unescaped(part: str) -> str:
    return _with_keys(part, lambda dollars: dollars[1:]) if '$$large"' in part else part


def _with_keys(part: str, change: Callable[[str], str]) -> str:
    """Return a part of a line with changed dollars in the keys `$large`, `$$large`, and so on."""

    def changed(found: re.Match[str]) -> str:
        key = _OWN_KEY.fullmatch(found[0])
        if key is None or not _COLON.match(part, found.end()):
            return found[0]
        return f'"{change(key[1])}large"'

    return _STRING.sub(changed, part)
