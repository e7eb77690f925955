"""The evidence of a run as a question about it shows it: all that is on record, and nothing else.

Owns the order, and the rule by which an evidence too long for its reader is shortened: the longest
texts are cut to one length. Earlier questions are not shown: each is answered from the evidence
alone, so that no earlier reply passes for evidence.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from atlas_mcp.atlas import question_prompts
from atlas_mcp.atlas.events import OrchestratorReplied, RunFinished
from atlas_mcp.atlas.explore import SOLVER, Candidate, SolverFailure
from atlas_mcp.atlas.messages import Part, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.run_facts import ExploreState, OrchestratorTurn
from atlas_mcp.atlas.solver_prompts import problem_parts, shape_asked_for
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import rounded
from atlas_mcp.atlas.wording import candidate_data, percent_of
from atlas_mcp.texts import answer_text, as_data

MAX_EVIDENCE_CHARS = 800_000
"""Characters of the evidence, as it is sent. Our own choice: about 200,000 tokens, a fifth of
current contexts, and more than 20 candidates of 30,000 characters each."""

SMALL_EVIDENCE_CHARS = 16_000
"""The same for a small model: half of the context that embedded ones have by default."""

FIXED_CHARS = 400
"""Characters of an explore or a decision besides its long texts, for the purpose of the bound."""

Cut = Callable[[str], str]


class Evidence(NamedTuple):
    """The user turn of a question, and whether texts in it were shortened."""

    turn: UserTurn
    shortened: bool


def evidence_turn(state: RunState, question: str, model: ModelSpec) -> Evidence:
    """Return the user turn that shows the evidence of a run, and asks a question about it.

    The evidence comes first and is the same for all questions, so that vendors can cache it.

    Args:
        state: The run.
        question: The question.
        model: The model that is asked.
    """
    texts = list(_long_texts(state))
    room = SMALL_EVIDENCE_CHARS if model.is_small else MAX_EVIDENCE_CHARS
    room -= FIXED_CHARS * (len(state.explores) + len(state.turns) + 1)
    lengths = [_sent_chars(text) for text in texts]
    limit = fair_limit(lengths, room)
    shown = [*_explores(state, _cut_at(limit)), *_decisions(state, _cut_at(limit))]
    shown.append(_end(state, _cut_at(limit)))
    shortened = any(length > limit for length in lengths)
    note = f"{question_prompts.SHORTENED}\n" if shortened else ""
    asked = f"{note}<question>{as_data(question)}</question>"
    parts: list[Part] = [
        *problem_parts(state.problem),
        *(Text(line) for line in shown[:-1]),
        Text(shown[-1], cache=True),
        Text(asked + shape_asked_for(question_prompts.schema(), model)),
    ]
    return Evidence(UserTurn(tuple(parts)), shortened)


def fair_limit(lengths: Sequence[int], room: int) -> int:
    """Return the length to which texts are cut so that all together fit a room.

    Args:
        lengths: The lengths of the texts.
        room: Characters for all of them; where that is less than nothing, it is nothing.
    """
    left, longest_first = max(0, room), sorted(lengths)
    while longest_first:
        share = left // len(longest_first)
        if longest_first[0] > share:
            return share
        left -= longest_first.pop(0)
    return max(lengths, default=0)


def _sent_chars(text: str) -> int:
    """Return the characters that a text has in the evidence: some are written as six."""
    return len(as_data(text)) - len('""')


def _cut_at(limit: int) -> Cut:
    def cut(text: str) -> str:
        if len(text) <= limit and _sent_chars(text) <= limit:
            return text
        # No character is written as less than one.
        ends = range(1, min(len(text), limit + 1))
        kept = bisect_right(ends, limit, key=lambda end: _sent_chars(text[:end]))
        return f"{text[:kept]}… [cut: {len(text) - kept:,} more characters]"

    return cut


def _long_texts(state: RunState) -> Iterator[str]:
    """Yield the texts of models in the evidence."""
    for explore in state.explores.values():
        outcome = explore.outcome
        if isinstance(outcome, Candidate):
            yield from (answer_text(outcome.answer), outcome.reasoning, outcome.approach)
        elif outcome is not None and not isinstance(outcome, SolverFailure):
            yield outcome.text
    for turn in state.turns:
        if isinstance(turn.reply, OrchestratorReplied):
            yield turn.reply.reply.text
            yield from (answer_text(dict(one.arguments)) for one in turn.reply.reply.tool_calls)
    for end in (*(one.end for one in state.resumptions), state.finished):
        if end is not None:
            yield answer_text(end.answer)
            yield from (end.explanation or "", end.dissent or "")


def _explores(state: RunState, cut: Cut) -> Iterator[str]:
    for explore in state.explores.values():
        yield candidate_data(_explore(state, explore, cut))


def _explore(state: RunState, explore: ExploreState, cut: Cut) -> dict[str, Any]:
    action, outcome = explore.planned.explore, explore.outcome
    model = state.spec.solver(action.solver).spec.title
    seen: dict[str, Any] = {"number": explore.id, "solver": action.solver, "model": model}
    seen["strategy"] = action.strategy
    if action.role != SOLVER:
        seen |= {"role": action.role, "was_shown": list(action.shows)}
    if action.instruction:
        seen["instruction"] = action.instruction
    if isinstance(outcome, Candidate):
        seen |= {
            "answer": _value(outcome.answer, cut),
            "confidence_percent": percent_of(outcome.confidence),
            "approach": cut(outcome.approach),
            "justification": cut(outcome.reasoning),
        }
    elif isinstance(outcome, SolverFailure):
        seen |= {"failed": outcome.kind, "why": outcome.text}
    elif outcome is not None:
        seen["remark"] = cut(outcome.text)
    else:
        seen["not_run"] = explore.skipped or "it has not ended"
    if explore.charge.cost is not None:
        seen["cost_usd"] = rounded(explore.charge.cost, 4)
    return seen


def _decisions(state: RunState, cut: Cut) -> Iterator[str]:
    """Yield what the orchestrator decided, and when the run went on after it had stopped."""
    stops = {one.turns for one in state.resumptions}
    yield from _resumptions(state, 0, cut)
    for number, turn in enumerate(state.turns, start=1):
        if turn.reply is not None:
            seen = _decision(turn, cut, was_refused=number not in stops)
            yield f"<decision>{as_data(seen)}</decision>"
        yield from _resumptions(state, number, cut)


def _resumptions(state: RunState, turns: int, cut: Cut) -> Iterator[str]:
    for one in state.resumptions:
        if one.turns != turns:
            continue
        seen: dict[str, Any] = {"run": "went on"}
        if one.instruction:
            seen["user_asked"] = one.instruction
        if one.end is not None:
            seen["earlier_end"] = _ended(one.end, cut)
        yield f"<resumed>{as_data(seen)}</resumed>"


def _decision(turn: OrchestratorTurn, cut: Cut, *, was_refused: bool) -> dict[str, Any]:
    seen: dict[str, Any] = {"turn": turn.asked.turn, "was_shown": list(turn.asked.shows)}
    reply = turn.reply
    if isinstance(reply, OrchestratorReplied):
        seen["reply"] = cut(reply.reply.text)
        if calls := reply.reply.tool_calls:
            seen["calls"] = [_value(dict(one.arguments), cut) for one in calls]
    elif reply is not None:
        seen |= {"failed": reply.kind, "why": reply.text}
    if turn.granted:
        seen["explores"] = list(turn.granted)
    # A run that goes on says so where a refusal would stand.
    if turn.sent_back is not None and was_refused:
        seen["not_accepted"] = turn.sent_back
    if turn.asked.must_conclude is not None:
        seen["had_to_stop_by"] = turn.asked.must_conclude
    return seen


def _end(state: RunState, cut: Cut) -> str:
    finished = state.finished
    if finished is None:
        seen = {"status": "interrupted: the search has not ended"}
    else:
        seen = _ended(finished, cut)
    return f"<end>{as_data(seen)}</end>"


def _ended(end: RunFinished, cut: Cut) -> dict[str, Any]:
    seen = {
        "status": end.status,
        "stopped_by": end.stop_reason,
        "answer": _value(end.answer, cut),
        "explanation": end.explanation and cut(end.explanation),
        "confidence_percent": percent_of(end.confidence),
        "dissent": end.dissent and cut(end.dissent),
        "error": end.error,
        "warning": end.warning,
    }
    return {key: one for key, one in seen.items() if one is not None}


def _value(value: object, cut: Cut) -> object:
    """Return an answer, or its beginning as text where it is cut."""
    text = answer_text(value)
    kept = cut(text)
    return value if kept == text else kept
