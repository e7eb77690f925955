r"""JSON as models write it, within prose and with formulas in its texts.

Owns the way from a reply's text to the object in it. LaTeX begins with a backslash, and so does an
escape of JSON: of `\frac`, written with one backslash, a decoder makes a form feed and `rac`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, cast

from atlas_mcp.atlas.storable import DECODER, fault_of, plain

MOST_READINGS = 8
"""How often a reply is read over to find its object, counted by characters. Our own choice: a
reply full of braces that open nothing would else be read once for each of them."""

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
"""Those of which the rest may be a word on the next line. They are formulas where others are."""


def read_object(text: str, keys: Collection[str] = ()) -> dict[str, Any] | str:
    """Return the JSON object in `text`, or the fault.

    Prose, thinking and code fences around it are ignored. Of several objects it is the last that
    has all the `keys`: a model that thinks aloud ends with what it means. Failing that, the first.
    """
    if not text.strip():
        return "the reply is empty"
    text = with_whole_escapes(text)
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
    whole = [one for one in found if all(key in one for key in keys)]
    if not found:
        return fault
    chosen = whole[-1] if whole else found[0]
    beyond = fault_of(chosen)
    if beyond is not None:
        return f"the reply cannot be kept: {beyond}"
    return cast("dict[str, Any]", plain(chosen))


def with_whole_escapes(text: str) -> str:
    """Return text in which a decoder of JSON finds the backslashes that were meant.

    A backslash is doubled where JSON knows no such escape, where it would make a backspace or a
    form feed in front of a letter, which nobody writes, and before a command of LaTeX.
    """
    if "\\" not in text:
        return text
    has_formulas = any(map(_is_formula, _ESCAPE.finditer(text)))

    def whole(found: re.Match[str]) -> str:
        name = found["name"]
        if name in ("b", "f"):
            doubled = False
        elif name is not None and name[0] in "nrt":
            doubled = name in _FORMULAS or (has_formulas and name in _WORDS)
        elif found["sign"] is not None:
            doubled = found["sign"] not in '"\\/'
        else:
            doubled = name is not None or len(found[0]) == 1
        return f"\\{found[0]}" if doubled else found[0]

    return _ESCAPE.sub(whole, text)


def _is_formula(found: re.Match[str]) -> bool:
    """Return whether a backslash can only be one of LaTeX."""
    name = found["name"]
    if name is None:
        return found["sign"] in ("(", "[", "{")
    return name in _FORMULAS or (len(name) > 1 and name[0] not in "nrt")
