"""Answers to a question that lists options: their letters, their texts, or both.

Reads nothing where the question lists none. A letter beside another option's text is no choice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.wording import dress
from atlas_mcp.atlas.comparing.wording.questions import plain_words

MAX_OPTIONS = 12
"""Options of a question that are read; a longer list is hardly one of options."""

MAX_OPTION_CHARS = 300
"""Characters of the longest option's text."""

_LAYOUTS = (
    re.compile(r"(?:^|(?<=[\s,;.?:*]))\*{0,2}[(\[]([A-La-l]|\d{1,2})[)\]]\*{0,2}[.:]?\s*"),
    re.compile(r"(?:^|(?<=[\s,;.?:*]))\*{0,2}([A-La-l]|\d{1,2})\)\*{0,2}\s*"),
    re.compile(r"(?:^|(?<=[\s,;?:*]))\*{0,2}([A-La-l])\.\*{0,2}\s+"),
    re.compile(r"(?:^|(?<=[\s,;?:*]))\*{0,2}([A-L])\s?:\*{0,2}\s+"),
    re.compile(r"(?:^|(?<=\n))[ \t]*\*{0,2}([A-La-l]|\d{1,2})\s?[.:)]\*{0,2}\s+"),
    re.compile(r"(?:^|(?<=\n))[ \t]*\*{0,2}([A-L])\s?[-–—]\*{0,2}\s+"),
)
"""The ways in which questions mark their options, the surest first."""

_CHOOSING = re.compile(
    r"\b(?:which|choose|select|pick|option|options|choices?|following|multiple[- ]choice|"
    r"welche[rsnm]?|wähle|folgende[nrs]?|quel(?:le)?s?|choisi\w*|suivant\w*|cuál(?:es)?|siguientes?|elige)\b"
)
_TOLD = re.compile(
    r"(?:compute|evaluate|find|determine|calculate|simplify|solve|answer|show|berechne|bestimme)\b"
)
_IN_PARTS = re.compile(r"\b(?:parts?|both|each|questions|statements?|in turn|respectively)\b")
_ASKS_FOR_ONE = re.compile(r"(?:who|where|when|(?:what|wer|wo) (?:is|was|ist|war) )\b")
_NAME = re.compile(r"[A-ZÄÖÜ][\w'’.-]*(?: [A-ZÄÖÜ][\w'’.-]*){0,3}[.]?")
_SEVERAL = re.compile(
    r"\ball that apply\b|\bone or more\b|\bwhich (?:of \S+ )?(?:.{0,60} )?are\b|\bselect all\b|"
    r"\bseveral\b|\bmehrere\b|\balle zutreffenden\b|\btoutes les\b|\bselect (?:two|three)\b|"
    r"\bchoose (?:two|three|all)\b"
)
_NAMED = r"(?:(?:option|choice|answer|letter|alternative|antwort|möglichkeit|réponse|opción)\s+)?"
_AROUND = re.compile(
    r"^both (?=.+ and )| (?:is|are)(?: the)? (?:correct|right)(?: (?:answer|option|choice)s?)?$",
    re.IGNORECASE,
)
_LABEL = re.compile(rf"{_NAMED}[(\[]?([A-L]|\d{{1,2}})[)\]]?[.:)]?", re.IGNORECASE)
_LABELLED = re.compile(
    rf"{_NAMED}(?:[(\[]([A-L]|\d{{1,2}})[)\]]|([A-L]|\d{{1,2}})(?=[.:)]|\s?[-–—=]\s))"
    r"\s?[.:)]?\s?[-–—:=]?\s+(.+)",
    re.IGNORECASE,
)
_NAMED_AND_TEXT = re.compile(rf"(?=option|choice|antwort){_NAMED}([A-L])\s*\((.+)\)", re.IGNORECASE)
_TEXT_AND_LABEL = re.compile(r"(.+?)\s+\((?:option\s+)?([A-L])\)", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:,?\s+(?:and|und|et|y|e)\s+|[,;&/+]|\s)\s*", re.IGNORECASE)
_LISTED = re.compile(r"\s*(?:[,;]\s*(?:and\s+|und\s+)?|\s+(?:and|und|&)\s+)")


def key(text: str, asked: Asked, read: Callable[[str], str]) -> str | None:
    """Return the key of an answer that names options of the question; `None` for any other.

    Args:
        text: The answer.
        asked: What is known of the problem.
        read: Returns the key of the text of an option.
    """
    listed = options(asked.question)
    if not listed:
        return None
    bare = dress.off(text, asked)
    bare = _AROUND.sub("", bare)
    if bare.startswith("**"):
        bare = bare.replace("**", "", 2)
    found = _labels(bare, listed, several=_asks_for_several(asked.question))
    if found is None:
        found = _by_text(bare, listed, read, several=_asks_for_several(asked.question))
    return None if found is None else f"choice:{','.join(sorted(set(found)))}"


@lru_cache(maxsize=64)
def options(question: str) -> Mapping[str, str]:
    """Return the options that a question lists: their texts by their labels, in its order."""
    for layout in _LAYOUTS:
        found = _marked(question, layout)
        if found:
            return found
    return {}


