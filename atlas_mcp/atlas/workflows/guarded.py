"""The ATLAS loop for a weak orchestrator: what a rule can decide is not left to the model.

A small model explores with the same strategy again and again, goes on where the candidates agree,
and loses itself in a long prompt. So here

- the core explores by itself until the floor of the run's effort is reached, and asks nothing;
- an explore has a strategy that no other has had, as long as there is one;
- no explore is granted once the tally is settled, and the orchestrator is asked for the answer;
- the ceiling is four explores, unless the caller or the configuration names one;
- the prompt is short, and the reply has the fields that decide and no others.

A tally is settled when the floor is reached, two candidates with the leading answer come from
different methods (another strategy, or another model), and that answer leads by at least two, so
that no single explore could bring another one level. Answers are the same by the rules of
`atlas.agreement` alone. Where the candidates agree from the start, as they mostly do, the
orchestrator is called once.

It comes to an end for the reasons that `atlas` gives. The core's own explores are bounded by the
ceiling too, and it plans none once one had to be skipped.
"""

from __future__ import annotations

from dataclasses import replace

from typing_extensions import override

from atlas_mcp.atlas import guarded_prompts
from atlas_mcp.atlas.agreement import Vote
from atlas_mcp.atlas.answer_language import with_language
from atlas_mcp.atlas.briefing import Words
from atlas_mcp.atlas.commands import Command, Note
from atlas_mcp.atlas.decisions import BadCall, Decision, WantedExplore, Wants
from atlas_mcp.atlas.events import Event, ExploresPlanned
from atlas_mcp.atlas.explore import STRATEGIES, Strategy
from atlas_mcp.atlas.messages import Json, ToolResult
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.run_facts import OrchestratorTurn
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.asking import Opening, ask_orchestrator
from atlas_mcp.atlas.workflows.atlas import Atlas
from atlas_mcp.atlas.workflows.floor import floor_explores, missing_evidence
from atlas_mcp.atlas.workflows.possible_explores import must_conclude

USUAL_EXPLORES = 4
"""Explores of a run where none are asked for. Our own choice: two that disagree, a third, and one
that decides between three."""

SAFE_LEAD = 2
"""Candidates by which an answer must lead so that one further candidate cannot make a tie."""


class Guarded(Atlas):
    """The loop of the paper with a weak orchestrator: see the module."""

    @property
    @override
    def usual_explores(self) -> int:
        """How many explores a run takes at most, where nobody asks for a number."""
        return USUAL_EXPLORES

    @override
    def ask(self, state: RunState) -> Command:
        """Return the explores that the floor lacks, or a call of the orchestrator."""
        missing = missing_evidence(state)
        skipped = any(one.skipped for one in state.explores.values())
        if missing is not None and must_conclude(state) is None and not skipped:
            planned = floor_explores(state, missing)
            # No answer was sent back, so the orchestrator has nothing to be told about it.
            return Note(_varied(state, replace(planned, refused=())))
        return ask_orchestrator(state, _opening, _schema(state), words=WORDS)

    @override
    def follow(self, state: RunState, turn: OrchestratorTurn, decision: Decision) -> Event:
        """Return the event that follows from a decision, as far as the rules above allow it."""
        told: dict[Strategy, ToolResult] = {}
        if isinstance(decision, Wants):
            decision, told = _fitted(state, decision)
        event = super().follow(state, turn, decision)
        if not isinstance(event, ExploresPlanned):
            return event
        if event.origin == "floor":
            return _varied(state, event)
        changed = [
            told[one.explore.strategy] for one in event.planned if one.explore.strategy in told
        ]
        return replace(event, refused=(*event.refused, *changed))


def is_settled(state: RunState) -> bool:
    """Return whether no single explore can change which answer the candidates agree on.

    In a resumed run, whose user wants more evidence, not before an explore has been granted.
    """
    groups = state.groups
    if not groups or _wants_more(state) or missing_evidence(state) is not None:
        return False
    top = groups[0].votes
    lead = len(top) - (len(groups[1].votes) if len(groups) > 1 else 0)
    return lead >= SAFE_LEAD and len({_method(state, vote) for vote in top}) > 1


