"""Which candidates give the same answer.

Owns the key by which answers are compared, the groups that follow from it by rule, their merging
where more is known, and the warnings about them. People and clients see the groups; `majority`
answers with the largest one, and so does the ATLAS loop where its orchestrator gave no answer. The
orchestrator itself never reads them: it judges the candidates, and may name those that say the same
in other words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from atlas_mcp.atlas.comparing.asked import NOTHING_ASKED, Asked
from atlas_mcp.atlas.explore import Candidate
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.outcomes import Grounds


class Answered(Protocol):
    """A value with an answer that can remember the answer's key: see `atlas.keyed`."""

    @property
    def answer(self) -> Json:
        """The answer."""
        ...

    def key_under(self, asked: object) -> str | None:
        """Return the remembered key of an answer to what was asked; `None` before one was."""
        ...

    def keep_key(self, key: str, asked: object = None) -> None:
        """Remember a key of an answer to what was asked; without that, to anything."""
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
    """Candidates with the same answer, written as the first of them wrote it.

    Attributes:
        answer: The answer.
        votes: The candidates, in the order of their explores.
        keys: The keys of their answers: one, unless more than the keys say that they agree.
        merged: The groups by rule that judgement made one of, the largest first; none for a group
            by rule.
    """

    answer: Json
    votes: tuple[Vote, ...]
    keys: frozenset[str]
    merged: tuple[Group, ...] = ()

    @property
    def by(self) -> Grounds:
        """Why the candidates are in one group."""
        return "judgement" if self.merged else "rule"

    @property
    def by_rule(self) -> int:
        """The number of its candidates that have its answer by rule."""
        return len(self.merged[0].votes if self.merged else self.votes)

    @property
    def explore_ids(self) -> tuple[int, ...]:
        """The numbers of the candidates' explores."""
        return tuple(vote.explore_id for vote in self.votes)

    @property
    def solvers(self) -> frozenset[str]:
        """The solvers that the candidates came from."""
        return frozenset(vote.solver for vote in self.votes)


def group_answers(
    votes: Iterable[Vote],
    *,
    schema: Mapping[str, Json] | None = None,
    question: str | None = None,
) -> tuple[Group, ...]:
    """Return the candidates grouped by their answers, the largest group first.

    Of groups of the same size, the one with more solvers comes first.

    Args:
        votes: The candidates.
        schema: JSON Schema of the answers; `None` for text.
        question: The text of the problem, which decides on units, order, rounding and the like.
    """
    asked = Asked.about(question, schema)
    groups: dict[str, list[Vote]] = {}
    for vote in votes:
        groups.setdefault(key_of(vote.candidate, asked), []).append(vote)
    found = [
        Group(votes[0].candidate.answer, tuple(votes), frozenset({key}))
        for key, votes in groups.items()
    ]
    return _ranked(found)


def merged_groups(
    groups: Sequence[Group], same: Iterable[Collection[int]], *, by: Grounds = "rule"
) -> tuple[Group, ...]:
    """Return the groups with those made one whose candidates give the same answer, ranked anew.

    A merged group has the answer of the largest one in it. No group is ever split, and of what is
    said to be the same the order does not matter.

    Args:
        groups: The groups by rule, ranked.
        same: Sets of numbers of explores whose candidates give the same answer. Numbers without a
            candidate say nothing.
        by: Why they do.
    """
    place = {number: i for i, group in enumerate(groups) for number in group.explore_ids}
    first = list(range(len(groups)))
    for numbers in same:
        joined = {first[place[number]] for number in numbers if number in place}
        if len(joined) > 1:
            lowest = min(joined)
            first = [lowest if one in joined else one for one in first]
    parts: dict[int, list[Group]] = {}
    for group, one in zip(groups, first, strict=True):
        parts.setdefault(one, []).append(group)
    return _ranked(_merged(tuple(one), by) for one in parts.values())


def _merged(parts: tuple[Group, ...], by: Grounds) -> Group:
    if len(parts) == 1:
        return parts[0]
    votes = (vote for part in parts for vote in part.votes)
    return Group(
        parts[0].answer,
        tuple(sorted(votes, key=lambda vote: vote.explore_id)),
        frozenset[str]().union(*(part.keys for part in parts)),
        parts if by == "judgement" else (),
    )


def _ranked(groups: Iterable[Group]) -> tuple[Group, ...]:
    return tuple(sorted(groups, key=lambda group: (-len(group.votes), -len(group.solvers))))


def key_of(answered: Answered, asked: Asked = NOTHING_ASKED) -> str:
    """Return a short text that is equal for equal answers, worked out once for each value.

    Args:
        answered: The value with the answer.
        asked: What is known of the problem.
    """
    key = answered.key_under(asked)
    if key is None:
        # At first use: the readers take a fifth of a second to be imported.
        from atlas_mcp.atlas.comparing.answers import answer_key

        key = answer_key(answered.answer, asked)
        answered.keep_key(key, asked)
    return key


def keep_long_key(answered: Answered) -> None:
    """Work out the key of a long answer.

    An answer of forty thousand values takes a tenth of a second or more, so code that makes or
    reads back an answer calls this there, off the event loop.
    """
    from atlas_mcp.atlas.comparing.answers import is_long, long_key

    if is_long(answered.answer):
        answered.keep_key(long_key(answered.answer))


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
