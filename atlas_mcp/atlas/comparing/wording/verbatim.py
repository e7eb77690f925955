"""Answers of which every character counts: code, names, codes, versions, symbols, moves, notes.

The question says so, or, where it says nothing, the text itself looks like code. Code loses nothing
but a pair of marks that Markdown puts around it; the other kinds lose their dress and keep their
case, their zeros and their dots.
"""

from __future__ import annotations

import re

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import verbatim_key
from atlas_mcp.atlas.comparing.wording import dress
from atlas_mcp.atlas.comparing.wording.exactness import Exactness, exactness_asked

_NUMBERED = re.compile(r"\d{1,3}\s?\.(?:\.\.|…)?\s*")
_MOVE = re.compile(r"(?:0-0(?:-0)?|[KQRBN]?[a-h]?[1-8]?x?[a-h][1-8](?:=?[QRBN])?)[+#]?[!?]{0,2}")
_PIECES = str.maketrans("♔♕♖♗♘♚♛♜♝♞", "KQRBNKQRBN")
_NOTE = re.compile(
    r"([A-Ha-h])(?:\s?\^?\{?(♭|♯|\\flat|\\sharp)\}?|(?:[- ])(flat|sharp|natural)\b)?(.{0,20})",
    re.DOTALL,
)
_ACCIDENTALS = {"♭": "b", "\\flat": "b", "flat": "b", "♯": "#", "\\sharp": "#", "sharp": "#"}
_VERSION = re.compile(r"\d+(?:\.\d+){0,5}(?:[-._+]?[A-Za-z0-9]+){0,4}")
_BEFORE_VERSION = re.compile(
    r"((?:[A-Za-z][\w+#.-]*\s+){0,3}?)(v(?:er(?:sion)?)?\.?\s*)?(?=\d)", re.I
)

_INDENTED = re.compile(r"\n[ \t]+\S")
_LOOKS_LIKE_CODE = re.compile(
    r"[a-z][a-z+.-]*://\S+"  # an address
    r"|(?:~|\.{1,2})?/[\w.-]+(?:/[\w.*-]+)*/?"  # a path
    r"|[\w.-]+(?:/[\w.-]+)*/[\w-]+\.[A-Za-z]\w{0,4}"
    r"|[A-Za-z]:\\[\w .\\-]+"
    r"|[\w-]+\.(?:py|js|ts|java|c|h|cpp|hpp|cs|rs|go|rb|php|html?|css|json|ya?ml|toml|xml|md|txt|"
    r"csv|sh|ini|cfg|conf|sql|ipynb|lock|log|exe|dll|so|png|jpe?g|gif|svg|pdf|zip|tar|gz)"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|__[a-z]\w*__|_[A-Za-z]\w*[A-Za-z\d]"  # an identifier
    r"|[A-Za-z]{2,}\w*_[A-Za-z]{2}\w*(?:\(.*\))?"
    r"|--[A-Za-z][\w-]*(?:[= ][\w./-]+)?"  # a flag
    r"|v?\d+\.\d+\.\d+[\w.+-]*"  # a version
    r"|\w[\w.]*\s*(?:[-+*/%|&^]|//|\*\*|<<|>>)=\s.*"  # an assignment
    r"|\w[\w.]*\s*=\s*(?:\"[^\"]*\"|'[^']*');?"
    r"|[\w.]+\((?:.*[\"'].*|\))\);?|[\w.]+\(.*[\"'].*\)"  # a call
    r"|#include\s.*|(?:def|class)\s+\w+.*:|import\s+[\w.]+|from\s+[\w.]+\s+import\s.*"
    r"|(?:SELECT|INSERT|UPDATE|DELETE)\s.*\s(?:FROM|INTO|SET)\s.*"
    r"|(?:return|print|echo|let|const|var)\s+.*[-+*/=(\[\"'].*",
)
_DATE_OR_THOUSANDS = re.compile(r"\d{1,2}\.\d{1,2}\.\d{2,4}|\d{1,3}(?:\.\d{3})+")
_DAY_AND_MONTH = re.compile(r"\d{1,2}\.\d{1,2}\.?")
_ABOUT_DAYS = re.compile(
    r"\b(?:welche[mnr]? (?:tag|datum)|wann|datum|date|which day)\b", re.IGNORECASE
)
_IDENTIFIER = re.compile(r"\*\*(`?[A-Za-z_][\w.]*(?:\(\))?`?)\*\*")
_ONE_FENCE = re.compile(r"[^`\n]{0,200}:\s*(`{3}.*`{3})", re.DOTALL)


