"""The loop, decided purely: from the state of a run to its next commands.

`next_commands(state)` is called after every batch of records. It never asks for a call that is in
flight already, holds money for every call it asks for, and always comes to an end. Owns the steps
that all workflows share: replies are read first, questions are asked, a stop is heeded, planned
explores are started, and the answers of a round are compared before they are weighed. The workflow
decides which explores to plan: see `atlas.workflows`.
"""

from __future__ import annotations

from atlas_mcp.atlas.commands import Command, Note, ReadReply
from atlas_mcp.atlas.comparisons import due_comparison
from atlas_mcp.atlas.events import OrchestratorReplied
from atlas_mcp.atlas.question_calls import question_commands
from atlas_mcp.atlas.run_endings import cancelled
from atlas_mcp.atlas.starting import start_explores
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.stopping import is_at_rest
from atlas_mcp.atlas.workflows.registry import workflow_of


def next_commands(state: RunState) -> tuple[Command, ...]:
    """Return the next commands, in order; none while calls in flight must come first.

    A `Note` and a command of `Work` change the state they were decided on: record the event, then
    ask again.
    """
    if state.unread:
        # Also of a run that is to stop: what was paid for is evidence.
        return (ReadReply(state.unread[0].id),)
    if asking := question_commands(state):
        return asking
    if is_at_rest(state):
        return ()
    if state.stop_cause is not None:
        # A service that ends leaves its runs to be resumed; everyone else ends the run.
        if state.calls_in_flight or state.stop_cause == "shutdown":
            return ()
        return (Note(cancelled()),)
    if state.turn_in_flight:
        return ()
    last = state.turns[-1] if state.turns else None
    if last is not None and isinstance(last.reply, OrchestratorReplied) and not last.read:
        return (ReadReply(None),)
    if state.waiting:
        return start_explores(state)
    if state.solvers_in_flight:
        return ()
    comparison = due_comparison(state)
    if comparison is not None:
        return (comparison,)
    return workflow_of(state.spec).next_commands(state)


def is_over(state: RunState) -> bool:
    """Return whether nothing is left to be done for a run here: it has ended, or is left as it is.

    One that has ended is left only once every reply that was paid for has been read.
    """
    if state.unread or state.open_questions:
        return False
    if is_at_rest(state):
        return True
    return state.stop_cause == "shutdown" and not state.calls_in_flight
