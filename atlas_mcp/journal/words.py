"""The words of a search: how texts are cut into them, and where they are found in one.

Pure functions, the same for every store. A word is a run of letters and digits, without case and
accents. Signs of mathematics, currencies and pictures are words by themselves, and so is every
character of a script that is written without spaces, so that a part of a sentence is found there.
What a user writes is only ever cut into words: no store gets any of it as a command.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from typing_extensions import override

SPLIT = "\u200b"
"""Stands beside the characters that are words by themselves; no reader sees it."""

MOST_CHARS = 500
"""Characters of a search that are read."""

MOST_WORDS = 16
"""Words of a search that are looked for."""

BEFORE, AROUND = 60, 240
"""Characters before the first word that was found, and in all, of the text around it."""

_MOST_KEPT = 20_000
"""Characters for which it is remembered what becomes of them."""

_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x312F),  # CJK radicals, kana, bopomofo
    (0x3130, 0x318F),  # Hangul
    (0x31A0, 0x4DBF),  # CJK
    (0x4E00, 0x9FFF),  # CJK
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),  # CJK
    (0x20000, 0x3FFFF),  # CJK
)
"""Ranges of the scripts whose words are not, or not only, set apart by spaces."""

_SIGNS = ("Sm", "Sc", "So")
"""Categories of the signs that are words: of mathematics, of currencies, others."""

WORD_CATEGORIES = "L* N* Co Sm Sc So"
"""The categories of all characters that are part of a word, as the index is told."""


class _Split(dict[int, str]):
    """Puts `SPLIT` around characters that are words by themselves."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        found = f"{SPLIT}{char}{SPLIT}" if _is_alone(char) else char
        if len(self) < _MOST_KEPT:
            self[code] = found
        return found


class _Fold(dict[int, str]):
    """Takes case and accents from characters, each of which stays one."""

    def __missing__(self, code: int) -> str:
        found = unicodedata.normalize("NFD", chr(code))[0].lower()[0]
        if len(self) < _MOST_KEPT:
            self[code] = found
        return found


_SPLITS, _FOLDS = _Split(), _Fold()

_ASCII_TOKEN = re.compile(r"[a-z0-9]+|[$+<=>|~]")
"""A word of a text that has no other characters."""

_TOKEN = re.compile(rf"[^\W_]+|(?<={SPLIT})[^\s{SPLIT}](?={SPLIT})")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A part of a search between two spaces: words that stand one behind the other.

    Attributes:
        tokens: Its words, without case and accents.
        is_open: Whether a longer word that begins with the last of them is found too.
    """

    tokens: tuple[str, ...]
    is_open: bool

    @property
    def as_query(self) -> str:
        """The phrase for the index, as text between quotation marks."""
        return f'"{" ".join(self.tokens)}"{"*" if self.is_open else ""}'

    @property
    def among_words(self) -> str:
        """The phrase as it stands in a text of which only the words are left, spaces around."""
        return f" {self}{'' if self.is_open else ' '}"

    @override
    def __str__(self) -> str:
        return " ".join(self.tokens)


def storable(text: str) -> str:
    """Return a text without halves of surrogate pairs, which no store takes."""
    return text.encode(errors="replace").decode()


def indexed(text: str) -> str:
    """Return a text for an index that cuts it into words by itself: the words of `tokens_of`."""
    return _folded(storable(text).replace(SPLIT, " ").translate(_SPLITS))


def phrases_of(text: str) -> tuple[Phrase, ...]:
    """Return what a user searches for; empty where the text has no words."""
    parts = [found for part in text[:MOST_CHARS].split() if (found := tokens_of(part))]
    parts = list(dict.fromkeys(parts))[:MOST_WORDS]
    # A single letter is a word: as the beginning of others it would find nearly every run.
    return tuple(
        Phrase(tokens, is_open=number == len(parts) and len(tokens[-1]) > 1)
        for number, tokens in enumerate(parts, start=1)
    )


def tokens_of(text: str) -> tuple[str, ...]:
    """Return the words of a text, without case and accents."""
    if text.isascii():
        return tuple(_ASCII_TOKEN.findall(text.lower()))
    return tuple(_TOKEN.findall(indexed(text)))


def has_all(text: str, phrases: tuple[Phrase, ...]) -> bool:
    """Return whether a text has all phrases in it, as an index would find them."""
    return count_in(text, phrases) == len(phrases)


def count_in(text: str, phrases: tuple[Phrase, ...]) -> int:
    """Return how many of the phrases a text has in it."""
    joined = f" {' '.join(tokens_of(text))} "
    return sum(one.among_words in joined for one in phrases)


def pieces_of(text: str, phrases: tuple[Phrase, ...]) -> tuple[str, ...]:
    """Return the text around the first phrase that is found: text, find, text, find, and so on.

    Only the beginning of the text where none is found.
    """
    words = _Words.of(text)
    first = min((one for one in map(words.first, phrases) if one is not None), default=0)
    start = max(0, first - BEFORE)
    end = min(len(text), start + AROUND)
    pieces: list[str] = []
    at = start
    for begin, behind in sorted(hit for one in phrases for hit in words.hits(one, start, end)):
        if begin >= at:
            pieces += (text[at:begin], text[begin:behind])
            at = behind
    pieces.append(text[at:end])
    if start:
        pieces[0] = f"…{pieces[0]}"
    if end < len(text):
        pieces[-1] = f"{pieces[-1]}…"
    return tuple(re.sub(r"\s+", " ", piece) for piece in pieces)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a text, and where they stand in it.

    Attributes:
        joined: The words, with a space before and behind each.
        at: Where each begins in `joined`.
        spans: Where each begins and ends in the text.
    """

    joined: str
    at: list[int]
    spans: list[tuple[int, int]]

    @staticmethod
    def of(text: str) -> _Words:
        # Nothing sets words apart in ASCII but what stands in the text.
        pattern, split = (_ASCII_TOKEN, text.lower()) if text.isascii() else (_TOKEN, indexed(text))
        words, at, spans = list[str](), list[int](), list[tuple[int, int]]()
        # A text has as many characters as are in `split`, but for those that set words apart.
        seen = apart = 0
        length = 1
        for hit in pattern.finditer(split):
            apart += split.count(SPLIT, seen, hit.start())
            seen = hit.start()
            words.append(hit.group())
            at.append(length)
            length += len(hit.group()) + 1
            spans.append((hit.start() - apart, hit.end() - apart))
        return _Words(f" {' '.join(words)} ", at, spans)

    def first(self, phrase: Phrase) -> int | None:
        """Return where a phrase first begins in the text; `None` if it is not there."""
        found = self.joined.find(phrase.among_words)
        return None if found < 0 else self.spans[bisect_left(self.at, found + 1)][0]

    def hits(self, phrase: Phrase, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield where a phrase begins and ends, as often as it is between two places of a text."""
        place = bisect_left(self.spans, (start, start))
        while place < len(self.at):
            found = self.joined.find(phrase.among_words, self.at[place] - 1)
            if found < 0:
                return
            place = bisect_left(self.at, found + 1)
            last = self.spans[place + len(phrase.tokens) - 1][0]
            begin, behind = self.spans[place][0], last + len(phrase.tokens[-1])
            if behind > end:
                return
            yield begin, behind
            place += 1


def _is_alone(char: str) -> bool:
    code = ord(char)
    if any(first <= code <= last for first, last in _UNSPACED):
        return True
    return unicodedata.category(char) in _SIGNS


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_FOLDS)