def key(text: str, asked: Asked) -> str | None:
    """Return the key of a text of which every character counts; `None` for any other."""
    exactness = exactness_asked(asked.question)
    if exactness == "output":
        return verbatim_key(dress.out_of_code(text.strip("\n").rstrip()))
    text = text.strip()
    if exactness == "source":
        return verbatim_key(text)
    if exactness == "code" or (exactness is None and looks_like_code(text)):
        return verbatim_key(_code(text))
    if exactness is None:
        # A day and its month are no number with decimals.
        dated = _DAY_AND_MONTH.fullmatch(text) and _ABOUT_DAYS.search(asked.question)
        return verbatim_key(text.rstrip(".")) if dated else None
    return _exact_key(text, asked, exactness)


def looks_like_code(text: str) -> bool:
    """Return whether a text looks like code, a path, an address, an identifier or a version."""
    if "\\begin{" in text:
        return False
    bare = dress.out_of_code(text)
    if _INDENTED.search(bare):
        return True
    if "\n" in bare:
        return False
    if "\\" in bare and not re.match(r"[A-Za-z]:\\", bare):
        return False
    return _LOOKS_LIKE_CODE.fullmatch(bare) is not None and (
        _DATE_OR_THOUSANDS.fullmatch(bare) is None
    )


def _exact_key(text: str, asked: Asked, exactness: Exactness) -> str | None:
    if exactness == "character" and len(text) == 1:
        # One character that stands for two letters is another answer than the letters.
        return verbatim_key(text)
    bare = dress.off(text, asked, stop=exactness not in ("secret", "character"))
    if exactness == "character" and re.search(r"[^\W\d_]{3}", bare):
        # A character of a story, or the name of one of the alphabet.
        return None
    if exactness == "version":
        version = _version(bare, asked.question)
        return None if version is None else f"version:{version}"
    if exactness == "phone":
        return f"phone:{re.sub(r'[ ()./-]', '', bare)}" if re.search(r"\d", bare) else None
    if exactness == "move":
        bare = _move(bare)
    elif exactness == "note":
        note = _note(bare)
        if note is None:
            return None
        bare = note
    return verbatim_key(bare)


def _code(text: str) -> str:
    """Return code without what Markdown puts around it, and without white space at line ends."""
    for _ in range(3):
        before = text = text.strip()
        text = dress.out_of_code(text[:-1] if text.endswith("`.") else text)
        match = _IDENTIFIER.fullmatch(text)
        if match is not None:
            text = match[1]
        match = _ONE_FENCE.fullmatch(text)
        if match is not None:
            text = match[1]
        spanned = dress.without_introduction(text)
        if spanned != text and dress.out_of_code(spanned.rstrip(".")) != spanned.rstrip("."):
            text = spanned
        if text == before:
            break
    return "\n".join(line.rstrip() for line in text.strip().split("\n"))


def _version(text: str, question: str) -> str | None:
    match = _BEFORE_VERSION.match(text)
    if match is None or not _VERSION.fullmatch(text[match.end() :]):
        return None
    known = {"version", "release", *re.findall(r"[\w+#.-]+", question.lower())}
    product = [word for word in match[1].lower().split() if word not in known]
    return " ".join([*product, text[match.end() :]])


def _move(text: str) -> str:
    moved = text.translate(_PIECES)
    match = _NUMBERED.match(moved)
    bare = moved[match.end() :] if match is not None else moved
    bare = re.sub(
        r"\b[Oo](-[Oo]){1,2}(?!\w)", lambda castled: "0" + "-0" * (len(castled[0]) // 2), bare
    )
    return bare.rstrip("!?") if _MOVE.fullmatch(bare) else moved


def _note(text: str) -> str | None:
    match = _NOTE.fullmatch(text)
    if match is None or re.match(
        r"(?!b|m|dim|aug|sus|add|is\b|es\b|s\b|dur|moll)[^\W\d_]", match[4]
    ):
        return None
    mark = match[2] or match[3] or ""
    return f"{match[1]}{_ACCIDENTALS.get(mark, '')}{match[4]}"