def _marked(question: str, layout: re.Pattern[str]) -> Mapping[str, str]:
    """Return the options of a question that are marked in a certain way; none if it has no such."""
    marks = list(layout.finditer(question))
    start = next((at for at, mark in enumerate(marks) if mark[1] in ("A", "a", "1")), len(marks))
    run = marks[start : start + 1]
    for mark in marks[start + 1 :]:
        if mark[1] == _next(run[-1][1]):
            run.append(mark)
    if not 2 <= len(run) <= MAX_OPTIONS:
        return {}
    found: dict[str, str] = {}
    for mark, following in zip(run, [*run[1:], None], strict=True):
        end = len(question) if following is None else following.start()
        text = question[mark.end() : end].strip()
        if following is None:
            text = text.split("\n", 1)[0]
        text = re.sub(r"[\s,;]+(?:(?:and|or|und|oder|ou)\s*)?$", "", text)
        if not text or len(text) > MAX_OPTION_CHARS:
            return {}
        found[mark[1].upper()] = text
    before = question[: run[0].start()]
    return found if _is_choice(before, run[0][1]) or _are_names(before, found) else {}


def _next(label: str) -> str:
    return str(int(label) + 1) if label.isdigit() else chr(ord(label) + 1)


def _is_choice(before: str, first: str) -> bool:
    """Return whether what stands before the first of several marks makes them options."""
    said = plain_words(before)
    if not said or (_IN_PARTS.search(said) and not _CHOOSING.search(said)):
        return False
    if first == "A":
        return before.rstrip()[-1] in "?:.*_" or _CHOOSING.search(said) is not None
    # Small letters and numbers mark the parts of a question too.
    end = before.rstrip()[-1]
    chosen = _CHOOSING.search(said) is not None and not _TOLD.match(said)
    return (end == "?" and first == "a") or (chosen and end in "?:.*_")


def _are_names(before: str, found: Mapping[str, str]) -> bool:
    """Return whether numbered texts are options by what they are: answers, and no tasks."""
    said = plain_words(before)
    return (
        before.rstrip().endswith("?")
        and before.count("?") == 1
        and _ASKS_FOR_ONE.match(said) is not None
        and _IN_PARTS.search(said) is None
        and len(found) > 2
        and all(_NAME.fullmatch(text) for text in found.values())
    )


@lru_cache(maxsize=64)
def _asks_for_several(question: str) -> bool:
    return _SEVERAL.search(plain_words(question)) is not None


def _labels(bare: str, listed: Mapping[str, str], *, several: bool) -> list[str] | None:
    """Return the labels of an answer that is nothing but labels."""
    whole = _LABEL.fullmatch(bare)
    if whole is not None:
        label = whole[1].upper()
        # Where an option's text is a letter or a number, that alone may be either.
        texts = {text.strip(" .").upper() for text in listed.values()}
        marked = bare.upper() != label
        return [label] if label in listed and (marked or not texts & {label}) else None
    pieces = [piece for piece in _BETWEEN.split(bare) if piece]
    if several and len(pieces) == 1 and bare.isupper() and len(set(bare)) == len(bare):
        pieces = list(bare)
    found: list[str] = []
    for piece in pieces:
        match = _LABEL.fullmatch(piece)
        if match is None or match[1].upper() not in listed or match[1].isdigit():
            return None
        found.append(match[1].upper())
    return found if len(found) > 1 else None


def _by_text(
    bare: str, listed: Mapping[str, str], read: Callable[[str], str], *, several: bool
) -> list[str] | None:
    """Return the labels of an answer with the texts of options, or with both."""
    keys = {label: read(text) for label, text in listed.items()}
    found = _one_by_text(bare, listed, keys, read)
    if found is not None or not several:
        return None if found is None else [found]
    pieces = _LISTED.split(bare)
    labels = [_one_by_text(piece, listed, keys, read) for piece in pieces]
    return [label for label in labels if label is not None] if None not in labels else None


def _one_by_text(
    bare: str, listed: Mapping[str, str], keys: Mapping[str, str], read: Callable[[str], str]
) -> str | None:
    both = _LABELLED.fullmatch(bare)
    if both is not None:
        label = (both[1] or both[2]).upper()
        if keys.get(label) == read(both[3]):
            return label
    named = _NAMED_AND_TEXT.fullmatch(bare)
    if named is not None and keys.get(named[1].upper()) == read(named[2]):
        return named[1].upper()
    behind = _TEXT_AND_LABEL.fullmatch(bare)
    if behind is not None and keys.get(behind[2].upper()) == read(behind[1]):
        return behind[2].upper()
    if bare.upper() in keys:
        return None
    said = read(bare)
    labels = [label for label, key in keys.items() if key == said]
    if len(labels) > 1:
        # Options of one value differ in their form, which then is the answer.
        labels = [label for label in labels if listed[label] == bare]
    return labels[0] if len(labels) == 1 else None