def unused_strategies(state: RunState, planned: tuple[Strategy, ...] = ()) -> tuple[Strategy, ...]:
    """Return the strategies that a further explore can have: all, once each has been used.

    Args:
        state: The run.
        planned: Strategies that are given out already, besides those of the run.
    """
    used = {one.planned.explore.strategy for one in state.explores.values() if one.skipped is None}
    taken = used | {*planned}
    return tuple(one for one in STRATEGIES if one not in taken) or STRATEGIES


def _method(state: RunState, vote: Vote) -> tuple[str, str]:
    """Return how a candidate was found: by which strategy, and by which model."""
    return vote.strategy, state.spec.solver(vote.solver).spec.model


def _wants_more(state: RunState) -> bool:
    """Return whether the run was resumed after an answer and has explored nothing since."""
    if state.resumed_turns == 0 or state.turns[state.resumed_turns - 1].sent_back is None:
        return False
    return not any(turn.granted for turn in state.turns[state.resumed_turns :])


def _fitted(state: RunState, wants: Wants) -> tuple[Wants, dict[Strategy, ToolResult]]:
    """Return the explores that may be granted, and a text for each strategy put for another."""
    settled = is_settled(state)
    calls: list[WantedExplore | BadCall] = []
    told: dict[Strategy, ToolResult] = {}
    given: tuple[Strategy, ...] = ()
    for call in wants.calls:
        if isinstance(call, BadCall):
            calls.append(call)
            continue
        if settled:
            calls.append(BadCall(call.call_id, guarded_prompts.SETTLED))
            continue
        wanted = call.explore.strategy
        unused = unused_strategies(state, given)
        strategy = wanted if wanted in unused else unused[0]
        given = (*given, strategy)
        calls.append(replace(call, explore=replace(call.explore, strategy=strategy)))
        if strategy != wanted:
            told[strategy] = ToolResult("", guarded_prompts.other_strategy(wanted, strategy))
    return Wants(tuple(calls)), told


def _varied(state: RunState, event: ExploresPlanned) -> ExploresPlanned:
    """Return explores that the core plans with strategies that no other explore has had."""
    given: tuple[Strategy, ...] = ()
    planned = list(event.planned)
    for i, one in enumerate(planned):
        unused = unused_strategies(state, given)
        strategy = one.explore.strategy if one.explore.strategy in unused else unused[0]
        given = (*given, strategy)
        planned[i] = replace(one, explore=replace(one.explore, strategy=strategy))
    return replace(event, planned=tuple(planned))


def _schema(state: RunState) -> dict[str, Json]:
    """Return the shape of the next reply: the agreed answer, any answer, or a decision."""
    if is_settled(state):
        agreed: list[Json] = []
        for vote in state.groups[0].votes:
            if vote.candidate.answer not in agreed:
                agreed.append(vote.candidate.answer)
        return guarded_prompts.synthesis_schema(state.problem, agreed)
    if must_conclude(state) is not None:
        return guarded_prompts.synthesis_schema(state.problem)
    unused = unused_strategies(state)
    return guarded_prompts.decision_schema(state.problem, state.spec, unused)


def _opening(state: RunState) -> Opening:
    """Return the system prompt; it names explores only where one can be had at the start."""
    concluding = is_settled(state) or must_conclude(state) is not None
    text = guarded_prompts.SYNTHESIS if concluding else guarded_prompts.DECISION
    return Opening(with_language(text, state.problem.text))


def _status(state: RunState, concluding: StopReason | None) -> str:
    return guarded_prompts.status_text(
        state, concluding, settled=is_settled(state), unused=unused_strategies(state)
    )


WORDS = Words(guarded_prompts.result_text, _status)
