"""The tasks extension: a tool call that takes long is answered with a handle, and polled.

`io.modelcontextprotocol/tasks` of protocol 2026-07-28
(https://modelcontextprotocol.io/seps/2663-tasks-extension). Owns the wire: who may have a task,
how one looks, the three methods on it. A `TaskSource` knows the work behind a task. A client that
does not declare the extension sees no change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams, RequestParams, Result
from mcp_types.jsonrpc import HEADER_MISMATCH, INVALID_PARAMS
from pydantic import Field
from typing_extensions import override

from atlas_mcp.system.dates import moment

TASKS = "io.modelcontextprotocol/tasks"

PROTOCOL_VERSION = "2026-07-28"
"""The protocol version the extension belongs to."""

POLL_MS = 2_000
"""Milliseconds a client is asked to leave between two looks at a task."""

TaskStatus: TypeAlias = Literal["working", "input_required", "completed", "failed", "cancelled"]
"""Where a task stands. Closed; the last three are ends."""

Support: TypeAlias = Literal["never", "optional", "required"]
"""Whether a tool's calls become tasks: not at all, where the client can, or nothing else."""

JsonObject: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it stands.

    Attributes:
        task_id: Unguessable: knowing it is enough to read and cancel the task.
        status: Where it stands.
        created_at: Unix seconds.
        updated_at: Unix seconds.
        message: Where it stands, in words; `None` for nothing to say.
        ttl_ms: Milliseconds from its creation for which it is kept at least; `None` for no end.
        poll_ms: Milliseconds to leave between two looks.
        result: The tool's result, once completed.
        error: The JSON-RPC error, once failed.
        input_requests: The questions to the client, each by a key that is never used again.
    """

    task_id: str
    status: TaskStatus
    created_at: float
    updated_at: float
    message: str | None = None
    ttl_ms: int | None = None
    poll_ms: int = POLL_MS
    result: JsonObject | None = None
    error: JsonObject | None = None
    input_requests: Mapping[str, JsonObject] | None = None


class TaskSource(Protocol):
    """Something that tasks stand for."""

    def support(self, tool: str) -> Support | None:
        """Return whether calls of `tool` become tasks here; `None` for a tool of another source."""
        ...

    async def begin(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> Task | HandlerResult:
        """Start a call, and return its task once `find` gives it.

        A call that is refused, or has ended already, is answered with its result instead.
        """
        ...

    async def find(self, task_id: str, *, elicits: bool) -> Task | None:
        """Return a task, `None` if there is none of this id.

        Args:
            task_id: The task.
            elicits: Whether the client can ask its user.
        """
        ...

    async def answer(self, task_id: str, responses: Mapping[str, JsonObject]) -> None:
        """Take what the client's user answered; unknown keys are ignored."""
        ...

    async def cancel(self, task_id: str) -> None:
        """End a task; nothing happens to one that has ended."""
        ...


class TaskParams(RequestParams):
    """Parameters of `tasks/get` and `tasks/cancel`."""

    task_id: str = Field(alias="taskId")


class UpdateParams(TaskParams):
    """Parameters of `tasks/update`."""

    input_responses: dict[str, JsonObject] = Field(alias="inputResponses")


class Acknowledged(Result):
    """The empty answer to `tasks/update` and `tasks/cancel`."""

    result_type: Literal["complete"] = "complete"


class TasksExtension(Extension):
    """Answers calls with tasks where the client declares the extension."""

    identifier: ClassVar[str] = TASKS  # pyright: ignore[reportIncompatibleVariableOverride] - set on the class, as the SDK asks

    def __init__(self, sources: Sequence[TaskSource]) -> None:
        self._sources = sources

    @override
    def methods(self) -> Sequence[MethodBinding]:
        versions = frozenset({PROTOCOL_VERSION})
        return (
            MethodBinding("tasks/get", TaskParams, self._get, versions),
            MethodBinding("tasks/update", UpdateParams, self._update, versions),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, versions),
        )

    @override
    async def intercept_tool_call(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> HandlerResult:
        for source in self._sources:
            support = source.support(params.name)
            if support is None or support == "never":
                continue
            if support == "required":
                require_client_extension(ctx, TASKS)
            elif not _declared(ctx):
                continue
            begun = await source.begin(params, ctx, call_next)
            return _as_json(begun, "task") if isinstance(begun, Task) else begun
        return await call_next(ctx)

    async def _get(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> HandlerResult:
        _, task = await self._found(ctx, params)
        return _as_json(task, "complete")

    async def _update(
        self, ctx: ServerRequestContext[Any, Any], params: UpdateParams
    ) -> HandlerResult:
        source, _ = await self._found(ctx, params)
        await source.answer(params.task_id, params.input_responses)
        return Acknowledged()

    async def _cancel(
        self, ctx: ServerRequestContext[Any, Any], params: TaskParams
    ) -> HandlerResult:
        source, _ = await self._found(ctx, params)
        await source.cancel(params.task_id)
        return Acknowledged()

    async def _found(
        self, ctx: ServerRequestContext[Any, Any], params: TaskParams
    ) -> tuple[TaskSource, Task]:
        """Return the task that a request is about.

        Raises:
            MCPError: The client did not declare the extension, its routing header names another
                task, or there is no such task.
        """
        require_client_extension(ctx, TASKS)
        named = None if ctx.request is None else ctx.request.headers.get("mcp-name")
        if named is not None and named != params.task_id:
            raise MCPError(HEADER_MISMATCH, "the Mcp-Name header is not the task's id")
        capabilities = ctx.session.client_capabilities
        elicits = capabilities is not None and capabilities.elicitation is not None
        for source in self._sources:
            task = await source.find(params.task_id, elicits=elicits)
            if task is not None:
                return source, task
        raise MCPError(INVALID_PARAMS, "there is no task of this id")


def _declared(ctx: ServerRequestContext[Any, Any]) -> bool:
    capabilities = ctx.session.client_capabilities
    declared = capabilities.extensions if capabilities is not None else None
    return ctx.protocol_version == PROTOCOL_VERSION and TASKS in (declared or {})


def _as_json(task: Task, result_type: Literal["task", "complete"]) -> JsonObject:
    """Return a task as it goes over the wire; as the answer to a call it is a bare handle."""
    shown: JsonObject = {
        "resultType": result_type,
        "taskId": task.task_id,
        "status": task.status,
        "createdAt": _iso(task.created_at),
        "lastUpdatedAt": _iso(task.updated_at),
        "ttlMs": task.ttl_ms,
        "pollIntervalMs": task.poll_ms,
    }
    if task.message is not None:
        shown["statusMessage"] = task.message
    if result_type == "complete":
        payload = {
            "result": task.result,
            "error": task.error,
            "inputRequests": task.input_requests,
        }
        shown |= {name: value for name, value in payload.items() if value is not None}
    return shown


def _iso(seconds: float) -> str:
    return moment(seconds).isoformat(timespec="milliseconds")
