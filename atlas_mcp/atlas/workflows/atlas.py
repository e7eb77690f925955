"""The ATLAS loop: an orchestrator explores, decides when to stop, and synthesizes the answer.

It always comes to an end: each turn of the orchestrator adds explores, of which there are at most
`max_explores`, or counts as fruitless, of which at most `MAX_FRUITLESS_TURNS` are taken in a row.
Source: the ATLAS paper (arXiv 2606.01667).
"""

from __future__ import annotations

from itertools import takewhile

from typing_extensions import override

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.commands import Command, Note
from atlas_mcp.atlas.decisions import (
    Decision,
    Synthesis,
    Unreadable,
    WantedExplore,
    Wants,
    read_decision,
)
from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    OrchestratorReplied,
    Planned,
    RunFinished,
    SentBack,
)
from atlas_mcp.atlas.explore import Candidate, SolverFailure
from atlas_mcp.atlas.messages import ToolResult
from atlas_mcp.atlas.orchestrator_schemas import decision_schema, synthesis_schema
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.run_endings import failures_text
from atlas_mcp.atlas.run_facts import OrchestratorTurn
from atlas_mcp.atlas.state import RunState, quota_used
from atlas_mcp.atlas.workflows.asking import Opening, ask_orchestrator, orchestrator_of
from atlas_mcp.atlas.workflows.base import Workflow
from atlas_mcp.atlas.workflows.floor import floor_explores, missing_evidence, plan
from atlas_mcp.atlas.workflows.possible_explores import (
    has_gone_silent,
    must_conclude,
    next_id,
    reaches,
)
from atlas_mcp.atlas.workflows.synthesis import answered, unsynthesized

MAX_FRUITLESS_TURNS = 3
"""Turns of the orchestrator in a row that add no explore and give no accepted answer."""

ENOUGH_TO_GIVE_UP = 2
"""Explores that must have ended before "no supported answer" is accepted below the floor."""

UNEXPLORED = (
    "The orchestrator answered without an explore, also when it was told to make one first, "
    "and an answer without evidence is not passed on: ask again, or use another orchestrator."
)
"""Why a run that no limit ended has no explore."""


class Atlas(Workflow):
    """The loop of the paper, with its floors held and its first explores started at once."""

    orchestrated = True

    @override
    def next_commands(self, state: RunState) -> tuple[Command, ...]:
        """Return the first explores, a call of the orchestrator, or the end."""
        if not state.explores and not state.turns and not state.exploring_closed:
            start = plan(state, "prefetch", min(state.budget.prefetch, state.explores_left))
            if start.planned:
                return (Note(start),)
        failed = state.turns[-1].reply if state.turns else None
        if isinstance(failed, SolverFailure):
            reason: StopReason = "deadline" if failed.kind == "timeout" else "error"
            return (Note(unsynthesized(state, reason, f"The orchestrator: {failed.text}")),)
        if _hopeless(state):
            reason = "no_candidates" if state.done else must_conclude(state) or "no_candidates"
            return (Note(unsynthesized(state, reason, _failures(state))),)
        return (self.ask(state),)

    def ask(self, state: RunState) -> Command:
        """Return the next call of the orchestrator, or the end of a run that cannot pay for it."""
        if orchestrator_of(state).tools or must_conclude(state) is not None:
            return ask_orchestrator(state, _opening, synthesis_schema(state.problem, state.spec))
        return ask_orchestrator(state, _opening, decision_schema(state.problem, state.spec))

    @override
    def decide(
        self, state: RunState, turn: OrchestratorTurn, replied: OrchestratorReplied
    ) -> Event:
        """Return the event after the orchestrator's reply: explores, an end, or another turn."""
        decision = read_decision(replied, state.spec, state.problem.answer_schema)
        return self.follow(state, turn, decision)

    def follow(self, state: RunState, turn: OrchestratorTurn, decision: Decision) -> Event:
        """Return the event that follows from a decision of the orchestrator."""
        if isinstance(decision, Wants):
            return _grant(state, decision)
        if isinstance(decision, Unreadable):
            if decision.final or _fruitless(state) >= MAX_FRUITLESS_TURNS:
                return unsynthesized(state, "error", f"The orchestrator: {decision.fault}.")
            return SentBack(turn.asked.turn, prompts.unreadable(decision.fault), below_floor=False)
        if not state.votes and decision.answer is not None:
            if must_conclude(state) is not None or _fruitless(state) >= MAX_FRUITLESS_TURNS:
                return unsynthesized(state, "no_candidates", _failures(state))
            return SentBack(turn.asked.turn, prompts.UNFOUNDED, below_floor=False)
        missing = missing_evidence(state)
        if (
            missing is not None
            and must_conclude(state) is None
            and not _may_give_up(state, decision)
        ):
            if any(earlier.below_floor for earlier in state.turns):
                return floor_explores(state, missing)
            return SentBack(turn.asked.turn, prompts.too_early(missing), below_floor=True)
        return answered(state, turn, decision)


