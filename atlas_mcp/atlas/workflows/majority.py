"""Majority vote: independent solvers, and the answer that most of them give.

The fixed workflow that ATLAS is compared with most: no orchestrator, no synthesis. Source: Wang et
al., "Self-Consistency Improves Chain of Thought Reasoning" (arXiv 2203.11171).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from typing_extensions import override

from atlas_mcp.atlas.agreement import Group, is_tied
from atlas_mcp.atlas.budget import MAX_EXPLORES_CEILING
from atlas_mcp.atlas.commands import Command, Note
from atlas_mcp.atlas.events import ExploresPlanned, Planned, RunFinished
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.run_endings import failures_text
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.wording import share_text
from atlas_mcp.atlas.workflows.base import Workflow
from atlas_mcp.atlas.workflows.options import whole_number
from atlas_mcp.atlas.workflows.possible_explores import must_conclude, next_id, usable


@dataclass(frozen=True)
class Majority(Workflow):
    """Asks `votes` solvers at once, the entries of the pool in turn, and counts their answers.

    Attributes:
        votes: How many solvers; `None` for as many as the budget allows explores.
    """

    votes: int | None = None

    @classmethod
    @override
    def with_option(cls, option: str | None) -> Self:
        """Return the workflow for `majority[:N]`.

        Raises:
            InvalidInput: N is no number of votes.
        """
        return cls(whole_number(option, least=1, most=MAX_EXPLORES_CEILING))

    @property
    @override
    def explores(self) -> int | None:
        """How many explores a run takes: one a vote."""
        return self.votes

    @override
    def next_commands(self, state: RunState) -> tuple[Command, ...]:
        """Return the explores that are missing, or the vote."""
        if not state.exploring_closed:
            planned = _solvers(state, state.explores_left)
            if planned:
                return (Note(ExploresPlanned("workflow", planned)),)
        return (Note(_counted(state)),)


def _solvers(state: RunState, count: int) -> tuple[Planned, ...]:
    """Return as many explores as can be had, all alike, over the solvers in turn."""
    planned: list[Planned] = []
    first = len(state.explores)
    for i in range(first, first + count):
        solvers = usable(state, planned)
        if not solvers:
            break
        planned.append(Planned(next_id(state, planned), Explore(solvers[i % len(solvers)])))
    return tuple(planned)


def _counted(state: RunState) -> RunFinished:
    groups = state.groups
    if not groups:
        limit = must_conclude(state)
        return RunFinished("failed", "no_candidates", error=failures_text(state, limit))
    top, votes = groups[0], len(state.votes)
    return RunFinished(
        "answered",
        _reason(state),
        answer=top.answer,
        explanation=_explanation(top, votes),
        warning=_tie(groups),
    )


def _reason(state: RunState) -> StopReason:
    """Return "decided" where every vote was asked for, else the limit that kept some away."""
    asked = state.explores_left == 0 and not any(one.skipped for one in state.explores.values())
    return "decided" if asked else must_conclude(state) or "decided"


def _explanation(top: Group, votes: int) -> str:
    share = share_text(len(top.votes), votes, "independent candidate")
    verb = "gives" if len(top.votes) == 1 else "give"
    return f"{share} {verb} this answer. The first argues: {top.votes[0].candidate.reasoning}"


def _tie(groups: tuple[Group, ...]) -> str | None:
    """Return by which rule one of the most common answers was taken; `None` without a tie."""
    if not is_tied(groups):
        return None
    if len(groups[0].solvers) > len(groups[1].solvers):
        return "The most common answers are tied; the one that more solvers give was taken."
    return "The most common answers are tied; the one whose candidate came first was taken."
