"""Runs as tasks: a task is an unguessable name for a run, and is kept as long as the run is.

Nothing of a task lives in the process, so it outlives the process. A run whose process is gone
spends nothing until it is resumed: its task asks, where the client has a user to ask.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import CallToolRequestParams, CallToolResult
from typing_extensions import override

from atlas_mcp.errors import UnknownRun
from atlas_mcp.server.host import Host
from atlas_mcp.server.results import result_of, viewed
from atlas_mcp.server.task_extension import JsonObject, Support, Task, TaskSource, TaskStatus
from atlas_mcp.views.run_view import RunView
from atlas_mcp.views.task_lines import resume_question, task_message

if TYPE_CHECKING:
    from atlas_mcp.journal.base import TaskEntry
    from atlas_mcp.runs.service import RunService

LONG_TOOLS = frozenset({"solve_with_atlas", "explore", "resume_run"})
"""The tools whose calls become tasks: those that open a run, or go on with one."""

DAY_MS = 86_400_000

_beginning: ContextVar[bool] = ContextVar("beginning_a_task", default=False)


def answers_at_once() -> bool:
    """Return whether the call under way becomes a task, and so does not wait for its run."""
    return _beginning.get()


class RunTasks(TaskSource):
    """The tasks that stand for runs."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @override
    def support(self, tool: str) -> Support | None:
        return "optional" if tool in LONG_TOOLS else None

    @override
    async def begin(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> Task | HandlerResult:
        from atlas_mcp.journal.base import TaskEntry

        with _at_once():
            result = await call_next(ctx)
        if not isinstance(result, CallToolResult) or result.structured_content is None:
            return result
        view = RunView.model_validate(result.structured_content)
        if view.status != "running":
            return result
        entry = TaskEntry(secrets.token_urlsafe(24), view.run_id, time.time())
        service = await self._host.service()
        try:
            await service.tasks.add_task(entry)
        except BaseException:
            # Without its task the client does not know of the run, and cannot end it.
            await service.stop(view.run_id)
            raise
        return await self._task(entry, view, time.time())

    @override
    async def find(self, task_id: str, *, elicits: bool) -> Task | None:
        service = await self._host.service()
        entry = await service.tasks.find_task(task_id)
        if entry is None:
            return None
        try:
            run = await service.look(entry.run_id)
        except UnknownRun:
            return None
        state, view = run.state, await viewed(run, page=self._host.pages)
        await service.callers.receive(run)
        if view.status == "interrupted" and elicits:
            question = _asking(resume_question(view))
            return await self._task(entry, view, state.at, asked={_key(state.seq): question})
        return await self._task(entry, view, state.at)

    @override
    async def answer(self, task_id: str, responses: Mapping[str, JsonObject]) -> None:
        service, entry = await self._entry(task_id)
        run = await service.look(entry.run_id)
        response = responses.get(_key(run.state.seq))
        if run.status != "interrupted" or response is None:
            return
        if response.get("action") == "accept" and response.get("content") == {"resume": True}:
            with self._host.openings.spending():
                await service.joining.resume_promised(entry.run_id)
        else:
            await service.cancel(entry.run_id)

    @override
    async def cancel(self, task_id: str) -> None:
        service, entry = await self._entry(task_id)
        await service.cancel(entry.run_id)

    async def _entry(self, task_id: str) -> tuple[RunService, TaskEntry]:
        service = await self._host.service()
        entry = await service.tasks.find_task(task_id)
        assert entry is not None, "the extension has found it before"
        return service, entry

    async def _task(
        self,
        entry: TaskEntry,
        view: RunView,
        updated_at: float,
        *,
        asked: Mapping[str, JsonObject] | None = None,
    ) -> Task:
        status: TaskStatus = "completed"
        if view.status in ("running", "cancelled"):
            status = "working" if view.status == "running" else "cancelled"
        elif asked is not None:
            status = "input_required"
        done = await result_of(view) if status == "completed" else None
        keep_days = self._host.settings.journal.keep_days
        return Task(
            entry.task_id,
            status,
            created_at=entry.created_at,
            updated_at=max(entry.created_at, updated_at),
            message=task_message(view),
            ttl_ms=None if not keep_days else max(1, round(keep_days * DAY_MS)),
            result=done and done.model_dump(mode="json", by_alias=True, exclude_none=True),
            input_requests=asked,
        )


@contextmanager
def _at_once() -> Generator[None]:
    token = _beginning.set(True)
    try:
        yield
    finally:
        _beginning.reset(token)


def _key(seq: int) -> str:
    """Return the name of the question whether to resume: each interruption asks once."""
    return f"resume-after-{seq}"


def _asking(question: str) -> JsonObject:
    """Return the request that has the client ask its user for a yes or a no."""
    resume = {
        "type": "boolean",
        "title": "Go on",
        "description": "Make the model calls that are still missing.",
    }
    return {
        "method": "elicitation/create",
        "params": {
            "mode": "form",
            "message": question,
            "requestedSchema": {
                "type": "object",
                "properties": {"resume": resume},
                "required": ["resume"],
            },
        },
    }
