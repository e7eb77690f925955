"""A question at the command line: shown while it is being answered, then its answer.

The answer goes to stdout; the explores that it rests on, the evidence that is missing and the money
go to stderr.
"""

from __future__ import annotations

import anyio

from atlas_mcp.atlas.wording import cost_text
from atlas_mcp.atlas.workflows.registry import workflow_of
from atlas_mcp.cli import output
from atlas_mcp.cli.terminal import tell, write_data
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.service import RunService
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.texts import one_line
from atlas_mcp.views.facts import explores_text
from atlas_mcp.views.plain_text import indented
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import QuestionView
from atlas_mcp.views.status import status_line

HEARTBEAT_SECONDS = 15.0
"""Seconds after which a line says that the question is still being answered."""


async def follow_question(service: RunService, run_id: str, number: int, *, as_json: bool) -> int:
    """Show a question until it has its answer, print that, and return the exit code."""
    async with service.watching(run_id) as live:
        await _tell_progress(live, number)
    run = await service.look(run_id)
    view = view_of(run)
    question = next(one for one in view.questions if one.number == number)
    if as_json:
        write_data(view.model_dump_json(indent=2) + "\n")
    elif question.answer is not None:
        write_data(f"{question.answer}\n")
        _tell_context(run, question)
    if question.answer is None:
        return output.fail(f"the question was not answered: {question.error or question.state}", 1)
    return 0


async def _tell_progress(live: LiveRun, number: int) -> None:
    """Tell how the question stands until it is open no longer, or its run is not driven."""
    told = False
    while not live.done and live.state.questions[number].is_open:
        if not told or live.notice is not None:
            tell(f"run {live.run_id} · {status_line(live, now=live.clock.now())}")
            told = True
        seen = live.changes
        with anyio.move_on_after(HEARTBEAT_SECONDS) as patience:
            await live.changed(seen)
        told = not patience.cancelled_caught


def _tell_context(run: RunSnapshot, question: QuestionView) -> None:
    if question.cites:
        tell(f"From  {explores_text(question.cites)}")
    if question.note is not None:
        tell(f"Note  {question.note}")
    if question.needs_new_evidence is not None:
        tell(f"Needs {indented(question.needs_new_evidence)}")
        if workflow_of(run.state.spec).orchestrated:
            tell(f"`atlas-mcp runs resume {run.run_id} --instruction TEXT` has it gathered")
    spent = f"{cost_text(question.cost_usd)} for question {question.number}"
    tell(f"{spent}, by {one_line(question.model)} · run {run.run_id}")
