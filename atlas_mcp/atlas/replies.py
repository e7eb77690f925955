"""Reads recorded replies; nothing else in the core does.

Owns the step from a recorded reply to the next event: a candidate, a failure, or the orchestrator's
decision. A function of the records alone; `atlas.calls` brings replies into them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.agreement import key_of
from atlas_mcp.atlas.arrived import is_light
from atlas_mcp.atlas.calls import failure
from atlas_mcp.atlas.codec import with_key
from atlas_mcp.atlas.commands import ReadReply
from atlas_mcp.atlas.events import Event, OrchestratorReplied, SolverFinished, SolverReplied
from atlas_mcp.atlas.explore import SOLVER, Candidate, Outcome
from atlas_mcp.atlas.messages import Reply
from atlas_mcp.atlas.question_calls import read_question, unread_failure
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.registry import workflow_of
from atlas_mcp.atlas.workflows.synthesis import unsynthesized

Read: TypeAlias = Callable[[RunState, ReadReply], Event]
"""Reads a recorded reply and returns the next event: `read_reply`, or a guard around it."""


def read_reply(state: RunState, command: ReadReply) -> Event:
    """Return the event that follows from a recorded reply.

    It comes with the key and the JSON of its answer: callers run this off the event loop.

    Args:
        state: The run, with the reply unread.
        command: Whose reply.
    """
    if command.question is not None:
        return read_question(state, command.question)
    if command.explore_id is None:
        turn = state.turns[-1]
        assert isinstance(turn.reply, OrchestratorReplied), "only a reply is to be read"
        return with_key(workflow_of(state.spec).decide(state, turn, turn.reply))
    replied = _replied(state, command.explore_id)
    reply = Reply(replied.reply, replied.stop, replied.charge, replied.detail)
    explore = state.explores[command.explore_id].planned.explore
    outcome = workflow_of(state.spec).read(state, explore, reply)
    is_shown = state.spec.orchestrator is not None or explore.role != SOLVER
    if isinstance(outcome, Candidate) and is_shown:
        prompts.write_answer(outcome)
    finished = with_key(_finished(replied, outcome))
    if isinstance(outcome, Candidate):
        key_of(outcome, state.asked)
    return finished


def unreadable_reply(state: RunState, command: ReadReply, error: Exception) -> Event:
    """Return the event in place of a reply on which `read_reply` raised, which is a bug."""
    what = f"could not be read because of a fault in atlas-mcp ({type(error).__name__})"
    if command.question is not None:
        failed = failure("malformed", f"the reply {what}; it is on record")
        return unread_failure(command.question, failed)
    if command.explore_id is None:
        return unsynthesized(state, "error", f"The orchestrator's reply {what}; it is on record.")
    failed = failure("malformed", f"the reply {what}; it is on record")
    return _finished(_replied(state, command.explore_id), failed)


def _replied(state: RunState, explore_id: int) -> SolverReplied:
    replied = state.explores[explore_id].reply
    assert replied is not None, "only a reply is to be read"
    return replied


def _finished(replied: SolverReplied, outcome: Outcome) -> SolverFinished:
    return SolverFinished(replied.explore_id, outcome, replied.charge)


def is_quickly_read(state: RunState, command: ReadReply) -> bool:
    """Return whether reading a reply takes no longer than the event loop can wait."""
    if command.question is not None:
        answered = state.questions[command.question].reply
        return answered is None or is_light(answered.reply)
    if command.explore_id is None:
        replied = state.turns[-1].reply
        if not isinstance(replied, OrchestratorReplied):
            return True
    else:
        replied = _replied(state, command.explore_id)
    checks_an_answer = state.problem.answer_schema is not None and not replied.reply.tool_calls
    return not checks_an_answer and is_light(replied.reply)
