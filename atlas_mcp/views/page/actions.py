"""What may be done about a run now: the buttons of its page, and the lines for a command line."""

from __future__ import annotations

from decimal import Decimal

from atlas_mcp.atlas.budget import MAX_COST_CEILING_USD, MAX_EXPLORES_CEILING
from atlas_mcp.atlas.resuming import carries_on
from atlas_mcp.atlas.workflows.registry import workflow_of
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.page.shapes import Action, PageCommand, PageSuggestion


def page_actions(run: RunSnapshot) -> list[Action]:
    """Return what may be done about a run."""
    if not carries_on(run.state):
        return []
    if run.status == "running":
        return ["cancel"]
    found: list[Action] = ["ask", "cancel"] if run.asking else ["ask"]
    if suggestion_for(run) is not None:
        found.append("resume")
    if workflow_of(run.state.spec).gathers and run.state.explores_left:
        found.append("explore")
    return found


def suggestion_for(run: RunSnapshot) -> PageSuggestion | None:
    """Return limits under which a run could go on; `None` where it cannot be resumed.

    A limit that needs not be raised is left as it is.
    """
    state = run.state
    if run.status == "running" or not carries_on(state):
        return None
    finished, budget = state.finished, state.budget
    reason = None if finished is None else finished.stop_reason
    cap, explores = budget.max_cost_usd, None
    at_its_cap = reason == "max_cost" and state.day_cap_usd is None
    if finished is not None and finished.status == "answered" and not at_its_cap:
        # Only a larger limit reopens a run that has its answer.
        if workflow_of(state.spec).gathers or budget.max_explores >= MAX_EXPLORES_CEILING:
            return None
        explores = min(MAX_EXPLORES_CEILING, budget.max_explores + 4)
    if not at_its_cap:
        return PageSuggestion(max_explores=explores)
    assert cap is not None, "a run without a cap does not end at it"
    return PageSuggestion(max_cost_usd=min(cap * Decimal(2), MAX_COST_CEILING_USD))


def page_commands(run: RunSnapshot) -> list[PageCommand]:
    """Return what a person can type about a run."""
    found = [PageCommand(what="Show this run", line=f"atlas-mcp runs show {run.run_id}")]
    if run.status == "running":
        found.append(PageCommand(what="End it", line=f"atlas-mcp runs cancel {run.run_id}"))
    elif (limits := suggestion_for(run)) is not None:
        line = f"atlas-mcp runs resume {run.run_id}"
        if limits.max_explores is not None:
            line += f" --max-explores {limits.max_explores}"
        if limits.max_cost_usd is not None:
            line += f" --max-cost-usd {limits.max_cost_usd}"
        found.append(PageCommand(what="Go on with it", line=line))
    line = f"atlas-mcp runs export {run.run_id} --output {run.run_id}.jsonl"
    found.append(PageCommand(what="Keep all of its records", line=line))
    return found
