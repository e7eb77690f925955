"""The tasks extension over runs: a handle that outlives the server, for clients that declare it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from mcp.client import Client
from mcp.client.context import ClientRequestContext
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, Request, Result
from pydantic import ConfigDict, Field
from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import ServerSettings, Settings
from atlas_mcp.journal.base import TaskEntry
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says, Scripted
from atlas_mcp.server.app import make_server
from atlas_mcp.server.host import Host
from atlas_mcp.server.task_extension import TASKS
from atlas_mcp.system.dates import moment
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from tests.support.waiting import pause

Mode = Literal["auto", "legacy"]

UNKNOWN, UNDECLARED = -32602, -32021


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


class Handle(Result):
    """The answer to a call that stands in for its result."""

    model_config = ConfigDict(extra="allow")
    result_type: Literal["task"] = Field(alias="resultType")
    task_id: str = Field(alias="taskId")


class Anything(Result):
    model_config = ConfigDict(extra="allow")


class TaskClient(ClientExtension):
    identifier = TASKS

    @override
    def claims(self) -> list[ResultClaim[Any]]:
        async def give_handle(handle: Handle, ctx: ClaimContext) -> CallToolResult:
            raise AssertionError("the tests ask for the handle itself")

        return [ResultClaim(result_type="task", model=Handle, resolve=give_handle)]


class Held(Scripted):
    """A model whose solvers all agree, once the gate is open."""

    def __init__(self) -> None:
        super().__init__(self._say)
        self.gate = anyio.Event()
        self.waiting = 0

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        self.waiting += 1
        await self.gate.wait()
        return await super().generate(request, on_tokens=on_tokens, on_usage=on_usage)

    def _say(self, request: ModelRequest) -> Says:
        sure = {"answer": "42", "confidence_percent": 80}
        if request.tools:
            return Says({**sure, "explanation": "Both.", "supported": True, "dissent": None})
        return Says({**sure, "approach": "Adds.", "justification": "So."})


@dataclass
class Side:
    """A client, and the model behind its server."""

    client: Client
    model: Held
    host: Host

    async def call(self, tool: str, **arguments: Any) -> Any:
        with anyio.fail_after(10):
            return await self.client.session.call_tool(tool, arguments, allow_claimed=True)

    async def begin(self, **arguments: Any) -> str:
        handle = await self.call("solve_with_atlas", problem="6 * 7?", **arguments)
        assert isinstance(handle, Handle)
        return handle.task_id

    async def ask(self, method: str, task_id: str, **params: Any) -> dict[str, Any]:
        request = Request[dict[str, Any], str](method=method, params={"taskId": task_id, **params})
        with anyio.fail_after(10):
            result = await self.client.session.send_request(request, Anything)
        return result.model_dump(by_alias=True)

    async def settled(self, task_id: str) -> dict[str, Any]:
        with anyio.fail_after(10):
            while True:
                task = await self.ask("tasks/get", task_id)
                if task["status"] != "working":
                    return task
                await anyio.sleep(0.01)


@asynccontextmanager
async def connected(
    home: Path,
    *,
    declares: bool = True,
    elicits: bool = True,
    mode: Mode = "auto",
) -> AsyncGenerator[Side]:
    model = Held()
    settings = Settings(
        home=home,
        solvers={"demo": SolverSettings(model=model.name)},
        server=ServerSettings(grace_s=0.0, respond_within_s=0.01),
    )
    host = Host(settings, pool=Pool(settings, {model.name: model}))

    async def never(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        raise AssertionError("a task asks in its own methods")

    client = Client(
        make_server(settings, host=host),
        mode=mode,
        extensions=[TaskClient()] if declares else [],
        elicitation_callback=never if elicits else None,
    )
    async with client:
        yield Side(client, model, host)


async def until_called(side: Side) -> None:
    with anyio.fail_after(10):
        while side.model.waiting < 2:
            await pause()


@pytest.mark.requirement("TOOL-14")
async def test_a_call_is_answered_with_a_handle_at_once_and_the_task_ends_with_the_result(
    tmp_path: Path,
) -> None:
    async with connected(tmp_path) as side:
        task_id = await side.begin(wait_s=3_600)
        at_work = await side.ask("tasks/get", task_id)
        side.model.gate.set()
        done = await side.settled(task_id)

    assert (at_work["status"], at_work["resultType"]) == ("working", "complete")
    assert "result" not in at_work
    assert done["status"] == "completed"
    view = RunView.model_validate(done["result"]["structuredContent"])
    assert (view.status, view.answer) == ("answered", "42")
    assert view.run_id in at_work["statusMessage"]
    assert done["ttlMs"] is None
    assert done["pollIntervalMs"] > 0


async def test_a_client_that_goes_before_it_has_its_handle_leaves_no_run_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing = anyio.Event()

    async def never(journal: SqliteJournal, task: TaskEntry) -> None:
        storing.set()
        await anyio.sleep_forever()

    monkeypatch.setattr(SqliteJournal, "add_task", never)
    async with connected(tmp_path) as side:
        async with anyio.create_task_group() as request:
            request.start_soon(side.begin)
            await storing.wait()
            request.cancel_scope.cancel()
        service = await side.host.service()
        (run,) = await service.list_runs()
        view = view_of(await service.wait(run.run_id, 10))

    assert (view.status, view.stop_reason) == ("cancelled", "cancelled")


@pytest.mark.parametrize("clock", [1e12, -1e12])
async def test_a_task_of_a_time_that_no_calendar_has_is_found_all_the_same(
    tmp_path: Path, clock: float
) -> None:
    async with connected(tmp_path) as side:
        task_id = await side.begin()
        tasks = (await side.host.service()).tasks
        entry = await tasks.find_task(task_id)
        assert entry is not None
        await tasks.add_task(replace(entry, task_id="odd", created_at=clock))
        task = await side.ask("tasks/get", "odd")

    assert task["status"] == "working"
    assert task["createdAt"] == f"{moment(clock):%Y-%m-%d}T00:00:00.000+00:00"


async def test_ids_of_tasks_are_long_random_and_not_the_ids_of_runs(tmp_path: Path) -> None:
    async with connected(tmp_path) as side:
        ids = {await side.begin(fresh=True) for _ in range(3)}
        runs = {(await side.ask("tasks/get", one))["statusMessage"] for one in ids}

    assert len(ids) == len(runs) == 3
    assert all(len(one) >= 32 for one in ids)
    assert not any(one in text for one in ids for text in runs)


async def test_a_task_outlives_its_server_and_asks_before_it_spends_again(tmp_path: Path) -> None:
    async with connected(tmp_path) as first:
        task_id = await first.begin()
        await until_called(first)
    async with connected(tmp_path) as second:
        asking = await second.ask("tasks/get", task_id)
        ((key, question),) = asking["inputRequests"].items()
        await second.ask("tasks/update", task_id, inputResponses={"other": {"action": "accept"}})
        still = await second.ask("tasks/get", task_id)
        unasked = second.model.waiting
        second.model.gate.set()
        yes = {"action": "accept", "content": {"resume": True}}
        await second.ask("tasks/update", task_id, inputResponses={key: yes})
        done = await second.settled(task_id)

    assert asking["status"] == still["status"] == "input_required"
    assert question["method"] == "elicitation/create"
    assert question["params"]["requestedSchema"]["required"] == ["resume"]
    assert unasked == 0
    assert done["status"] == "completed"
    assert done["result"]["structuredContent"]["answer"] == "42"


async def test_identical_tasks_stand_for_one_run_until_its_result_was_read(tmp_path: Path) -> None:
    async with connected(tmp_path) as side:
        service = await side.host.service()
        first, second = await side.begin(), await side.begin()
        at_work = await service.list_runs()
        side.model.gate.set()
        done = await side.settled(first)
        shared = await side.settled(second)
        await side.begin()
        runs = await service.list_runs()

    assert first != second
    assert (len(at_work), len(runs)) == (1, 2)
    assert done["result"] == shared["result"]


async def test_a_task_that_its_user_has_go_on_is_promised_to_its_client(tmp_path: Path) -> None:
    async with connected(tmp_path) as first:
        task_id = await first.begin()
        await until_called(first)
    async with connected(tmp_path) as second:
        asking = await second.ask("tasks/get", task_id)
        ((key, _),) = asking["inputRequests"].items()
        yes = {"action": "accept", "content": {"resume": True}}
        await second.ask("tasks/update", task_id, inputResponses={key: yes})
        service = await second.host.service()
        (run,) = await service.list_runs()
        wanted = await service.callers.journal.wanted([run.run_id], promises=True)
        waiting = service.callers.waiting

    assert wanted == {run.run_id: True}
    assert waiting == ()


@pytest.mark.requirement("MONEY-13")
async def test_a_user_who_declines_ends_the_run_and_nothing_is_spent(tmp_path: Path) -> None:
    async with connected(tmp_path) as first:
        task_id = await first.begin()
        await until_called(first)
    async with connected(tmp_path) as second:
        asking = await second.ask("tasks/get", task_id)
        (key,) = asking["inputRequests"]
        no = {"action": "decline"}
        await second.ask("tasks/update", task_id, inputResponses={key: no})
        done = await second.settled(task_id)

    assert done["status"] == "cancelled"
    assert second.model.waiting == 0


async def test_a_client_that_cannot_ask_is_given_the_interrupted_run(tmp_path: Path) -> None:
    async with connected(tmp_path) as first:
        task_id = await first.begin()
        await until_called(first)
    async with connected(tmp_path, elicits=False) as second:
        done = await second.ask("tasks/get", task_id)

    assert done["status"] == "completed"
    view = RunView.model_validate(done["result"]["structuredContent"])
    assert view.status == "interrupted"
    assert view.next is not None
    assert "resume_run" in view.next


async def test_a_cancelled_task_settles_and_is_cancelled_again_in_peace(tmp_path: Path) -> None:
    async with connected(tmp_path) as side:
        task_id = await side.begin()
        await until_called(side)
        acknowledged = await side.ask("tasks/cancel", task_id)
        done = await side.settled(task_id)
        again = await side.ask("tasks/cancel", task_id)

    assert acknowledged["resultType"] == again["resultType"] == "complete"
    assert "taskId" not in acknowledged
    assert done["status"] == "cancelled"
    assert "result" not in done


async def test_a_call_that_is_refused_is_answered_at_once(tmp_path: Path) -> None:
    async with connected(tmp_path) as side:
        refused = await side.call("solve_with_atlas", problem=" ")

    assert isinstance(refused, CallToolResult)
    assert refused.is_error


async def test_looking_at_a_run_and_ending_it_are_no_tasks(tmp_path: Path) -> None:
    async with connected(tmp_path) as side:
        task_id = await side.begin()
        message = (await side.ask("tasks/get", task_id))["statusMessage"]
        run_id = message.rpartition("Run ")[2].rstrip(".")
        seen = await side.call("get_run", run_id=run_id, wait_s=0)
        ended = await side.call("cancel_run", run_id=run_id)

    assert isinstance(seen, CallToolResult)
    assert isinstance(ended, CallToolResult)


async def test_an_unknown_task_is_invalid(tmp_path: Path) -> None:
    async with connected(tmp_path) as side:
        for method in ("tasks/get", "tasks/cancel"):
            with pytest.raises(MCPError) as caught:
                await side.ask(method, "nowhere")
            assert caught.value.error.code == UNKNOWN


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_does_not_declare_it_sees_no_change(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, declares=False, mode=mode) as side:
        result = await side.call("solve_with_atlas", problem="6 * 7?")
        if mode == "auto":
            with pytest.raises(MCPError) as caught:
                await side.ask("tasks/get", "any")
            assert caught.value.error.code == UNDECLARED

    assert isinstance(result, CallToolResult)
    assert result.structured_content is not None
    assert result.structured_content["status"] == "running"


async def test_the_handshake_era_has_no_tasks_even_if_it_declares_them(tmp_path: Path) -> None:
    async with connected(tmp_path, mode="legacy") as side:
        result = await side.call("solve_with_atlas", problem="6 * 7?")

    assert isinstance(result, CallToolResult)
