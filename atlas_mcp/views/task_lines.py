"""A run as a task of its client: its status message, and the question whether to resume it.

Sentences only; the task itself belongs to the server.
"""

from __future__ import annotations

from atlas_mcp.atlas.outcomes import NOBODY_DRIVES
from atlas_mcp.atlas.wording import cost_text, seconds_text
from atlas_mcp.views.facts import evidence_of
from atlas_mcp.views.run_view import RunView


def task_message(view: RunView) -> str:
    """Return where a task stands, in a line for the client's user."""
    facts = f"{evidence_of(view)}, {cost_text(view.cost_usd)}"
    if view.status == "running":
        return f"At work for {seconds_text(view.elapsed_s)}: {facts}. Run {view.run_id}."
    if view.status == "interrupted":
        return (
            f"{NOBODY_DRIVES}; nothing is spent until it is resumed: {facts}. Run "
            f"{view.run_id}: resume_run goes on with it."
        )
    if view.status == "cancelled":
        return (
            f"Cancelled, and the evidence is kept: {facts}. Run {view.run_id}: get_run shows it, "
            "resume_run goes on."
        )
    return f"Ended after {seconds_text(view.elapsed_s)}: {facts}. Run {view.run_id}."


def resume_question(view: RunView) -> str:
    """Return the question to the client's user whether an interrupted run is to go on."""
    return (
        f"{NOBODY_DRIVES}: {view.run_id} ({evidence_of(view)}, {cost_text(view.cost_usd)}). "
        "Shall it go on, under the cap it was given?"
    )
