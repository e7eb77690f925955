"""Only the explores that a client asks for: its own agent is the orchestrator."""

from __future__ import annotations

from typing_extensions import override

from atlas_mcp.atlas.commands import Command, Note
from atlas_mcp.atlas.events import RunFinished
from atlas_mcp.atlas.run_endings import failures_text
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.base import Workflow


class ClientExplores(Workflow):
    """Ends as soon as the explores it was given have ended; more of them open the run again."""

    gathers = True

    @override
    def next_commands(self, state: RunState) -> tuple[Command, ...]:
        """Return the end of the run."""
        return (Note(gathered(state)),)

    @override
    def check_further_explores(self, run_id: str) -> None:
        """Take every explore: the client is the orchestrator."""


def gathered(state: RunState) -> RunFinished:
    """Return the end of a run whose orchestrator is the client: it has no answer of ours."""
    if state.votes:
        return RunFinished("answered", "decided")
    return RunFinished("failed", "no_candidates", error=failures_text(state))
