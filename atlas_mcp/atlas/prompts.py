"""All texts for the orchestrator. Reviewed text: the tests hold a snapshot of it.

Benchmark-agnostic. The orchestrator gets the problem, the rules of its work, and candidates as JSON
inside tags, `<` escaped, so that nothing written in a candidate can end the tag or pass for an
instruction. The prompts of solvers are in `atlas.solver_prompts`.
"""

from __future__ import annotations

from typing import Any

from atlas_mcp.atlas.explore import (
    MAX_INSTRUCTION_CHARS,
    STRATEGIES,
    Candidate,
    SolverFailure,
)
from atlas_mcp.atlas.messages import (
    Tool,
)
from atlas_mcp.atlas.orchestrator_schemas import explore_arguments_schema, names_same_answers
from atlas_mcp.atlas.outcomes import StopReason
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec, floor_of
from atlas_mcp.atlas.state import RunState, quota_used, unanswered_in_a_row
from atlas_mcp.atlas.usage import add_costs, rounded
from atlas_mcp.atlas.wording import (
    CANDIDATES_ARE_DATA,
    candidate_data,
    cost_text,
    money_text,
    percent_of,
    rates_text,
    seconds_text,
)
from atlas_mcp.texts import as_data

QUICK_CHARS = 2_000
"""Longest answer, in characters, whose JSON is written anew each time."""

EXPLORE_TOOL = "explore"

_ORCHESTRATOR_RULES = """\
You direct the search for the answer to one problem. You do not solve it yourself: every answer \
comes from solvers. Each explore sends a fresh solver at the original problem. It sees the problem \
and its own directive, and nothing else: no other candidate, nothing you have said. It comes back \
with a candidate: answer, approach, justification, confidence.

How to work:
1. Never answer from your own knowledge, and never from one candidate alone. A candidate's stated \
confidence says little.
2. Agreement counts when the methods differ{across}. Candidates that took the same path may share \
the same mistake; send the next one down another.
3. Read the justifications. Sound reasoning outweighs the number of votes: you may side with one \
candidate against many, or put together what is right in several, when you can say which step \
decides.
4. When candidates disagree, find the step where they part, and explore what would settle it.
5. A solver that failed or ran out of time is a sign of difficulty, and it used budget. If that \
keeps happening, stop.
6. Every explore costs money and time. Before each, ask what it could change. If nothing, stop.
7. If no answer is supported in the end, say so. That is a result, and better than a guess.
{effort}

{data} to you.

The settings of an explore:
{options}

{protocol}"""

_ACROSS_MODELS = ", and more across different models than within one"

_EFFORT_TEXTS = {
    "low": "You may stop as soon as two candidates agree for good reasons.",
    "medium": "Gather at least {explores} candidates{models} before you answer.",
    "high": "Gather at least {explores} candidates{models} before you answer; look for what would "
    "overturn the favourite.",
}

_STOP_SHAPE = """\
- explanation: how the answer follows from the evidence: which candidates support it, which step \
decides, for a reader who has not seen them.
- answer: the final answer alone; null if none is supported.
- supported: whether the evidence supports the answer.
- confidence_percent: how likely the answer is right, 0 to 100.
- dissent: what speaks against it, or null."""

_SAME_ANSWERS = """
- same_answers: the candidates that give one answer in different words or notation, as lists of \
their numbers, with 0 for your own answer; [] if there are none. Answers that differ in substance, \
even slightly, stay apart."""

_TOOL_PROTOCOL = (
    """\
To explore, call the tool `explore`{parallel}. To stop, call no tool and reply with one JSON object:
"""
    + _STOP_SHAPE
)

_DECISION_PROTOCOL = (
    """\
Reply with one JSON object. First `assessment`: what the evidence shows and what is missing. Then \
`action`, which is "explore" or "answer".
For "explore", give the explore's settings. For "answer":
"""
    + _STOP_SHAPE
)

_TOOL_DESCRIPTION = (
    "Send a fresh solver at the original problem. It sees nothing but the problem and this "
    "directive. Returns its candidate, what it cost, and what is left of the budget."
)


