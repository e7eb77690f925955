r"""JSON as models write it, within prose and with formulas in its texts.

Owns the way from a reply's text to the object in it. LaTeX begins with a backslash, and so does an
escape of JSON: of `\frac`, written with one backslash, a decoder makes a form feed and `rac`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from itertools import islice
from typing import Any, cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import DECODER, TooDeep, fault_of, plain, read_json

MOST_READINGS = 8
"""How often a reply is read over to find its object, counted by characters. Our own choice: a
reply full of braces that open nothing would else be read once for each of them."""

LENIENT_READINGS = 3
"""Objects of a reply that are read as what is nearly JSON, where none is. Our own choice."""

_NEARLY_OPENING = re.compile(r"\{\s*(?:[\"'}]|//|[A-Za-z_]\w*+\s*:)")
"""How an object begins that may be one of Python or of JavaScript."""

_NEARLY = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*+"|\\.)'
    r"|(?P<single>'(?:[^'\\]|\\.)*+')"
    r"|(?P<left_out>//[^\n]*|/\*[^*]{0,500}\*/|,(?=\s*[}\]]))"
    r"|\b(?P<key>[A-Za-z_]\w*+)(?=\s*:)"
    r"|\b(?P<word>True|False|None)\b",
    re.DOTALL,
)
"""What a program writes where JSON has other words: texts in single quotes, comments, a comma
behind the last value, keys without quotes, names of values."""

_WORDS_OF_PYTHON = {"True": "true", "False": "false", "None": "null"}

_OPENING = re.compile(r"\{\s*[\"}]")
"""How an object of JSON begins; a brace in prose or in a formula seldom does."""

_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|(?P<name>[A-Za-z]+)|(?P<sign>.)|$)", re.DOTALL)
"""A backslash and what it is about: a code, a word, or one character."""

_NAMES = """
nabla natural nearrow neq newline nexists ngeq ngtr nleq nless nleftarrow nmid nonumber notin
nparallel nRightarrow nrightarrow nsubseteq nwarrow
rangle rbrace rbrack rceil ref rfloor rho right rightarrow rightharpoonup rm root rtimes rule rVert
rvert
tanh tau tbinom text textbf textit textrm textsf textstyle texttt tfrac therefore theta thickapprox
tilde times tiny triangle triangleq
"""

_FORMULAS = frozenset(_NAMES.split())
"""Commands of LaTeX that begin as the end of a line or a tab of JSON does. Source: `amsmath` and
the symbols of LaTeX2e; those of which the rest is no word."""

_WORDS = frozenset({"ne", "neg", "ni", "not", "nu", "tag", "tan", "to", "top"})
"""Those of which the rest may be a word on the next line. They are formulas where others are, and
where a formula begins."""

_BEFORE_FORMULAS = frozenset('"$({=^_')
"""What stands before a formula, and not at the end of a line."""


def read_object(text: str, keys: Collection[str] = ()) -> dict[str, Any] | str:
    """Return the JSON object in `text`, or the fault.

    Prose, thinking and code fences around it are ignored. Of several objects it is the last that
    has all the `keys`: a model that thinks aloud ends with what it means. Failing that, the first.
    """
    if not text.strip():
        return "the reply is empty"
    given = _unpacked(text)
    text = with_whole_escapes(given)
    fault = "the reply holds no JSON object"
    found: list[dict[str, Any]] = []
    left = MOST_READINGS * len(text)
    opening = _OPENING.search(text)
    while opening is not None:
        start, end = opening.start(), opening.start() + 1
        try:
            value, end = DECODER.raw_decode(text, start)
        except json.JSONDecodeError as error:
            fault = f"the reply is not JSON: {error}"
            # The error has counted the lines before it, too.
            left -= error.pos - start + error.pos // 16
        except RecursionError:
            return "the reply is nested too deep"
        else:
            found.append(cast("dict[str, Any]", value))
        if left < 0:
            return "the reply holds too many broken objects"
        opening = _OPENING.search(text, end)
    found = found or _nearly_objects(given)
    whole = [one for one in found if all(key in one for key in keys)]
    if not found:
        return fault
    chosen = whole[-1] if whole else found[0]
    beyond = fault_of(chosen)
    if beyond is not None:
        return f"the reply cannot be kept: {beyond}"
    return cast("dict[str, Any]", plain(chosen))


def _unpacked(text: str) -> str:
    """Return the text in a reply that is one text of JSON, as it is where it is none."""
    stripped = text.strip()
    if not (stripped.startswith('"') and stripped.endswith('"') and "{" in stripped):
        return text
    try:
        inner = read_json(stripped)
    except ValueError:
        return text
    return inner if isinstance(inner, str) else text


def read_written(text: str) -> Json:
    """Read a value as a model writes it: as JSON, or as what is nearly that.

    Raises:
        ValueError: It is neither.
    """
    try:
        return read_json(with_whole_escapes(text))
    except TooDeep:
        raise
    except ValueError:
        return read_json(with_whole_escapes(as_json(text)))


def as_json(text: str) -> str:
    """Return what is nearly JSON as JSON, in one pass over it; what is JSON stays as it is."""

    def written(found: re.Match[str]) -> str:
        if (single := found["single"]) is not None:
            inner = single[1:-1].replace("\\'", "'")
            return f'"{_BARE_QUOTE.sub(_escaped_quote, inner)}"'
        if (key := found["key"]) is not None:
            return f'"{key}"'
        if (word := found["word"]) is not None:
            return _WORDS_OF_PYTHON[word]
        return found["text"] or ""

    return _NEARLY.sub(written, text)


_BARE_QUOTE = re.compile(r'(?P<escape>\\.)|"', re.DOTALL)


def _escaped_quote(found: re.Match[str]) -> str:
    return found["escape"] or '\\"'


def _nearly_objects(text: str) -> list[dict[str, Any]]:
    """Return the objects in a text that holds none of JSON, as a program would write them."""
    found: list[dict[str, Any]] = []
    for opening in islice(_NEARLY_OPENING.finditer(text), LENIENT_READINGS):
        try:
            written = with_whole_escapes(as_json(text[opening.start() :]))
            value, _ = DECODER.raw_decode(written)
        except (ValueError, RecursionError):
            continue
        found.append(cast("dict[str, Any]", value))
    return found


def with_whole_escapes(text: str) -> str:
    """Return text in which a decoder of JSON finds the backslashes that were meant.

    A backslash is doubled where JSON knows no such escape, where it would make a backspace or a
    form feed in front of a letter, which nobody writes, and before a command of LaTeX.
    """
    if "\\" not in text:
        return text
    text = _DRIVE.sub(_doubled, text)
    has_formulas = any(map(_is_formula, _ESCAPE.finditer(text)))

    def whole(found: re.Match[str]) -> str:
        name = found["name"]
        if name in ("b", "f"):
            doubled = False
        elif name is not None and name[0] in "nrt":
            alone = text[found.start() - 1 : found.start()] in _BEFORE_FORMULAS
            doubled = name in _FORMULAS or (name in _WORDS and (has_formulas or alone))
        elif found["sign"] == "'":
            # No escape of JSON, and one of the languages that models write more of.
            return "'"
        elif found["sign"] is not None:
            doubled = found["sign"] not in '"\\/'
        else:
            doubled = name is not None or len(found[0]) == 1
        return f"\\{found[0]}" if doubled else found[0]

    return _ESCAPE.sub(whole, text)


_DRIVE = re.compile(r"\b[A-Za-z]:(?:\\[\w .$()~-]+){2,}")
"""A path of Windows with single backslashes. That of one folder may be the end of a line."""

_OF_A_PATH = re.compile(r"\\[^nrt]|\.\w{1,5}$")
"""What tells such a path from lines that begin behind a letter and a colon."""


def _doubled(path: re.Match[str]) -> str:
    found = path[0]
    return found.replace("\\", "\\\\") if _OF_A_PATH.search(found) else found


def _is_formula(found: re.Match[str]) -> bool:
    """Return whether a backslash can only be one of LaTeX."""
    name = found["name"]
    if name is None:
        return found["sign"] in ("(", "[", "{")
    return name in _FORMULAS or (len(name) > 1 and name[0] not in "nrt")
