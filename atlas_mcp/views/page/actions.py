"""What may be done about a run now: the buttons of its page, and the lines for a command line."""

from __future__ import annotations

from atlas_mcp.atlas.resuming import carries_on, resumable_under
from atlas_mcp.atlas.workflows.registry import workflow_of
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.page.shapes import Action, PageCommand, PageSuggestion


def page_actions(run: RunSnapshot) -> list[Action]:
    """Return what may be done about a run."""
    if not carries_on(run.state):
        return []
    found: list[Action] = []
    if run.live:
        found.append("cancel")
    if run.status != "running":
        found.append("ask")
    if suggestion_for(run) is not None:
        found.append("resume")
    # Explores under a run that goes on wait in line.
    if workflow_of(run.state.spec).gathers and run.state.explores_left:
        found.append("explore")
    return found


def suggestion_for(run: RunSnapshot) -> PageSuggestion | None:
    """Return limits under which a run could go on; `None` where it cannot be resumed."""
    limits = None if run.status == "running" else resumable_under(run.state)
    return None if limits is None else PageSuggestion.model_validate(limits._asdict())


def page_commands(run: RunSnapshot) -> list[PageCommand]:
    """Return what a person can type about a run."""
    show = f"atlas-mcp runs show {run.run_id}"
    found = [
        PageCommand(what="Show it on a terminal", line=show),
        PageCommand(what="Open its page", line=f"{show} --open"),
        PageCommand(what="Read it as a story", line=f"{show} --transcript"),
    ]
    actions = page_actions(run)
    if "cancel" in actions:
        what = "End it" if run.status == "running" else "End the question about it"
        found.append(PageCommand(what=what, line=f"atlas-mcp runs cancel {run.run_id}"))
    if (limits := suggestion_for(run)) is not None:
        line = f"atlas-mcp runs resume {run.run_id}"
        if limits.max_explores is not None:
            line += f" --max-explores {limits.max_explores}"
        if limits.max_cost_usd is not None:
            line += f" --max-cost-usd {limits.max_cost_usd}"
        found.append(PageCommand(what="Go on with it", line=line))
    if "ask" in actions:
        line = f'atlas-mcp runs ask {run.run_id} "Where is the weakest step?"'
        found.append(PageCommand(what="Ask about it", line=line))
    line = f"atlas-mcp runs export {run.run_id} --output {run.run_id}.jsonl"
    found.append(PageCommand(what="Keep all of its records", line=line))
    return found
