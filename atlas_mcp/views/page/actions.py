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
    found: list[Action] = []
    if run.status == "running":
        found.append("cancel")
    else:
        found.append("ask")
    if run.asking:
        found.append("cancel")
    if suggestion_for(run) is not None:
        found.append("resume")
    # Explores under a run that goes on wait in line.
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
        if budget.max_explores >= MAX_EXPLORES_CEILING or not _has_use_for_more(run):
            return None
        explores = min(MAX_EXPLORES_CEILING, budget.max_explores + 4)
    if not at_its_cap:
        return PageSuggestion(max_explores=explores)
    assert cap is not None, "a run without a cap does not end at it"
    return PageSuggestion(max_cost_usd=min(cap * Decimal(2), MAX_COST_CEILING_USD))


def _has_use_for_more(run: RunSnapshot) -> bool:
    """Return whether a run that has its answer makes more explores under a larger ceiling."""
    workflow = workflow_of(run.state.spec)
    fixed = workflow.explores
    return not workflow.gathers and (fixed is None or fixed > run.state.budget.max_explores)


def page_commands(run: RunSnapshot) -> list[PageCommand]:
    """Return what a person can type about a run."""
    show = f"atlas-mcp runs show {run.run_id}"
    found = [
        PageCommand(what="Show it on a terminal", line=show),
        PageCommand(what="Open its page", line=f"{show} --open"),
        PageCommand(what="Read it as a story", line=f"{show} --transcript"),
    ]
    if run.status == "running":
        found.append(PageCommand(what="End it", line=f"atlas-mcp runs cancel {run.run_id}"))
    elif (limits := suggestion_for(run)) is not None:
        line = f"atlas-mcp runs resume {run.run_id}"
        if limits.max_explores is not None:
            line += f" --max-explores {limits.max_explores}"
        if limits.max_cost_usd is not None:
            line += f" --max-cost-usd {limits.max_cost_usd}"
        found.append(PageCommand(what="Go on with it", line=line))
    if "ask" in page_actions(run):
        line = f'atlas-mcp runs ask {run.run_id} "Where is the weakest step?"'
        found.append(PageCommand(what="Ask about it", line=line))
    line = f"atlas-mcp runs export {run.run_id} --output {run.run_id}.jsonl"
    found.append(PageCommand(what="Keep all of its records", line=line))
    return found
