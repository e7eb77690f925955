"""The server with what the protocol's conformance runner asks for by name, served over HTTP.

    python tests/rigs/mcp_app.py --port 3101

It is `make_server` and `http_app`, the factories of the product, with further tools and a second
source of tasks beside runs.
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import anyio
import anyio.abc
import uvicorn
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import (
    AcceptedElicitation,
    Context,
    Elicit,
    ElicitationResult,
    MCPServer,
    Resolve,
    Sample,
)
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    CreateMessageResult,
    ElicitRequest,
    ElicitResult,
    InputRequiredResult,
    SamplingMessage,
    TextContent,
)
from mcp_types.jsonrpc import INTERNAL_ERROR
from pydantic import BaseModel
from typing_extensions import override

from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.server.app import make_server
from atlas_mcp.server.http.app import http_app
from atlas_mcp.server.task_extension import JsonObject, Support, Task, TaskSource

SUPPORT: Mapping[str, Support] = {
    "greet": "never",
    "slow_compute": "optional",
    "failing_job": "required",
    "protocol_error_job": "optional",
    "confirm_delete": "optional",
    "multi_input": "optional",
    "test_tool_with_task": "required",
}

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "confirm_delete": ("confirm",),
    "multi_input": ("first", "second"),
}


@dataclass
class Job:
    task: Task
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    answered: anyio.Event = field(default_factory=anyio.Event)

    def change(self, **changes: Any) -> None:
        self.task = replace(self.task, updated_at=time.time(), **changes)


class Jobs(TaskSource):
    """Tool calls that go on after the request that began them."""

    def __init__(self, tasks: anyio.abc.TaskGroup) -> None:
        self._tasks = tasks
        self._jobs: dict[str, Job] = {}

    @override
    def support(self, tool: str) -> Support | None:
        return SUPPORT.get(tool)

    @override
    async def begin(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> Task | HandlerResult:
        if params.name == "test_tool_with_task" and not params.input_responses:
            return await call_next(ctx)
        now = time.time()
        job = Job(Task(secrets.token_urlsafe(24), "working", now, now, ttl_ms=600_000))
        self._jobs[job.task.task_id] = job
        asked = QUESTIONS.get(params.name)
        if asked is not None:
            job.change(status="input_required", input_requests={key: _ask(key) for key in asked})
        self._tasks.start_soon(self._work, job, lambda: call_next(ctx))
        return job.task

    @override
    async def find(self, task_id: str, *, elicits: bool) -> Task | None:
        job = self._jobs.get(task_id)
        return None if job is None else job.task

    @override
    async def answer(self, task_id: str, responses: Mapping[str, JsonObject]) -> None:
        job = self._jobs[task_id]
        asked = job.task.input_requests or {}
        left = {key: request for key, request in asked.items() if key not in responses}
        if left or job.task.status != "input_required":
            job.change(input_requests=left or None)
            return
        job.change(status="working", input_requests=None)
        job.answered.set()

    @override
    async def cancel(self, task_id: str) -> None:
        job = self._jobs[task_id]
        if job.task.status in ("working", "input_required"):
            job.change(status="cancelled", input_requests=None)
            job.scope.cancel("the client wants it to end")

    async def _work(self, job: Job, call: Callable[[], Awaitable[HandlerResult]]) -> None:
        with job.scope:
            if job.task.status == "input_required":
                await job.answered.wait()
            try:
                result = await call()
            except MCPError as error:
                job.change(status="failed", error=error.error.model_dump(exclude_none=True))
                return
            assert isinstance(result, CallToolResult)
            shown = result.model_dump(mode="json", by_alias=True, exclude_none=True)
            job.change(status="completed", result=shown)


def _ask(key: str) -> JsonObject:
    schema = {"type": "object", "properties": {"confirm": {"type": "boolean"}}}
    params = {"mode": "form", "message": f"{key}?", "requestedSchema": schema}
    return {"method": "elicitation/create", "params": params}


class Name(BaseModel):
    name: str


async def ask_name(ctx: Context[Any, Any]) -> Elicit[Name]:
    return Elicit("What is your name?", Name)


async def ask_model(ctx: Context[Any, Any]) -> Sample:
    said = SamplingMessage(role="user", content=TextContent(type="text", text="Hello?"))
    return Sample([said], max_tokens=16)


def _name(given: ElicitationResult[Name]) -> str:
    return given.data.name if isinstance(given, AcceptedElicitation) else "stranger"


def add_jobs(server: MCPServer[Any]) -> None:
    @server.tool(description="Greets.")
    async def greet(name: str) -> str:
        return f"Hello, {name}!"

    @server.tool(description="Takes its time.")
    async def slow_compute(seconds: float, label: str = "") -> str:
        await anyio.sleep(seconds)
        return f"{label} took {seconds} s"

    @server.tool(description="Fails.")
    async def failing_job() -> str:
        await anyio.sleep(1)
        raise ToolError("it failed")

    @server.tool(description="Fails as the protocol does.")
    async def protocol_error_job() -> str:
        raise MCPError(INTERNAL_ERROR, "it broke")

    @server.tool(description="Asks before it deletes.")
    async def confirm_delete(filename: str) -> str:
        return f"{filename} is gone"

    @server.tool(description="Asks twice.")
    async def multi_input() -> str:
        return "both answered"

    @server.tool(description="Asks for a name, then becomes a task.")
    async def test_tool_with_task(
        user_name: Annotated[ElicitationResult[Name], Resolve(ask_name)],
    ) -> str:
        return f"done for {_name(user_name)}"


def add_fixtures(server: MCPServer[Any]) -> None:
    @server.tool(description="Says something.")
    async def test_simple_text() -> CallToolResult:
        said = TextContent(type="text", text="This is a simple text response for testing.")
        return CallToolResult(content=[said])

    @server.tool(description="Fails.")
    async def test_error_handling() -> str:
        raise ToolError("This tool intentionally returns an error for testing")

    @server.tool(description="Says how far it is.")
    async def test_tool_with_progress(ctx: Context[Any, Any]) -> str:
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100)
        return "all of it"

    @server.tool(description="Asks for a name.")
    async def test_input_required_result_elicitation(
        ctx: Context[Any, Any],
    ) -> CallToolResult | InputRequiredResult:
        given = (ctx.input_responses or {}).get("user_name")
        if not isinstance(given, ElicitResult):
            asked = ElicitRequest.model_validate(_ask("user_name"))
            return InputRequiredResult(input_requests={"user_name": asked})
        return CallToolResult(content=[TextContent(type="text", text=f"Hello, {given.content}!")])

    @server.tool(description="Needs a client that samples.")
    async def test_missing_capability(
        sampled: Annotated[CreateMessageResult, Resolve(ask_model)],
    ) -> str:
        return sampled.model


async def main(port: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(
            home=Path(home), solvers={"demo": SolverSettings(model="scripted/demo")}
        )
        async with anyio.create_task_group() as tasks:
            server = make_server(settings, tasks=[Jobs(tasks)])
            add_jobs(server)
            add_fixtures(server)
            config = uvicorn.Config(http_app(server), port=port, log_level="warning")
            await uvicorn.Server(config).serve()
            tasks.cancel_scope.cancel("the server has ended")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=3101)
    anyio.run(main, parser.parse_args().port)