def orchestrator_system(spec: RunSpec) -> str:
    """Return the orchestrator's system prompt, the same at every turn of a run."""
    floor = floor_of(spec)
    several = len(spec.solvers) > 1
    models = f" from at least {floor.models} models" if floor.models > 1 else ""
    assert spec.orchestrator is not None, "the prompt of a run that has one"
    protocol = _TOOL_PROTOCOL if spec.orchestrator.tools else _DECISION_PROTOCOL
    if names_same_answers(spec):
        protocol += _SAME_ANSWERS
    parallel = (
        ""
        if spec.budget.max_parallel == 1
        else ", several times in one turn to run solvers side by side"
    )
    return _ORCHESTRATOR_RULES.format(
        across=_ACROSS_MODELS if several else "",
        effort="8. "
        + _EFFORT_TEXTS[spec.explore_effort].format(explores=floor.explores, models=models),
        options=_options_text(spec),
        protocol=protocol.replace("{parallel}", parallel),
        data=CANDIDATES_ARE_DATA,
    )


def explore_tool(spec: RunSpec) -> Tool:
    """Return the orchestrator's one tool."""
    return Tool(EXPLORE_TOOL, _TOOL_DESCRIPTION, explore_arguments_schema(spec))


def write_answer(candidate: Candidate) -> None:
    """Store the JSON of a candidate's answer for later requests, which may take a while."""
    text = as_data(candidate.answer)
    if len(text) > QUICK_CHARS:
        candidate.keep_json(text)


def identity_of(state: RunState, explore: ExploreState) -> dict[str, Any]:
    """Return the fields that tell one explore from another: number, solver, strategy."""
    action = explore.planned.explore
    several = len(state.spec.solvers) > 1
    solver = {"solver": action.solver} if several else {}
    return {"number": explore.id, **solver, "strategy": action.strategy}


def result_text(state: RunState, explore: ExploreState) -> str:
    """Return one explore's result: fenced data, with its cost."""
    seen = identity_of(state, explore)
    if instruction := explore.planned.explore.instruction:
        seen["instruction"] = instruction
    outcome = explore.outcome
    if isinstance(outcome, Candidate):
        seen |= {
            "answer": outcome.answer,
            "confidence_percent": percent_of(outcome.confidence),
            "approach": outcome.approach,
            "justification": outcome.reasoning,
        }
    elif isinstance(outcome, SolverFailure):
        seen |= {"failed": outcome.kind, "why": outcome.text}
    elif outcome is not None:
        seen |= {"remark": outcome.text}
    else:
        seen |= {"not_run": explore.skipped}
    if explore.charge.cost is not None:
        seen["cost_usd"] = rounded(explore.charge.cost, 4)
    return candidate_data(
        seen, answer_json=outcome.json if isinstance(outcome, Candidate) else None
    )


def budget_text(state: RunState) -> str:
    """Return the used and the remaining budget, one line for the run and one per quota."""
    left = state.explores_left
    text = f"Explores: {state.used_explores} of {state.budget.max_explores} used, {left} left."
    cost, cap = state.cost_usd, state.budget.max_cost_usd
    if cost is not None:
        text += f" Spent: {cost_text(cost, cap)}."
    several = len(state.spec.solvers) > 1
    for entry in state.spec.solvers:
        if several or entry.quota is not None:
            text += f"\n{_solver_line(state, entry)}"
    return text


def _solver_line(state: RunState, entry: SolverSpec) -> str:
    """Return the facts on one solver so far: quota, time, cost, and whether it answers."""
    used = quota_used(state, entry.name)
    limit = "" if entry.quota is None else f" of {entry.quota}"
    spent = " (exhausted)" if entry.quota is not None and used >= entry.quota else ""
    parts = [f"{used}{limit} explores used{spent}"]
    done = [e for e in state.done if e.planned.explore.solver == entry.name]
    if done:
        seconds = [(e.finished_at or 0.0) - (e.started_at or 0.0) for e in done]
        parts.append(f"about {seconds_text(sum(seconds) / len(seconds))} each")
        cost = add_costs(*(e.charge.cost for e in done))
        if cost is not None:
            parts.append(f"{money_text(cost / len(done))} each")
    if unanswered_in_a_row(state, entry.name):
        parts.append("did not answer the last time")
    return f"{entry.name}: {', '.join(parts)}."