def _may_give_up(state: RunState, decision: Synthesis) -> bool:
    enough = min(ENOUGH_TO_GIVE_UP, state.budget.max_explores)
    return decision.answer is None and len(state.done) >= enough


def _grant(state: RunState, wants: Wants) -> ExploresPlanned | RunFinished:
    """Plan the explores that can be had and answer the other calls with why not."""
    planned: list[Planned] = []
    refused: list[ToolResult] = []
    serial = state.budget.max_parallel == 1
    left = 0 if must_conclude(state) else state.explores_left
    used = {entry.name: quota_used(state, entry.name) for entry in state.spec.solvers}
    for call in wants.calls:
        if not isinstance(call, WantedExplore):
            refused.append(_refusal(call.call_id, prompts.bad_arguments(call.fault)))
            continue
        solver = state.spec.solver(call.explore.solver)
        if left == 0:
            refused.append(_refusal(call.call_id, prompts.exhausted()))
        elif serial and planned:
            refused.append(_refusal(call.call_id, prompts.one_per_turn()))
        elif solver.quota is not None and used[solver.name] >= solver.quota:
            refused.append(_refusal(call.call_id, prompts.exhausted(solver.name)))
        elif not solver.spec.can_see(state.problem):
            refused.append(_refusal(call.call_id, prompts.blind(solver.name)))
        elif has_gone_silent(state, solver.name):
            refused.append(_refusal(call.call_id, prompts.silent(solver.name)))
        elif not reaches(state, call.explore):
            refused.append(_refusal(call.call_id, prompts.too_dear(solver.name)))
        else:
            planned.append(Planned(next_id(state, planned), call.explore, call.call_id))
            used[solver.name] += 1
            left -= 1
    if not planned and _fruitless(state) >= MAX_FRUITLESS_TURNS:
        return unsynthesized(
            state,
            must_conclude(state) or "error",
            "The orchestrator kept asking for explores it could not have.",
        )
    return ExploresPlanned("orchestrator", tuple(planned), tuple(refused))


def _refusal(call_id: str | None, text: str) -> ToolResult:
    return ToolResult(call_id or "", text, is_error=True)


def _fruitless(state: RunState) -> int:
    """Return how many turns in a row, the last one included, have led to no explore."""

    def barren(turn: OrchestratorTurn) -> bool:
        return all(state.explores[number].skipped for number in turn.granted)

    return sum(1 for _ in takewhile(barren, reversed(state.turns[state.resumed_turns :])))


def _hopeless(state: RunState) -> bool:
    """Return whether asking the orchestrator can lead to nothing."""
    outcomes = [explore.outcome for explore in state.done]
    if any(isinstance(outcome, Candidate) for outcome in outcomes):
        return False
    if must_conclude(state) is not None:
        return True
    return bool(outcomes) and all(
        isinstance(outcome, SolverFailure) and outcome.kind == "rejected" for outcome in outcomes
    )


def _failures(state: RunState) -> str:
    return failures_text(state, must_conclude(state), unplanned=UNEXPLORED)


def _opening(state: RunState) -> Opening:
    tools = (prompts.explore_tool(state.spec),) if orchestrator_of(state).tools else ()
    return Opening(prompts.orchestrator_system(state.spec), tools)
