"""The tasks extension on the wire, over a source of tasks that is none of ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams, ClientCapabilities
from typing_extensions import override

from atlas_mcp.server.task_extension import (
    PROTOCOL_VERSION,
    TASKS,
    JsonObject,
    Support,
    Task,
    TaskParams,
    TasksExtension,
    TaskSource,
    UpdateParams,
)

HANDLE = Task("t-1", "working", 0.0, 1.5, message="At work.", ttl_ms=60_000)


class Source(TaskSource):
    """Makes one task of each call of the tool `slow`."""

    def __init__(self) -> None:
        self.answered: list[Mapping[str, JsonObject]] = []
        self.cancelled: list[str] = []

    @override
    def support(self, tool: str) -> Support | None:
        return "optional" if tool == "slow" else None

    @override
    async def begin(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> Task | HandlerResult:
        return HANDLE

    @override
    async def find(self, task_id: str, *, elicits: bool) -> Task | None:
        return HANDLE if task_id == HANDLE.task_id else None

    @override
    async def answer(self, task_id: str, responses: Mapping[str, JsonObject]) -> None:
        self.answered.append(responses)

    @override
    async def cancel(self, task_id: str) -> None:
        self.cancelled.append(task_id)


def context(*, declares: bool = True, named: str | None = None) -> ServerRequestContext[Any, Any]:
    """Return the context of a request whose client declares the extension, or does not."""
    capabilities = ClientCapabilities(extensions={TASKS: {}} if declares else None)
    request = None if named is None else SimpleNamespace(headers={"mcp-name": named})
    session = SimpleNamespace(client_capabilities=capabilities)
    found = SimpleNamespace(session=session, request=request, protocol_version=PROTOCOL_VERSION)
    return cast("ServerRequestContext[Any, Any]", found)


async def at_once(ctx: ServerRequestContext[Any, Any]) -> HandlerResult:
    return {"at": "once"}


def methods_of(source: Source) -> dict[str, Any]:
    return {one.method: one.handler for one in TasksExtension([source]).methods()}


@pytest.mark.parametrize(
    ("tool", "declares", "is_task"),
    [("slow", True, True), ("slow", False, False), ("quick", True, False)],
)
async def test_a_call_becomes_a_task_where_the_tool_and_the_client_have_them(
    tool: str, *, declares: bool, is_task: bool
) -> None:
    params = CallToolRequestParams(name=tool)

    result = await TasksExtension([Source()]).intercept_tool_call(
        params, context(declares=declares), at_once
    )

    if not is_task:
        assert result == {"at": "once"}
        return
    assert result == {
        "resultType": "task",
        "taskId": "t-1",
        "status": "working",
        "createdAt": "1970-01-01T00:00:00.000+00:00",
        "lastUpdatedAt": "1970-01-01T00:00:01.500+00:00",
        "ttlMs": 60_000,
        "pollIntervalMs": HANDLE.poll_ms,
        "statusMessage": "At work.",
    }


async def test_the_methods_find_answer_and_cancel_a_task() -> None:
    source = Source()
    methods, task = methods_of(source), TaskParams(taskId="t-1")

    found = await methods["tasks/get"](context(), task)
    answers = {"q-1": {"action": "accept"}}
    await methods["tasks/update"](context(), UpdateParams(taskId="t-1", inputResponses=answers))
    await methods["tasks/cancel"](context(), task)

    assert found["resultType"] == "complete"
    assert source.answered == [answers]
    assert source.cancelled == ["t-1"]


@pytest.mark.parametrize("named", ["t-2", "T-1"])
async def test_a_routing_header_must_name_the_task(named: str) -> None:
    with pytest.raises(MCPError, match="Mcp-Name"):
        await methods_of(Source())["tasks/get"](context(named=named), TaskParams(taskId="t-1"))


async def test_a_task_of_no_source_does_not_exist() -> None:
    with pytest.raises(MCPError, match="there is no task of this id"):
        await methods_of(Source())["tasks/get"](context(), TaskParams(taskId="t-9"))


async def test_a_client_that_does_not_declare_the_extension_has_no_tasks() -> None:
    with pytest.raises(MCPError):
        await methods_of(Source())["tasks/get"](context(declares=False), TaskParams(taskId="t-1"))
