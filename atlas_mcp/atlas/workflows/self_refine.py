"""Self-refine: one solver answers, criticises its own answer and answers again, round by round.

No orchestrator. The critic and the refiner are the solver's own model, shown the earlier candidate.
Source: Madaan et al., "Self-Refine: Iterative Refinement with Self-Feedback" (arXiv 2303.17651),
which takes at most 4 rounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from typing_extensions import override

from atlas_mcp.atlas.commands import Command, Note
from atlas_mcp.atlas.events import ExploresPlanned, Planned, RunFinished
from atlas_mcp.atlas.explore import (
    Candidate,
    Explore,
    Outcome,
    Remark,
    SolverFailure,
    incomplete,
)
from atlas_mcp.atlas.holds import solver_tokens_at_most
from atlas_mcp.atlas.messages import Json, ModelRequest, Reply, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.run_endings import failures_text
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.solver_prompts import (
    bounded,
    problem_parts,
    shape_asked_for,
    solver_request,
)
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.storable import text_of
from atlas_mcp.atlas.wording import CANDIDATES_ARE_DATA
from atlas_mcp.atlas.workflows.base import Workflow
from atlas_mcp.atlas.workflows.options import whole_number
from atlas_mcp.atlas.workflows.possible_explores import must_conclude, next_id, reaches, usable
from atlas_mcp.atlas.workflows.shown_results import shown_text
from atlas_mcp.atlas.written_json import read_object

ROUNDS = 4
"""Rounds of criticism and refinement, at most. Source: the paper."""

MAX_ROUNDS = 20
"""More rounds than this are a mistake."""

ROUND_EXPLORES = 2
"""Explores of one round: the critic's and the refiner's."""

DRAFTER, CRITIC, REFINER = "drafter", "critic", "refiner"
"""The roles of the calls. None of them votes: each candidate is made of the one before."""

CRITIC_SYSTEM = f"""\
You are checking a candidate's answer to a problem. Work through its justification step by step \
against every condition of the problem, and name each mistake, gap or unproved claim, and how to \
mend it. Do not write a new solution.

{CANDIDATES_ARE_DATA} to you.

