r"""The dress of an answer: Markdown, LaTeX, quotes, `\boxed`, "The answer is", a final full stop.

Takes off only what encloses the whole text in pairs, or introduces the whole of it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.wording import latex
from atlas_mcp.atlas.comparing.wording.questions import asking, plain_words

MAX_LAYERS = 12
"""Pieces of dress that are taken off one after the other."""

_QUOTES = ("“”", "„“", "„”", "«»", "»«", "‹›", "›‹", "‘’", "‚‘", "「」", "『』", "《》")
"""Pairs of quotation marks, the straight ones aside."""

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""The full-width forms of the characters of ASCII."""

_COMPATIBLE = re.compile("[\uff61-\uff9f\ufb00-\ufb06]+")
"""Half-width letters of Japanese, and ligatures."""

_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*[\w+#.-]{0,20}[ \t]*\n(.*?)\n?[ \t]*\1", re.DOTALL)
_CODE_SPAN = re.compile(r"(`{1,2})(?!`)(.*[^`])\1", re.DOTALL)
_BOLD = re.compile(r"(\*{2,3})(?![\s*])(.+?)(?<![\s*])\1", re.DOTALL)
_ITALIC = re.compile(r"\*(?![\s*])([\w][^*\n]*[\w.!?)%]|\w)\*")
# In identifiers an underscore is a letter, so a word between two of them must look like a title.
_UNDERSCORED = re.compile(r"(_{1,2})(?!_)([^\W_][^_\n]*[^\W_]\.?)\1")
_MATHEMATICS = (
    re.compile(r"\$\$([^$]+)\$\$"),
    re.compile(r"\$([^$]+)\$"),
    re.compile(r"\\\[(.+)\\\]", re.DOTALL),
    re.compile(r"\\\((.+)\\\)", re.DOTALL),
)
_INLINE = re.compile(r"\$([^$\s](?:[^$\n]*[^$\s,;:+*/=<>\u2010-\u2015\u2212-])?)\$(?!\d)")
_BOXES = ("\\boxed{", "\\fbox{")
_BOX_ENDS = re.compile(r"[\s.$*\\\])!。]{0,12}")

_NAME = (
    r"(?:(?:the|my|our|die|das|la|le|el|l')\s*)?(?:final|correct|endgültige|richtige)?\s*"
    r"(?:answer|result|solution|option|choice|antwort|ergebnis|lösung|r[ée]ponse(?: finale)?|"
    r"résultat|respuesta(?: final)?|resultado|risposta|resposta)"
)
_INTRODUCTIONS = (
    # A label with a colon, a heading above the answer, or the beginning of a sentence.
    re.compile(rf"(\*\*|__|\*){_NAME}\s*(?:\1\s*[:：]|[:：]\s*\1)\s*", re.IGNORECASE),
    re.compile(rf"{_NAME}\s*[:：]\s*", re.IGNORECASE),
    re.compile(rf"#{{1,6}}\s*{_NAME}\s*[:：]?\s*\n\s*", re.I),
    re.compile(rf"\*\*{_NAME}\*\*\s*\n\s*", re.I),
    re.compile(
        rf"{_NAME}\s+(?:is|are|ist|lautet|sind|est|es|è|é)\b\s*(?:therefore|thus|also)?\s*[:：]?\s*",
        re.I,
    ),
    re.compile(r"(?:答案是?|答え[はが]?|答|答案为)\s*[:：]?\s*(?=\S)"),
    re.compile(
        r"(?:(?:and\s+)?(?:thus|therefore|hence|consequently|so|finally|daher|folglich|somit|"
        r"donc|por lo tanto))\s*(?:,|:|(?=[^\s=]{1,6}\s*=)|(?=\sthe (?:final )?answer))\s*",
        re.I,
    ),
    re.compile(r"(?:we (?:get|have|find|obtain)|it follows that)\s+(?=[^\s=]{1,6}\s*=)", re.I),
    re.compile(r"(?:=|•)\s*(?![=>\s])|#{2,6}\s+(?=\S[^\n]*$)"),
)
_OPENS_OTHERWISE = re.compile(
    r"(?:not|no|nor|neither|either|never|nicht|kein|keine|weder|pas|non|ni|n'|unlikely|hardly|"
    r"un(?:known|clear|certain)|between|probably|perhaps|maybe|possibly|likely|in|that|given|"
    r"obtained|found|also|to|of|at|by|from|the same|different)\b",
    re.I,
)
_DENIES = re.compile(
    r"\b(?:not|never|nor|neither|nicht|kein\w*|pas|non|except|unless)\b|n['’]t\b", re.I
)
_ABBREVIATED = re.compile(r"(?:^|[\s(])(?:[^\W\d_]\.)+[^\W\d_]?\.$|\.\.$")
_SHOUTED = re.compile(
    r"(?:[^\W\d_]{3,}|\b(?:no|ja|si|sí)|[\u3040-\u30ff\u4e00-\u9fff])\s?[!！]$", re.I
)
# A space that does not break a line is part of a number.
_WHITE = re.compile(r"(?<=\d)([\u00a0\u202f\u2009])(?=\d)|\s+")
_IT_IS = re.compile(r"(?:it is|it's|it was|that is|that's)\s+", re.IGNORECASE)
_NAMED_WITH_MARKS = re.compile(
    r"\b(?:which|what)(?: \w+){0,2} (?:company|brand|firm|show|band|musical|magazine)\b"
)
_NAMING = re.compile(r"(?:in )?(?:what|which|who|where|when)\b")
_ECHOED = re.compile(r"what(?:'s| is| are| was| were) (the .{3,80})")


def off(text: str, asked: Asked, *, stop: bool = True) -> str:
    """Return a text without its dress, LaTeX's among it, its white space single.

    Args:
        text: The text.
        asked: What is known of the problem, whose words an answer may repeat.
        stop: Whether a mark at the end is dress too.
    """
    text = _COMPATIBLE.sub(_in_full, text.translate(_FULL_WIDTH))
    for _ in range(MAX_LAYERS):
        before = text = text.strip()
        text = unquoted(_out_of_pairs(_unboxed(text)))
        if text == before:
            text = _without_stop(text, asked.question) if stop else text
            text = without_introduction(text, asked.question)
        if text == before:
            text = latex.plain(text)
        if text == before:
            break
    return single_spaced(text)


def _in_full(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])