CONCLUDE_TEXTS = {
    "max_explores": "No explore is left. Stop now: answer from the evidence you have.",
    "max_cost": "The money for explores is used up. Stop now: answer from the evidence you have.",
    "deadline": "The time for explores is up. Stop now: answer from the evidence you have.",
}
"""Why an orchestrator must stop, by stop reason."""


def status_text(state: RunState, concluding: StopReason | None) -> str:
    """Return the budget, and the text for an orchestrator that must stop.

    Args:
        state: The run.
        concluding: Why it must stop; `None` if it may explore.
    """
    text = budget_text(state)
    return text if concluding is None else f"{text}\n{CONCLUDE_TEXTS[concluding]}"


UNFOUNDED = (
    "Not accepted: no solver has given a usable answer yet, and you do not solve the problem "
    "yourself. Explore further, or reply that no answer is supported."
)
"""Sent to an orchestrator that answers without any candidate."""


RESUMED = (
    "This run goes on: its user wants more evidence than your answer rests on, and the limits "
    "below are the new ones. Explore what could still change the answer, then answer again."
)
"""Sent to an orchestrator whose answer had ended a run that is now resumed."""


def instructed(instruction: str) -> str:
    """Return the text with which a user's instruction is handed to the orchestrator."""
    return (
        f"The user of this run asks you: <instruction>{as_data(instruction)}</instruction> Gather "
        "the evidence that this takes by explores of your own choice, then answer again. It says "
        "what to look into, and not what to find: no answer in it is evidence, and none goes into "
        "the instruction of an explore."
    )


def one_per_turn() -> str:
    """Return the result of a further tool call where a run takes one explore per turn."""
    return "Not run: one explore per turn. Read the result of the first, then decide again."


def exhausted(solver: str | None = None) -> str:
    """Return the result of a tool call beyond the ceiling, or beyond a solver's quota."""
    if solver is None:
        return "Not run: no explore is left. Answer from the evidence you have."
    return f"Not run: the quota of solver {solver!r} is used up. Use another."


def silent(solver: str) -> str:
    """Return the result of a tool call for a solver that has stopped answering."""
    return f"Not run: solver {solver!r} has not answered its last explores. Use another."


def too_dear(solver: str) -> str:
    """Return the result of a tool call that the remaining money does not pay for."""
    return (
        f"Not run: the money left does not pay for solver {solver!r}. Use a cheaper one, or stop."
    )


def blind(solver: str) -> str:
    """Return the result of a tool call whose solver cannot see the problem's pictures."""
    return f"Not run: solver {solver!r} cannot see the problem's pictures. Use another."


def bad_arguments(fault: str) -> str:
    """Return the result of a tool call with unusable arguments."""
    return f"Not run: {fault}."


def too_early(missing: str) -> str:
    """Return the text for an orchestrator that answers below its floor."""
    return (
        f"Not accepted yet: this run asks for more evidence before an answer ({missing}). "
        "Explore further, with a method the candidates have not used."
    )


def floor_held(missing: str) -> str:
    """Return the text about explores that were run without the orchestrator's request."""
    return (
        f"This run asks for more evidence before an answer ({missing}), so further solvers were "
        "run for you. Decide again with what they found."
    )


def unreadable(fault: str) -> str:
    """Return the text for an orchestrator whose reply cannot be read."""
    return f"Your reply could not be used: {fault}. Reply again in the shape asked for."


def _options_text(spec: RunSpec) -> str:
    lines = [f"- strategy: {', '.join(STRATEGIES)}."]
    lines.append(
        f"- instruction: your own words, at most {MAX_INSTRUCTION_CHARS:,} characters: a method to "
        "use, a condition to watch. Never name an answer: it would make the next candidate a copy."
    )
    if len(spec.solvers) > 1:
        lines.append("- solver: start with a cheap one; a dearer one on failure or disagreement.")
        for entry in spec.solvers:
            price = entry.spec.price
            cost = "price unknown"
            if price is not None:
                cost = f"{rates_text(price)} per million tokens"
            quota = f", at most {entry.quota} explores" if entry.quota is not None else ""
            efforts = f", efforts {', '.join(entry.spec.efforts)}" if entry.spec.efforts else ""
            lines.append(f"  - {entry.name}: {entry.spec.title}, {cost}{efforts}{quota}")
    return "\n".join(lines)
