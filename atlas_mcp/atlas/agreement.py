"""Which candidates give the same answer.

Owns the key by which answers are compared, the groups that follow from it and the warnings about
them. People and clients see the groups; `majority` answers with the largest one, and so does the
ATLAS loop where its orchestrator gave no answer. The orchestrator itself never reads them: it
judges the candidates.
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
"""Characters of the longest key that is kept as text; of a longer one its digest is kept."""

_ENCODER = json.JSONEncoder(sort_keys=True, allow_nan=False)


class Answered(Protocol):
    """A value with an answer that can remember the answer's key: see `atlas.keyed`."""

    @property
    def answer(self) -> Json:
        """The answer."""
        ...

    @property
    def key(self) -> str | None:
        """The remembered key; `None` before one was."""
        ...

    def keep_key(self, key: str) -> None:
        """Remember a key."""
        ...


@dataclass(frozen=True, slots=True)
class Vote:
    """A candidate, with the explore, the solver and the strategy that it came from."""

    explore_id: int
    solver: str
    strategy: str
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates with the same answer, written as the first of them wrote it."""

    answer: Json
    votes: tuple[Vote, ...]

    @property
    def solvers(self) -> frozenset[str]:
        """The solvers that the candidates came from."""
        return frozenset(vote.solver for vote in self.votes)


def group_answers(votes: Iterable[Vote]) -> tuple[Group, ...]:
    """Return the candidates grouped by their answers, the largest group first.

    Of groups of the same size, the one with more solvers comes first.
    """
    groups: dict[str, list[Vote]] = {}
    for vote in votes:
        groups.setdefault(key_of(vote.candidate), []).append(vote)
    found = [Group(votes[0].candidate.answer, tuple(votes)) for votes in groups.values()]
    return tuple(sorted(found, key=lambda group: (-len(group.votes), -len(group.solvers))))


def key_of(answered: Answered) -> str:
    """Return a short text that is equal for equal answers, worked out once for each value.

    An answer of forty thousand values takes a tenth of a second or more, so code that makes or
    reads back a long answer calls this there, off the event loop.
    """
    key = answered.key
    if key is None:
        key = same_key(answered.answer)
        if len(key) > KEY_CHARS:
            key = f"blake2b {hashlib.blake2b(key.encode(errors='surrogatepass')).hexdigest()}"
        answered.keep_key(key)
    return key


def same_key(answer: Json) -> str:
    """Return a text that is equal for equal answers.

    White space, case, a final full stop, LaTeX and Markdown around an answer, thousands separators
    and trailing zeros make no difference; everything else does.
    """
    if isinstance(answer, dict | list):
        return _structure(cast("Json", answer))
    if not isinstance(answer, str):
        found = plain(answer)
        if isinstance(found, bool) or not isinstance(found, int | float | str):
            return json.dumps(found, sort_keys=True)
        # A number that JSON cannot hold equals only itself.
        return hex(answer) if isinstance(answer, int) and found != answer else _spelled(str(found))
    text = answer.strip()
    if _INDENTED.search(text):
        # Code: two programs may differ in nothing but indentation or case.
        return text
    start, end = text.find(_BOXED), text.rfind("}")
    if 0 <= start < end:
        text = text[start + len(_BOXED) : end]
    return _spelled(" ".join(text.strip("$`*_ \n").rstrip(".").split()).casefold())


def is_tied(groups: Sequence[Group]) -> bool:
    """Return whether as many candidates give the second answer as the first."""
    return len(groups) > 1 and len(groups[0].votes) == len(groups[1].votes)


def warnings_of(
    votes: Sequence[Vote], groups: Sequence[Group] | None = None, *, tie: bool = True
) -> tuple[str, ...]:
    """Return the reasons to trust the agreement less, as sentences for its reader.

    Args:
        votes: The candidates.
        groups: Their groups, where these are known already.
        tie: Whether to warn of a tie too.
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
    if tie and is_tied(groups):
        found.append("The most common answers are tied.")
    return tuple(found)


def _structure(answer: Json) -> str:
    # In parts, not in one call that keeps the interpreter from every other thread.
    try:
        return "".join(_ENCODER.iterencode(answer))
    except (TypeError, ValueError, RecursionError):
        # A value that was not read from a record may hold parts that JSON does not have.
        return json.dumps(plain(answer), sort_keys=True)


def _spelled(text: str) -> str:
    return _number(text) or text


def _number(text: str) -> str | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    try:
        value = Decimal(match[1].replace(",", ""))
    except InvalidOperation:
        return None
    digits = f"{value:f}"
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    percent = "%" if text.rstrip().endswith("%") else ""
    return f"{'0' if value == 0 else digits.removeprefix('+')}{percent}"
