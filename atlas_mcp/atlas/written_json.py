r"""JSON as models write it, within prose and with formulas in its texts.

Owns the way from a reply's text to the JSON object in it. LaTeX commands begin with a backslash,
and so do escapes of JSON: a decoder reads `\frac`, with one backslash, as a form feed and `rac`.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection
from itertools import islice, pairwise
from typing import Any, NamedTuple, cast

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import DECODER, TooDeep, plain, read_json, why_unstorable

MOST_READINGS = 8
"""Characters that are read to find the objects of a reply, as a multiple of its length. Our own
choice: without a bound, a reply full of `{` would be read once for each of them."""

LENIENT_READINGS = 3
"""Places of a reply without JSON at which nearly-JSON is tried. Our own choice."""

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
"""Forms of Python and JavaScript that JSON lacks: texts in single quotes, comments, a comma behind
the last value, keys without quotes, other names of `true`, `false` and `null`."""

_WORDS_OF_PYTHON = {"True": "true", "False": "false", "None": "null"}

_OPENING = re.compile(r"\{\s*[\"}]")
"""How an object of JSON begins; a brace in prose or in a formula seldom does."""

_ESCAPE = re.compile(
    r"\\(?:u[0-9a-fA-F]{4}|(?P<name>[A-Za-z]+)|(?P<pair>\\(?P<command>[A-Za-z]{2,}|\()?)|(?P<sign>.)|$)",
    re.DOTALL,
)
"""A backslash and the code, the word, the second backslash or the character after it."""

_NAMES = """
nLeftarrow nLeftrightarrow nRightarrow nVDash nVdash nabla natural ncong nearrow neg negmedspace
negthickspace negthinspace neq newcommand newline ngeq ngeqq ngeqslant ngtr nleftarrow
nleftrightarrow nleq nleqq nleqslant nobreak nobreakspace nolimits nonumber normalsize not notag
notin notni nprec npreceq nrightarrow nshortmid nshortparallel nsim nsubseteq nsubseteqq nsucc
nsucceq nsupseteq nsupseteqq ntriangleleft ntrianglelefteq ntriangleright ntrianglerighteq nvDash
nvdash nwarrow
rVert raisebox rangle rbrace rbrack rceil ref relax renewcommand restriction rfloor rgroup rhd rho
right rightarrow rightarrowtail rightharpoondown rightharpoonup rightleftarrows rightleftharpoons
rightrightarrows rightsquigarrow rightthreetimes risingdotseq rlap rm rmoustache root rq rtimes rule
rvert
tanh tau tbinom text textasciitilde textbar textbardbl textbf textbraceleft textbraceright
textbullet textcircled textcolor textdagger textdaggerdbl textdegree textdollar textellipsis
textemdash textendash textgreater textit textless textmd textnormal textquotedblleft
textquotedblright textquoteleft textquoteright textregistered textrm textsc textsf textsl
textsterling textstyle textsubscript textsuperscript texttt textunderscore textup textvisiblespace
textwidth tfrac tg th therefore theta thetasym thickapprox thicksim thickspace thinspace tilde times
tiny trianglelefteq triangle triangledown triangleleft triangleq triangleright trianglerighteq
twoheadleftarrow twoheadrightarrow
"""

_COMMANDS = frozenset(_NAMES.split())
"""Commands of LaTeX that begin as the end of a line or a tab of JSON does, of which the rest is no
word. Source: https://katex.org/docs/support_table, and LaTeX2e for those it lacks; read 2026-11."""

_WORDS = frozenset(
    "ne nexists ni nless nmid nparallel nu null num tag tan to top tr tt".split()  # noqa: SIM905
)
"""Those of which the rest may be a word on the next line, or the name of a variable."""

_BEFORE_COMMAND = frozenset('"$([{=+-*/<>|&_^ ')
"""Characters in front of a command that seldom end a line."""

_AFTER_COMMAND = frozenset("$_^})")
"""Characters behind a command that seldom follow a line's first word."""

_DRIVE = re.compile(r"\b[A-Za-z]:(?:\\[\w .$()~-]+){2,}")
"""A path of Windows with single backslashes. That of one folder may be the end of a line."""

_OF_A_PATH = re.compile(r"\\[^nrt]|\.\w{1,5}$")
"""Parts that a path has, and lines behind a letter and a colon have not."""

_THOUGHTS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
    "<|channel|>analysis<|message|>": "<|end|>",
}
"""Marks around a model's thinking, for endpoints that leave it in the text."""