def out_of_code(text: str) -> str:
    """Return a text without the fence or the code span around the whole of it."""
    for pattern in (_FENCE, _CODE_SPAN):
        match = pattern.fullmatch(text)
        if match is not None and "```" not in match[2] and (match[1] != "`" or "`" not in match[2]):
            # Only the line breaks of a fence are its own: the first line may be indented.
            return match[2].rstrip() if pattern is _FENCE else match[2].strip()
    return text


def single_spaced(text: str) -> str:
    """Return a text with single white space: a line break where a new line begins something."""
    lines = [_WHITE.sub(lambda white: white[1] or " ", line).strip() for line in text.split("\n")]
    found = ""
    for line in filter(None, lines):
        joined = not found or found[-1] in "+*/=^&<>,(-" or line[0] in "+*/=^&<>,)"
        found += (" " if joined and found else "" if joined else "\n") + line
    return found


def unquoted(text: str) -> str:
    """Return a text without the quotation marks around the whole of it."""
    if len(text) < 3:
        return text
    ends, inner = text[0] + text[-1], text[1:-1]
    if ends in _QUOTES and not set(ends) & set(inner):
        return inner
    # Between straight marks may stand a string of a program, which is no number and no truth value.
    if ends in ('""', "''") and text[0] not in inner and _is_prose(inner):
        return inner
    return text


def _is_prose(inner: str) -> bool:
    words = inner.split()
    if not words or inner != inner.strip():
        return False
    if len(words) == 1 and inner.casefold() in ("true", "false", "null", "none", "nan", "nil"):
        return False
    return all(re.fullmatch(r"[^\W\d_]+(?:['’-][^\W\d_]+)*[.,;:!?]?", word) for word in words) and (
        len(inner) > 1
    )


def _out_of_pairs(text: str) -> str:
    bare = out_of_code(text)
    if bare != text:
        return bare
    match = _BOLD.fullmatch(text)
    if match is not None and "**" not in match[2]:
        return match[2]
    match = _ITALIC.fullmatch(text)
    if match is not None:
        return match[1]
    match = _UNDERSCORED.fullmatch(text)
    if match is not None and _is_title(match[2]):
        return match[2]
    for pattern in _MATHEMATICS:
        match = pattern.fullmatch(text)
        if match is not None and not any(mark in match[1] for mark in ("\\]", "\\[", "\\)", "\\(")):
            return match[1]
    return _out_of_inline(text)


