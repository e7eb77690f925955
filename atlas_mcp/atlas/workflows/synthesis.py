"""The end of a run that an orchestrator carries on: its synthesis, or the evidence without one."""

from __future__ import annotations

from atlas_mcp.atlas.decisions import Synthesis
from atlas_mcp.atlas.events import RunFinished
from atlas_mcp.atlas.orchestrator_schemas import names_same_answers
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.run_facts import OrchestratorTurn
from atlas_mcp.atlas.same_answers import OWN_ANSWER
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.wording import share_text
from atlas_mcp.texts import quoted

ENOUGH_TO_AGREE = 2
"""Candidates with the same answer that suffice to return it without a synthesis."""


def answered(state: RunState, turn: OrchestratorTurn, synthesis: Synthesis) -> RunFinished:
    """Return the end that the orchestrator decided on, as its reply to a turn says it."""
    supported = synthesis.answer is not None
    return RunFinished(
        status="answered",
        stop_reason=(turn.asked.must_conclude or "decided") if supported else "no_supported_answer",
        answer=synthesis.answer,
        explanation=synthesis.explanation,
        confidence=synthesis.confidence if supported else None,
        dissent=synthesis.dissent,
        same_answers=_same_answers(state, synthesis),
    )


def _same_answers(state: RunState, synthesis: Synthesis) -> tuple[tuple[int, ...], ...]:
    """Return the sets of candidates that it says give the same answer, where it was asked.

    `OWN_ANSWER` is among them where they give the synthesized one.
    """
    if not names_same_answers(state.spec):
        return ()
    known = {vote.explore_id for vote in state.votes}
    if synthesis.answer is not None:
        known.add(OWN_ANSWER)
    same = (sorted(numbers & known) for numbers in synthesis.same_answers)
    return tuple(tuple(numbers) for numbers in same if len(numbers) > 1)


def unsynthesized(state: RunState, reason: StopReason, error: str) -> RunFinished:
    """Return the end of a run whose orchestrator gave no answer.

    At least two candidates with the same answer, and fewer with any other, are evidence that was
    paid for: the run returns their answer with a warning. With less evidence it has no answer.
    """
    groups = state.groups
    if not groups:
        return RunFinished("failed", "no_candidates" if reason == "error" else reason, error=error)
    top = len(groups[0].votes)
    if top >= ENOUGH_TO_AGREE and (len(groups) == 1 or top > len(groups[1].votes)):
        return RunFinished(
            "answered",
            reason,
            answer=groups[0].answer,
            explanation=f"{share_text(top, len(state.votes))} agree on this answer.",
            error=error,
            warning="The orchestrator did not synthesize this answer: it is what most "
            f"candidates say. Its reason: {quoted(error)}",
        )
    return RunFinished("failed", reason, error=error)