_THOUGHT = re.compile("|".join(map(re.escape, _THOUGHTS)))

_END_OF_THOUGHT = re.compile(
    "|".join(re.escape(end) for end in _THOUGHTS.values() if end != "<|end|>")
)


class Located(NamedTuple):
    """An object of JSON, and where in a text it begins and ends."""

    value: dict[str, Any]
    start: int
    end: int


class Objects(NamedTuple):
    """The objects of JSON in a text.

    Attributes:
        found: The objects, in their order.
        fault: Why there is none, or why the last text that looked like one is not one.
        is_whole: Whether the text was read to its end.
    """

    found: list[Located]
    fault: str
    is_whole: bool


def read_object(text: str, keys: Collection[str] = ()) -> dict[str, Any] | str:
    """Return the JSON object in `text`, or the fault.

    Prose, thinking and code fences around it are ignored. Of several objects, the last one with all
    the `keys` counts, since a model that thinks aloud ends with its answer; if none has them all,
    the first.
    """
    if not text.strip():
        return "the reply is empty"
    spoken = _unpacked(without_thinking(text))
    objects = objects_in(_with_plain_quotes(spoken))
    if not objects.is_whole:
        return objects.fault
    found = [one.value for one in objects.found] or _nearly_objects(spoken)
    if not found:
        return objects.fault
    whole = [one for one in found if all(key in one for key in keys)]
    chosen = whole[-1] if whole else found[0]
    beyond = why_unstorable(chosen)
    if beyond is not None:
        return f"the reply cannot be kept: {beyond}"
    return cast("dict[str, Any]", plain(chosen))


def objects_in(text: str) -> Objects:
    """Return the outermost JSON objects in a text."""
    lone = _lone_backslashes(text)
    text = _with_doubled(text, lone)
    added = [place + number for number, place in enumerate(lone)]
    fault = "the reply holds no JSON object"
    found: list[Located] = []
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
            return Objects(found, "the reply is nested too deep", is_whole=False)
        else:
            place = Located(
                cast("dict[str, Any]", value),
                start - bisect_left(added, start),
                end - bisect_left(added, end),
            )
            found.append(place)
        if left < 0:
            return Objects(found, "the reply holds too many broken objects", is_whole=False)
        opening = _OPENING.search(text, end)
    return Objects(found, fault, is_whole=True)


def without_thinking(text: str) -> str:
    """Return a reply without the thoughts before its first object; as it is if that leaves nothing.

    A mark behind the first object may be quoted, so it is not read.
    """
    start = _end_of_opened_thought(text)
    first = _OPENING.search(text, start)
    outside: list[str] = []
    for thought in _THOUGHT.finditer(text, start):
        if thought.start() < start:
            continue
        closing = _THOUGHTS[thought[0]]
        end = text.find(closing, thought.end())
        if end == -1 or (first is not None and first.start() < thought.start()):
            break
        outside.append(text[start : thought.start()])
        start = end + len(closing)
        if first is not None and first.start() < start:
            first = _OPENING.search(text, start)
    spoken = "".join([*outside, text[start:]])
    return spoken if spoken.strip() else text


def _end_of_opened_thought(text: str) -> int:
    """Return the end of a thought that the prompt's template opened; 0 where there is none."""
    end = _END_OF_THOUGHT.search(text)
    if end is None or _THOUGHT.search(text, 0, end.start()) is not None:
        return 0
    is_quoted = (
        _OPENING.search(text, 0, end.start()) is not None
        and _OPENING.search(text, end.end()) is None
        and not text[end.end() :].lstrip().startswith("<")
    )
    return 0 if is_quoted else end.end()


def _unpacked(text: str) -> str:
    """Return the content of a reply that is one JSON string; other replies unchanged."""
    stripped = text.strip()
    if not (stripped.startswith('"') and stripped.endswith('"') and "{" in stripped):
        return text
    try:
        inner = read_json(stripped)
    except ValueError:
        return text
    return inner if isinstance(inner, str) else text


def read_written(text: str) -> Json:
    """Read a value as a model writes it: as JSON, or as nearly-JSON.

    Raises:
        ValueError: The text is neither.
    """
    try:
        return read_json(with_whole_escapes(text))
    except TooDeep:
        raise
    except ValueError:
        return read_json(with_whole_escapes(as_json(text)))