def _is_title(inner: str) -> bool:
    """Return whether the text between two underscores is none of an identifier."""
    return " " in inner or inner.isdigit() or (inner[0].isupper() and not inner.isupper())


def _out_of_inline(text: str) -> str:
    """Return a text without the dollars around the mathematics in it, where all are in pairs."""
    if text.count("$") % 2 or "$" not in text or "$$" in text:
        return text
    bare = _INLINE.sub(r"\1", text)
    return text if "$" in bare else bare


def _unboxed(text: str) -> str:
    r"""Return the content of the one box of a text, or the text with each of its boxes open."""
    if not any(box in text for box in _BOXES):
        return text
    spans = _boxes(text)
    if not spans:
        return text
    first, last = spans[0], spans[-1]
    before, after = text[: first[0]], text[last[2] + 1 :]
    if len(spans) == 1 and _BOX_ENDS.fullmatch(after):
        prose = any(letter.isalpha() for letter in before)
        if not (prose and _DENIES.search(before)):
            return text[first[1] : first[2]]
        return text
    opened, end = "", 0
    for start, inside, stop in spans:
        opened += text[end:start] + text[inside:stop]
        end = stop + 1
    return opened + text[end:]


def _boxes(text: str) -> list[tuple[int, int, int]]:
    """Return the boxes of a text: where each begins, its content begins, and its content ends."""
    spans: list[tuple[int, int, int]] = []
    at = 0
    while at < len(text):
        found = [(text.find(box, at), len(box)) for box in _BOXES]
        starts = sorted(one for one in found if one[0] >= 0)
        if not starts:
            break
        start, width = starts[0]
        depth, stop = 1, start + width
        while stop < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[stop], 0)
            stop += 1
        if depth:
            return []
        spans.append((start, start + width, stop - 1))
        at = stop
    return spans


def _without_stop(text: str, question: str) -> str:
    """Return a text without the mark that ends its sentence."""
    if len(text) < 2:
        return text
    last, rest = text[-1], text[:-1].rstrip()
    if not rest:
        return text
    if last == ".":
        return text if _ABBREVIATED.search(text) or rest[-1] in ".,…" else rest
    if last in "。．" and rest[-1] not in "。．":
        return rest
    if last in "!！":
        named = _is_named_with_marks(question)
        return rest if _SHOUTED.search(text) and not named else text
    if last == "," and rest[-1].isalpha():
        return rest
    if last in ";；" and (rest[-1].isalnum() or rest[-1] in ")%*`$"):
        return rest
    return text


def without_introduction(text: str, question: str = "") -> str:
    """Return a text without the words that introduce its answer."""
    for pattern in _INTRODUCTIONS:
        match = pattern.match(text)
        if match is not None:
            rest = text[match.end() :]
            if rest and not _OPENS_OTHERWISE.match(rest.lstrip("*_$`\\ ")):
                return rest
            return text
    named = _IT_IS.match(text)
    if named is not None and _names_something(question):
        rest = text[named.end() :]
        return text if _OPENS_OTHERWISE.match(rest.lstrip("*_$`\\ ")) else rest
    echo = _echo(question)
    if echo and text[: len(echo)].casefold() == echo:
        verb, _, rest = text[len(echo) :].strip().partition(" ")
        bare = rest.lstrip("*_$`\\ ")
        if verb in ("is", "are", "was", "were") and bare and not _OPENS_OTHERWISE.match(bare):
            return rest
    return text


@lru_cache(maxsize=64)
def _is_named_with_marks(question: str) -> bool:
    """Return whether a mark at the end may belong to the name: Yahoo!"""
    return _NAMED_WITH_MARKS.search(asking(question)) is not None


@lru_cache(maxsize=64)
def _names_something(question: str) -> bool:
    """Return whether "it is" says nothing before the answer to a question."""
    return _NAMING.match(asking(question)) is not None


@lru_cache(maxsize=64)
def _echo(question: str) -> str:
    """Return the words of a question with which a sentence that answers it begins."""
    match = _ECHOED.fullmatch(plain_words(question))
    return match[1] if match is not None else ""
