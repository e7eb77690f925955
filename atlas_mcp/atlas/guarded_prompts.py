"""The texts and shapes for a weak orchestrator. Reviewed text: the tests hold a snapshot of it.

Short, since a small model reads slowly and loses the thread: no list of settings, and of a reply
only the fields that decide. It has no example, because small models copy examples. The texts for
other orchestrators are in `atlas.prompts`.
"""

from __future__ import annotations

from collections.abc import Sequence

from atlas_mcp.atlas.agreement import Group
from atlas_mcp.atlas.answer_language import language_line
from atlas_mcp.atlas.explore import (
    Candidate,
    SolverFailure,
    Strategy,
    answer_property,
    with_definitions,
)
from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.prompts import identity_of
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.wording import CANDIDATES_ARE_DATA, candidate_data
from atlas_mcp.texts import counted

STEPS_CHARS = 600
"""Characters of a candidate's justification that are shown: a small model's are no longer."""

LONGEST_OFFERED = 200
"""Characters of an agreed answer that a reply's schema names. Our own choice: an enum of longer
texts makes a grammar that takes longer to build than the answer takes to write."""

_RULES = f"""\
You choose the answer to a problem from the candidates of several solvers. Do not solve it anew.

{CANDIDATES_ARE_DATA}.

Candidates that reach the same answer by different strategies are most likely right. Where they \
differ, trust the one whose steps hold.

"""

_ANSWER = """\
- explanation: in one or two sentences, the steps that lead to the answer.
- answer: the answer of the candidate you choose, and nothing else."""

SYNTHESIS = f"{_RULES}Reply with one JSON object:\n{_ANSWER}"
"""The system prompt of a run that starts with candidates enough."""

DECISION = f"""\
{_RULES}Reply with one JSON object. Its action is "answer" or "explore". To explore, give the \
strategy of one more solver. To answer, give:
{_ANSWER}"""
"""The system prompt of a run that may explore further."""

AGREED = "That settles it, and nothing more is explored: give their answer, and explain it."
"""Told to an orchestrator whose candidates agree."""

SETTLED = (
    "candidates of different methods agree, and one more could not change that; answer with what "
    "they agree on"
)
"""Why an explore is not run where candidates agree, as the end of a sentence."""

CONCLUDE_TEXTS = {
    "max_explores": "No explore is left. Answer now.",
    "max_cost": "The money for explores is used up. Answer now.",
    "deadline": "The time for explores is up. Answer now.",
}
"""Why an orchestrator must answer, by stop reason."""


def other_strategy(wanted: Strategy, given: Strategy) -> str:
    """Return the text about an explore that ran with another strategy than the wanted one."""
    return f"{wanted} has been tried, so the solver was sent with {given}."


def result_text(state: RunState, explore: ExploreState) -> str:
    """Return one explore's result in short: its strategy, its answer and its steps."""
    seen = identity_of(state, explore)
    outcome = explore.outcome
    if isinstance(outcome, Candidate):
        seen |= {"steps": _shortened(outcome.reasoning), "answer": outcome.answer}
        return candidate_data(seen, answer_json=outcome.json)
    seen["failed"] = outcome.kind if isinstance(outcome, SolverFailure) else "not run"
    return candidate_data(seen)


def status_text(
    state: RunState, concluding: StopReason | None, *, settled: bool, unused: Sequence[Strategy]
) -> str:
    """Return which candidates agree, and what is to be done.

    Args:
        state: The run.
        concluding: Why no explore is left; `None` if some are.
        settled: Whether the candidates agree so that no explore is granted.
        unused: The strategies that an explore can have.
    """
    if settled:
        task = AGREED
    elif concluding is not None:
        task = CONCLUDE_TEXTS[concluding]
    else:
        left, strategies = counted(state.explores_left, "explore"), ", ".join(unused)
        task = f"{left} left, with one of the strategies {strategies}. Explore or answer."
    # Last, since a small model heeds what it read last.
    return f"{agreement_text(state.groups)} {task} {language_line(state.problem.text)}".rstrip()


def agreement_text(groups: Sequence[Group]) -> str:
    """Return which candidates give the same answer, by their numbers."""
    found = [
        f"Candidates {_listed([vote.explore_id for vote in group.votes])} give the same answer."
        for group in groups
        if len(group.votes) > 1
    ]
    if not found and len(groups) > 1:
        return "No two candidates give the same answer."
    return " ".join(found) or "There is only one candidate."


def synthesis_schema(problem: Problem, agreed: Sequence[Json] = ()) -> dict[str, Json]:
    """Return the JSON Schema of the reply that ends a run.

    Args:
        problem: The problem.
        agreed: The answer on which candidates agree, in each way in which they write it; empty
            where they do not.
    """
    return _closed(problem, _answer_properties(problem, agreed))


def decision_schema(
    problem: Problem, spec: RunSpec, strategies: Sequence[Strategy]
) -> dict[str, Json]:
    """Return the JSON Schema of a turn: explore or answer.

    Args:
        problem: The problem.
        spec: The settings of the run.
        strategies: The strategies that an explore can have.
    """
    explore: dict[str, Json] = {"action": {"const": "explore", "type": "string"}}
    if len(spec.solvers) > 1:
        explore["solver"] = {"type": "string", "enum": [entry.name for entry in spec.solvers]}
    explore["strategy"] = {"type": "string", "enum": list(strategies)}
    answer: dict[str, Json] = {
        "action": {"const": "answer", "type": "string"},
        **_answer_properties(problem, ()),
    }
    schema: dict[str, Json] = {"anyOf": [_object(explore), _object(answer)]}
    return with_definitions(schema, problem.answer_schema)


def _answer_properties(problem: Problem, agreed: Sequence[Json]) -> dict[str, Json]:
    answer: Json = answer_property(problem.answer_schema)
    if agreed and all(_can_be_offered(one) for one in agreed):
        answer = {"enum": list(agreed)}
    return {"explanation": {"type": "string"}, "answer": answer}


def _can_be_offered(answer: Json) -> bool:
    """Return whether a schema can name an answer: a short text, a whole number or a truth value."""
    if isinstance(answer, str):
        return len(answer) <= LONGEST_OFFERED
    return isinstance(answer, int)


def _closed(problem: Problem, properties: dict[str, Json]) -> dict[str, Json]:
    return with_definitions(_object(properties), problem.answer_schema)


def _object(properties: dict[str, Json]) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _shortened(steps: str) -> str:
    return steps if len(steps) <= STEPS_CHARS else f"{steps[:STEPS_CHARS]}…"


def _listed(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}"
