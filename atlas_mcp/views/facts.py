"""The facts of a run in words that people and clients read: counts, agreement, failures.

The text and progress of tools, tasks and terminals take their words from here, and from
`atlas.wording`, which has those that models read too. Pure functions of plain values, so that a
state and a view give the same words. Knows nothing of places, colours or lengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from atlas_mcp.atlas.explore import SOLVER, FailureKind, SolverFailure
from atlas_mcp.atlas.wording import bound_text, share_text
from atlas_mcp.texts import counted
from atlas_mcp.views.run_view import AnswerGroup, RunView

FAILURES: Mapping[FailureKind, str] = {
    "timeout": "out of time",
    "unavailable": "no answer",
    "rejected": "the call was rejected",
    "refused": "the model refused",
    "truncated": "the reply was cut off",
    "malformed": "the reply has no usable candidate",
    "cancelled": "stopped",
}
"""Why an explore failed, in few words."""


SMALL_MODEL = (
    "A small embedded model takes part: it shows that the machinery works. Do not trust its "
    "answers."
)
"""Said of a run at its beginning, and among the warnings of its result."""


class Counts(Protocol):
    """Counted requests and tokens, of a state or of a view."""

    @property
    def requests(self) -> int:
        """The calls."""
        ...

    @property
    def input_tokens(self) -> int:
        """The tokens read."""
        ...

    @property
    def output_tokens(self) -> int:
        """The tokens written."""
        ...


def uncertain_text(uncertain: Decimal) -> str:
    """Return the sentence on money that may have been billed beyond the cost of a run."""
    most = bound_text(uncertain)
    return f"Calls that broke off may have been billed up to {most} beyond cost_usd."


def calls_text(counts: Counts) -> str:
    """Return the calls of a run and their tokens, as in "5 calls, 2,041 tokens in, 219 out"."""
    return (
        f"{counted(counts.requests, 'call')}, {counts.input_tokens:,} tokens in, "
        f"{counts.output_tokens:,} out"
    )


def tokens_text(count: int) -> str:
    """Return the tokens that a model has written, as in "1,200 tokens"."""
    return counted(count, "token")


def evidence_text(found: int, failed: int) -> str:
    """Return the evidence of a run, as in "3 candidates, 1 explore failed"."""
    failures = f", {failed_text(failed)}" if failed else ""
    return f"{counted(found, 'candidate')}{failures}"


def evidence_of(view: RunView) -> str:
    """Return the evidence that a view holds, as in "3 candidates, 1 explore failed"."""
    failed = failures_in(view)
    return evidence_text(len(view.candidates) - failed, failed)


def failures_in(view: RunView) -> int:
    """Return how many explores of a view failed."""
    return sum(one.status == "failed" for one in view.candidates)


def failed_text(failed: int) -> str:
    """Return how many explores failed, as in "1 explore failed"."""
    return f"{counted(failed, 'explore')} failed"


def agreement_text(top: int, found: int, by_rule: int, own: int | None = None) -> str:
    """Return how many of the candidates agree, as in "3 of 4 agree", or that no two of them do.

    Where they agree by judgement it says so: "3 of 4 agree: 2 by rule, 1 by judgement". Where the
    run has another answer than most of them, it is about that one: "1 of 5 gives this answer, 4
    agree on another". It is empty for fewer than two candidates.

    Args:
        top: Candidates of the largest group.
        found: All candidates.
        by_rule: Those of the group that have its answer by rule.
        own: Candidates that give the answer of the run, where that is not the answer of the group;
            `None` where it is, and where the run has no answer.
    """
    if found < 2:
        return ""
    if own is not None:
        gives = f"{own or 'none'} of {found} give{'' if own > 1 else 's'} this answer"
        return f"{gives}, {f'{top} agree on another' if top > 1 else 'no two agree'}"
    if top == 1:
        return "no two agree"
    grounds = _grounds_text(top, by_rule, "judgement")
    return f"{top} of {found} agree{f': {grounds}' if grounds else ''}"


def agreement_in(view: RunView) -> str:
    """Return how many of the candidates of a view agree: see `agreement_text`."""
    groups = view.agreement.groups
    if not groups:
        return ""
    top, own = groups[0], None
    if view.answer is not None and not top.chosen:
        own = sum(len(group.explore_ids) for group in groups if group.chosen)
    return agreement_text(len(top.explore_ids), candidates_in(view), agreeing_by_rule(top), own)


def candidates_in(view: RunView) -> int:
    """Return how many candidates the groups of a view have."""
    return sum(len(group.explore_ids) for group in view.agreement.groups)


def agreeing_by_rule(group: AnswerGroup) -> int:
    """Return how many candidates of a group have its answer by rule."""
    by_rule = group.agreeing_by_rule
    return len(group.explore_ids) if by_rule is None else by_rule


def top_answer_text(top: int, found: int, answer: str, by_rule: int) -> str:
    """Return an answer and its support, as in "3 of 4 candidates say "42"".

    Where they say the same by judgement, it says so in parentheses behind it.

    Args:
        top: Candidates of the group.
        found: All candidates.
        answer: Their answer, quoted.
        by_rule: Those of the group that have its answer by rule.
    """
    grounds = _grounds_text(top, by_rule, "the orchestrator's judgement")
    behind = f" ({grounds})" if grounds else ""
    return f"{share_text(top, found)} say{'s' if top == 1 else ''} {answer}{behind}"


def _grounds_text(top: int, by_rule: int, judgement: str) -> str:
    """Return why candidates are in one group; empty where rules alone make it.

    Where no two of them agree by rule, no number is told.
    """
    if by_rule == top:
        return ""
    if by_rule == 1:
        return f"by {judgement}"
    return f"{by_rule} by rule, {top - by_rule} by {judgement}"


def explores_text(numbers: Sequence[int]) -> str:
    """Return explores by their numbers, as in "explores 1, 2 and 5"; empty for none."""
    if len(numbers) < 2:
        return f"explore {numbers[0]}" if numbers else ""
    return f"explores {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def failure_text(failure: SolverFailure) -> str:
    """Return why a call failed, for a person: its kind in words, and its own text."""
    return f"{FAILURES[failure.kind]}: {failure.text}"


def explore_name(number: int, solver: str, *, strategy: str, role: str = SOLVER) -> str:
    """Return the name of an explore, as in "#2 sonnet work_backwards", or "#3 sonnet critic"."""
    return f"#{number} {solver} {strategy if role == SOLVER else role}"


def confidence_text(confidence: float | None, label: str = "") -> str:
    """Return a stated confidence to stand behind an answer, as in " (90%)"; empty for none.

    Args:
        confidence: From 0 to 1.
        label: A word before the number, for a reader who may not know its meaning.
    """
    return "" if confidence is None else f" ({label}{confidence:.0%})"