def as_json(text: str) -> str:
    """Return nearly-JSON as JSON, in one pass; JSON is returned unchanged."""

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
    """Return the objects of a text that are written as a program would, not as JSON."""
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
    r"""Return text from which a decoder of JSON reads the backslashes that were meant.

    A backslash is doubled where JSON has no such escape, and where the escape would be a backspace
    or a form feed, which models never mean. `\n`, `\r` and `\t` before the rest of a command of
    LaTeX are decided by how the text writes its other backslashes, from its first object on:

    - Commands are written with two, and never with one: it is the end of a line, or a tab.
    - Otherwise it is a command. Where the rest may be a word as well, it is one where others are
      written with one backslash, except at the start of a line or a sentence; elsewhere by the
      characters around it. Tabs are rare: where there is none, the rest is no word behind one.
    - A row break, two backslashes before no command, is doubled where commands have one.
    """
    text = _with_plain_quotes(text)
    return _with_doubled(text, _lone_backslashes(text))


def _with_plain_quotes(text: str) -> str:
    r"""Return text with `'` for the escape `\'`, which JSON does not have."""
    if "\\'" not in text:
        return text
    return _ESCAPE.sub(lambda found: "'" if found["sign"] == "'" else found[0], text)


class _Hand(NamedTuple):
    """How a text writes its backslashes."""

    single: bool
    double: bool
    tables: bool
    tabs: bool


def _lone_backslashes(text: str) -> list[int]:
    """Return the places of the single backslashes that must be doubled to be read as one."""
    if "\\" not in text:
        return []
    paths = [one.span() for one in _DRIVE.finditer(text) if _OF_A_PATH.search(one[0])]
    hand = _hand_of(text, paths)
    lone: list[int] = []
    for found in _ESCAPE.finditer(text):
        if _is_within(found.start(), paths):
            lone.append(found.start())
        elif found["pair"] is not None:
            if found["command"] is None and _breaks_rows(hand):
                lone += [found.start(), found.start() + 1]
        elif _is_lone(found, hand):
            lone.append(found.start())
    return lone


def _with_doubled(text: str, places: list[int]) -> str:
    if not places:
        return text
    bounds = [0, *places, len(text)]
    return "\\".join(text[start:end] for start, end in pairwise(bounds))


def _is_within(place: int, spans: list[tuple[int, int]]) -> bool:
    number = bisect_right(spans, (place, len(spans) and spans[-1][1]))
    return number > 0 and place < spans[number - 1][1]


def _hand_of(text: str, paths: list[tuple[int, int]]) -> _Hand:
    single = double = tables = tabs = False
    opening = _OPENING.search(text)
    for found in _ESCAPE.finditer(text, opening.start() if opening else 0):
        if _is_within(found.start(), paths):
            continue
        name = found["name"] or ""
        single = single or _is_formula(found)
        double = double or found["command"] is not None
        tables = tables or name in ("begin", "substack")
        tabs = tabs or (name.startswith("t") and name not in _COMMANDS | _WORDS)
    return _Hand(single, double, tables, tabs)


def _is_formula(found: re.Match[str]) -> bool:
    """Return whether a backslash can only be a single one of LaTeX."""
    name = found["name"]
    if name is None:
        return found["sign"] in ("(", "[", "{")
    return len(name) > 1 and name[0] not in "nrt"


def _breaks_rows(hand: _Hand) -> bool:
    return hand.tables or (hand.single and not hand.double)


def _is_lone(found: re.Match[str], hand: _Hand) -> bool:
    name, sign = found["name"], found["sign"]
    if name is None:
        return sign not in ('"', "/") if sign is not None else len(found[0]) == 1
    if name[0] not in "nrt":
        return True
    if hand.double and not hand.single:
        return False
    return name in _COMMANDS or (name in _WORDS and _is_command(found, hand))


def _is_command(found: re.Match[str], hand: _Hand) -> bool:
    """Return whether a word is a command of LaTeX, judged by the characters around it."""
    text, start = found.string, found.start()
    before, after = text[start - 1 : start], text[found.end() : found.end() + 1]
    if hand.single and not hand.double:
        return before not in (".", ":", ";") and text[max(0, start - 2) : start] != "\\n"
    if found[0].startswith("\\t") and not hand.tabs:
        return True
    if text[max(0, start - 2) : start] == "  ":
        return False
    is_last = after == '"' and found["name"] == "nu"
    return is_last or before in _BEFORE_COMMAND or after in _AFTER_COMMAND