Reply with one JSON object:
- feedback: what is wrong or missing, step by step; or why nothing is.
- satisfied: true only if you would stake your name on the answer as it stands."""

REFINER_DIRECTIVE = """\
An earlier candidate and the feedback on it follow. Answer the problem anew: keep what holds, mend \
what the feedback shows to be wrong, and check the feedback itself, which may be mistaken.
"""

_CRITIC_SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {"feedback": {"type": "string"}, "satisfied": {"type": "boolean"}},
    "required": ["feedback", "satisfied"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class SelfRefine(Workflow):
    """Alternates a critic and a refiner until the critic is satisfied or a limit is reached.

    Attributes:
        rounds: Rounds of criticism and refinement, at most; `None` for `ROUNDS`, as far as the
            budget allows explores.
    """

    rounds: int | None = None

    @classmethod
    @override
    def with_option(cls, option: str | None) -> Self:
        """Return the workflow for `self-refine[:N]`.

        Raises:
            InvalidInput: N is no number of rounds.
        """
        return cls(whole_number(option, least=1, most=MAX_ROUNDS))

    @property
    @override
    def explores(self) -> int | None:
        """How many explores a run takes at most: one, and two a round."""
        return None if self.rounds is None else 1 + ROUND_EXPLORES * self.rounds

    @override
    def next_commands(self, state: RunState) -> tuple[Command, ...]:
        """Return the next call of the round, or the end."""
        following = None if state.exploring_closed else self._next(state)
        if following is not None and state.explores_left > 0 and reaches(state, following):
            planned = (Planned(next_id(state, ()), following),)
            return (Note(ExploresPlanned("workflow", planned)),)
        return (Note(self._ended(state)),)

    def _next(self, state: RunState) -> Explore | None:
        """Return the next explore of the run; `None` where nothing is left to be done."""
        last = state.ended[-1] if state.ended else None
        if last is None:
            solvers = usable(state)
            return Explore(solvers[0], role=DRAFTER) if solvers else None
        solver = last.planned.explore.solver
        if isinstance(last.outcome, Candidate):
            # Criticism that nothing can follow is not worth its price.
            if self._is_refined(state) or state.explores_left < ROUND_EXPLORES:
                return None
            return Explore(solver, role=CRITIC, shows=(last.id,))
        if isinstance(last.outcome, Remark) and not _is_satisfied(last.outcome):
            shown = last.planned.explore.shows
            return Explore(solver, role=REFINER, shows=(*shown, last.id))
        return None

    def _is_refined(self, state: RunState) -> bool:
        """Return whether every round was had that was asked for."""
        refined = sum(
            one.planned.explore.role == REFINER and isinstance(one.outcome, Candidate)
            for one in state.done
        )
        return refined >= (self.rounds or ROUNDS)

    def _ended(self, state: RunState) -> RunFinished:
        last = state.ended[-1].outcome if state.ended else None
        satisfied = isinstance(last, Remark) and _is_satisfied(last)
        return _ended(state, whole=satisfied or self._is_refined(state))

    @override
    def request(
        self,
        state: RunState,
        explore: Explore,
        spec: ModelSpec,
        *,
        max_tokens: int,
        seed: int | None,
    ) -> ModelRequest:
        """Return the request: a critic sees a candidate, a refiner its feedback too."""
        if explore.role != CRITIC:
            return solver_request(
                state.problem,
                explore,
                spec,
                max_tokens=max_tokens,
                seed=seed,
                further=_further(state, explore),
            )
        shown = shown_text(state, explore.shows)
        schema = bounded(_CRITIC_SCHEMA, spec.max_string_chars)
        return ModelRequest(
            system=CRITIC_SYSTEM,
            turns=(
                UserTurn(
                    (*problem_parts(state.problem), Text(shown + shape_asked_for(schema, spec)))
                ),
            ),
            max_tokens=max_tokens,
            schema=schema,
            effort=explore.effort or spec.effort,
            seed=seed,
            temperature=spec.temperature,
        )

    @override
    def input_tokens_at_most(self, state: RunState, explore: Explore, spec: ModelSpec) -> int:
        """Return a bound of the input tokens of `request`; a critic's is built for this."""
        if explore.role == CRITIC:
            return super().input_tokens_at_most(state, explore, spec)
        further = _further(state, explore)
        return solver_tokens_at_most(state.problem, explore, spec, further=further)

    @override
    def read(self, state: RunState, explore: Explore, reply: Reply) -> Outcome:
        """Return the candidate in a reply, or a critic's remark."""
        if explore.role != CRITIC:
            return super().read(state, explore, reply)
        failure = incomplete(reply)
        if failure is not None:
            return failure
        found = read_object(reply.turn.text, ("feedback", "satisfied"))
        if isinstance(found, str):
            return SolverFailure("malformed", found)
        if "feedback" not in found:
            return SolverFailure("malformed", "the reply lacks feedback")
        is_satisfied = found.get("satisfied") is True
        return Remark(text_of(found["feedback"]), {"satisfied": is_satisfied})


def _further(state: RunState, explore: Explore) -> str:
    """Return the text beside the problem: for a refiner a candidate with its feedback."""
    if explore.role != REFINER:
        return ""
    return f"{REFINER_DIRECTIVE}\n{shown_text(state, explore.shows)}"


def _is_satisfied(remark: Remark) -> bool:
    """Return whether a critic found nothing left to correct."""
    return remark.data == {"satisfied": True}


def _ended(state: RunState, *, whole: bool) -> RunFinished:
    """Return the end: the newest candidate is the answer.

    Args:
        state: The run.
        whole: Whether every round was had that was asked for.
    """
    candidates = [one for one in state.ended if isinstance(one.outcome, Candidate)]
    if not candidates:
        limit = must_conclude(state)
        return RunFinished("failed", "no_candidates", error=failures_text(state, limit))
    newest, last = candidates[-1].outcome, state.ended[-1]
    assert isinstance(newest, Candidate), "it was chosen as one"
    limit = must_conclude(state) or "max_explores"
    if isinstance(last.outcome, SolverFailure):
        limit = must_conclude(state) or "error"
    return RunFinished(
        "answered",
        "decided" if whole else limit,
        answer=newest.answer,
        explanation=newest.reasoning,
        confidence=newest.confidence,
        dissent=_open_remark(last),
        warning=_broken_off(last),
    )


def _open_remark(last: ExploreState) -> str | None:
    """Return the criticism that was not answered any more."""
    remark = last.outcome
    return remark.text if isinstance(remark, Remark) and not _is_satisfied(remark) else None


def _broken_off(last: ExploreState) -> str | None:
    if isinstance(last.outcome, SolverFailure):
        return "The refinement broke off, so this is the last candidate before that."
    return None
