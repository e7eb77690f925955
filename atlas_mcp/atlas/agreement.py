"""Which candidates say the same, for people and clients to see.

A rendering of the evidence. It has no say in the loop: the orchestrator reads the candidates
themselves.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Protocol, cast

from atlas_mcp.atlas.explore import Candidate
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.storable import plain

_NUMBER = re.compile(
    r"\$?\s*([-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:e[-+]?\d{1,3})?)\s*%?", re.IGNORECASE
)
_INDENTED = re.compile(r"\n[ \t]+\S")
_BOXED = "\\boxed{"

KEY_CHARS = 100
"""Characters of a key that is kept as it is; of a longer one its digest is."""

_ENCODER = json.JSONEncoder(sort_keys=True, allow_nan=False)


class Answered(Protocol):
    """What has an answer, and can remember the key of it."""

    @property
    def answer(self) -> Json:
        """The answer."""
        ...

    @property
    def key(self) -> str | None:
        """What has been remembered."""
        ...

    def keep_key(self, key: str) -> None:
        """Remember a key."""
        ...


@dataclass(frozen=True, slots=True)
class Vote:
    """A candidate as this module sees it."""

    explore_id: int
    solver: str
    strategy: str
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates with one answer: the first one's words, and who stands behind it."""

    answer: Json
    votes: tuple[Vote, ...]


def group_answers(votes: Iterable[Vote]) -> tuple[Group, ...]:
    """Return the candidates grouped by what they answer, the largest group first.

    Of groups of one size, the one that more solvers stand behind comes first.
    """
    groups: dict[str, list[Vote]] = {}
    for vote in votes:
        groups.setdefault(key_of(vote.candidate), []).append(vote)
    found = [Group(votes[0].candidate.answer, tuple(votes)) for votes in groups.values()]
    return tuple(sorted(found, key=lambda group: (-len(group.votes), -_solvers(group))))


def key_of(answered: Answered) -> str:
    """Return a short text that is equal for answers that say the same; worked out once for each.

    That takes a tenth of a second for an answer of forty thousand values, and more for a stranger
    one: whoever makes or reads back an answer that may be long has its key made there, off the
    event loop.
    """
    key = answered.key
    if key is None:
        key = same_key(answered.answer)
        if len(key) > KEY_CHARS:
            key = f"blake2b {hashlib.blake2b(key.encode(errors='surrogatepass')).hexdigest()}"
        answered.keep_key(key)
    return key


def same_key(answer: Json) -> str:
    """Return a text that is equal for answers that say the same.

    White space, case, a final full stop, LaTeX and Markdown dressing, thousands separators and
    trailing zeros do not tell answers apart; anything else does.
    """
    if isinstance(answer, dict | list):
        return _structure(cast("Json", answer))
    if not isinstance(answer, str):
        found = plain(answer)
        if isinstance(found, bool) or not isinstance(found, int | float | str):
            return json.dumps(found, sort_keys=True)
        # A number, or one that JSON cannot hold: of those, only the same one says the same.
        return hex(answer) if isinstance(answer, int) and found != answer else _spelled(str(found))
    text = answer.strip()
    if _INDENTED.search(text):
        # Code: indentation and case may be what tells two programs apart.
        return text
    start, end = text.find(_BOXED), text.rfind("}")
    if 0 <= start < end:
        text = text[start + len(_BOXED) : end]
    return _spelled(" ".join(text.strip("$`*_ \n").rstrip(".").split()).casefold())


def warnings_of(votes: Sequence[Vote], groups: Sequence[Group] | None = None) -> tuple[str, ...]:
    """Return what a reader of the agreement should be warned of.

    Args:
        votes: The candidates.
        groups: The same, grouped, where that is known.
    """
    groups = group_answers(votes) if groups is None else groups
    found: list[str] = []
    if len(votes) == 1:
        found.append("Only one candidate gave an answer: nothing confirms it.")
    if groups and len(groups[0].votes) > 1:
        top = groups[0].votes
        if len({vote.strategy for vote in top}) == 1:
            found.append(
                f"All candidates behind the largest group used one strategy ({top[0].strategy}): "
                "they may share one mistake."
            )
        if len({vote.solver for vote in top}) == 1 < len({vote.solver for vote in votes}):
            found.append(
                f"All candidates behind the largest group come from one solver ({top[0].solver}): "
                "agreement across models says more."
            )
    if len(groups) > 1 and len(groups[0].votes) == len(groups[1].votes):
        found.append("The most common answers are tied.")
    return tuple(found)


def _structure(answer: Json) -> str:
    # In parts, not in one call that keeps the interpreter from every other thread.
    try:
        return "".join(_ENCODER.iterencode(answer))
    except (TypeError, ValueError, RecursionError):
        # It holds what no record does.
        return json.dumps(plain(answer), sort_keys=True)


def _spelled(text: str) -> str:
    return _number(text) or text


def _solvers(group: Group) -> int:
    return len({vote.solver for vote in group.votes})


def _number(text: str) -> str | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    try:
        value = Decimal(match[1].replace(",", ""))
    except InvalidOperation:
        return None
    plain = f"{value:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    percent = "%" if text.rstrip().endswith("%") else ""
    return f"{'0' if value == 0 else plain.removeprefix('+')}{percent}"
