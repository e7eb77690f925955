"""The server over HTTP, in both eras: what happens to a run whose client goes, and who is let in.

Only streams are served: with `json_response` or `stateless_http` of the SDK hang-ups would go
unheard.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client

from atlas_mcp.runs.live import LiveRun
from atlas_mcp.server.patience import ClientPatience
from atlas_mcp.views.run_view import RunView
from tests.support.gated_models import Heard, Mode, until
from tests.support.loopback_servers import Served, served
from tests.support.waiting import pause

VERSIONS = {"auto": "2026-07-28", "legacy": "2025-11-25"}


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Uvicorn runs on asyncio."""
    return request.param


@dataclass
class Stream:
    """The stream that answers one request."""

    id: int
    response: httpx2.Response
    events: AsyncGenerator[dict[str, Any]]

    async def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first message for which `condition` holds."""
        with anyio.fail_after(10):
            async for message in self.events:
                if condition(message):
                    return message
        raise AssertionError("the stream has ended")


async def events_of(response: httpx2.Response) -> AsyncGenerator[dict[str, Any]]:
    async for line in response.aiter_lines():
        # One answer alone comes without a stream.
        if line.startswith(("data: ", "{")):
            yield json.loads(line.removeprefix("data: "))


@dataclass
class Wire:
    """A client that speaks in bare requests, so that a test says when and how it goes."""

    http: httpx2.AsyncClient
    url: str
    mode: Mode
    session: dict[str, str] = field(default_factory=dict[str, str])
    asked: int = 0

    async def greet(self) -> None:
        """Shake hands, in the era that does."""
        if self.mode == "auto":
            return
        hello = {
            "protocolVersion": VERSIONS["legacy"],
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        }
        async with self.ask("initialize", **hello) as greeted:
            self.session["mcp-session-id"] = greeted.response.headers["mcp-session-id"]
            await greeted.until(lambda message: message.get("id") == greeted.id)
        await self.tell("notifications/initialized")

    @asynccontextmanager
    async def ask(self, method: str, **params: Any) -> AsyncGenerator[Stream]:
        self.asked += 1
        meta: dict[str, Any] = {"progressToken": self.asked}
        headers = {**self._headers(), "mcp-method": method}
        if self.mode == "auto":
            meta["io.modelcontextprotocol/protocolVersion"] = VERSIONS["auto"]
            meta["io.modelcontextprotocol/clientCapabilities"] = {}
            meta["io.modelcontextprotocol/clientInfo"] = {"name": "test", "version": "1"}
            headers["mcp-name"] = params["name"]
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": self.asked, "method": method}
        body["params"] = {**params, "_meta": meta}
        headers["content-type"] = "application/json"
        # Infinity as JSON can say it.
        content = json.dumps(body).replace("Infinity", "1e400")
        async with self.http.stream("POST", self.url, content=content, headers=headers) as response:
            assert response.status_code == 200
            yield Stream(self.asked, response, events_of(response))

    @asynccontextmanager
    async def call(self, tool: str, **arguments: Any) -> AsyncGenerator[Stream]:
        async with self.ask("tools/call", name=tool, arguments=arguments) as stream:
            yield stream

    async def tell(self, method: str, **params: Any) -> None:
        body = {"jsonrpc": "2.0", "method": method, "params": params}
        told = await self.http.post(self.url, json=body, headers=self._headers())
        assert told.status_code == 202

    def _headers(self) -> dict[str, str]:
        accepted = {"accept": "application/json, text/event-stream"}
        return {**self.session, **accepted, "mcp-protocol-version": VERSIONS[self.mode]}


@asynccontextmanager
async def wired(server: Served, mode: Mode) -> AsyncGenerator[Wire]:
    async with httpx2.AsyncClient(timeout=10) as http:
        wire = Wire(http, server.url, mode)
        await wire.greet()
        yield wire


async def run_of(stream: Stream) -> str:
    """Return the run that a call has opened: its first progress message names it."""
    first = await stream.until(lambda message: message.get("method") == "notifications/progress")
    return first["params"]["message"].removeprefix("run ").partition(" ")[0]


# Requests that end without an answer


async def hang_up(wire: Wire, stream: Stream) -> None:
    await stream.response.aclose()


async def cancel(wire: Wire, stream: Stream) -> None:
    await wire.tell("notifications/cancelled", requestId=stream.id)
    error = await stream.until(lambda message: message.get("id") == stream.id)
    assert error["error"]["message"] == "Request cancelled"


async def delete_session(wire: Wire, stream: Stream) -> None:
    deleted = await wire.http.delete(wire.url, headers=wire.session)
    assert deleted.status_code == 200


Way = Callable[[Wire, Stream], Awaitable[None]]

WAYS: dict[str, tuple[Mode, Way]] = {
    "stateless, the client hangs up": ("auto", hang_up),
    "session, the client hangs up": ("legacy", hang_up),
    "session, the request is cancelled": ("legacy", cancel),
    "session, the session is deleted": ("legacy", delete_session),
}


async def given_up(server: Served, case: str) -> LiveRun:
    """Have a call given up with one solver done and one at work; return its run."""
    mode, way = WAYS[case]
    server.model.held = {1}
    async with wired(server, mode) as wire, wire.call("solve_with_atlas", problem="Q?") as stream:
        live = await server.live(await run_of(stream))
        await until(lambda: server.model.waiting == 1 and len(live.state.votes) == 1)
        await way(wire, stream)
        await until(lambda: live.state.stop_cause == "client")
    return live


@pytest.mark.every_day(2)
@pytest.mark.parametrize("case", WAYS)
async def test_what_ends_within_the_grace_of_a_call_given_up_is_kept_and_nothing_more_is_asked(
    tmp_path: Path, case: str
) -> None:
    mode, _ = WAYS[case]
    async with served(tmp_path, grace_s=60) as server:
        live = await given_up(server, case)
        server.model.gate.set()
        await live.finished()
        kept = await server.call(mode, "get_run", run_id=live.run_id)
        asked = len(server.model.requests)
        resumed = await server.call(mode, "resume_run", run_id=live.run_id)

    assert (kept.status, kept.stop_reason, kept.answer) == ("cancelled", "cancelled", None)
    assert [one.answer for one in kept.candidates] == ["42", "42"]
    assert (asked, server.model.aborted) == (2, 0)
    assert kept.next is not None
    assert "resume_run" in kept.next
    assert (resumed.status, resumed.answer, len(resumed.candidates)) == ("answered", "42", 2)
    assert len(server.model.requests) == 3


@pytest.mark.every_day(2)
@pytest.mark.parametrize("case", WAYS)
async def test_what_outlasts_the_grace_of_a_call_given_up_is_aborted_and_asked_again_on_resuming(
    tmp_path: Path, case: str
) -> None:
    mode, _ = WAYS[case]
    async with served(tmp_path, grace_s=0.05) as server:
        live = await given_up(server, case)
        await live.finished()
        asked, aborted = len(server.model.requests), server.model.aborted
        kept = await server.call(mode, "get_run", run_id=live.run_id)
        server.model.gate.set()
        resumed = await server.call(mode, "resume_run", run_id=live.run_id)

    assert (asked, aborted) == (1, 1)
    assert kept.status == "cancelled"
    assert sorted(one.status for one in kept.candidates) == ["failed", "ok"]
    assert (resumed.status, resumed.answer) == ("answered", "42")
    assert [one.answer for one in resumed.candidates] == ["42", "42"]
    # The solver that was done is not asked again: the other one is, then the orchestrator.
    assert len({repr(request) for request in server.model.requests}) == 3
    assert len(server.model.requests) == 3


@pytest.mark.every_day(2)
@pytest.mark.parametrize("tool", ["explore", "resume_run"])
async def test_every_call_that_spends_stops_spending_when_its_client_hangs_up(
    tmp_path: Path, mode: Mode, tool: str
) -> None:
    async with served(tmp_path, grace_s=0) as server:
        arguments: dict[str, Any] = {"problem": "Q?", "count": 2}
        if tool == "resume_run":
            opened = await server.call(mode, "solve_with_atlas", problem="Q?", max_explores=2)
            arguments = {"run_id": opened.run_id, "max_explores": 3}
        before = len(server.model.requests)
        server.model.held = {before}
        async with wired(server, mode) as wire, wire.call(tool, **arguments) as stream:
            live = await server.live(await run_of(stream))
            await until(lambda: server.model.waiting == 1)
            await hang_up(wire, stream)
        with anyio.fail_after(10):
            await live.finished()

    assert live.state.stop_cause == "client"
    assert server.model.aborted == 1


async def test_a_client_that_only_looks_may_hang_up_and_the_run_goes_on(
    tmp_path: Path, mode: Mode
) -> None:
    async with served(tmp_path, grace_s=0) as server:
        server.model.held = {1}
        opened = await server.call(mode, "solve_with_atlas", problem="Q?", wait_s=0)
        live = await server.live(opened.run_id)
        async with (
            wired(server, mode) as wire,
            wire.call("get_run", run_id=opened.run_id, wait_s=60) as stream,
        ):
            await run_of(stream)
            await hang_up(wire, stream)
        # A later caller waits for the same run, in which nothing was stopped.
        async with wired(server, mode) as wire, wire.call("get_run", run_id=opened.run_id) as late:
            await run_of(late)
            server.model.gate.set()
            answer = await late.until(lambda message: message.get("id") == late.id)

    assert live.state.stop_cause is None
    assert answer["result"]["structuredContent"]["status"] == "answered"


@pytest.mark.parametrize("tool", ["solve_with_atlas", "explore"])
async def test_a_client_that_asks_again_after_it_hung_up_pays_for_no_call_twice(
    tmp_path: Path, mode: Mode, tool: str
) -> None:
    async with served(tmp_path, grace_s=60) as server:
        server.model.held = {0}
        async with wired(server, mode) as wire, wire.call(tool, problem="Q?") as stream:
            run_id = await run_of(stream)
            live = await server.live(run_id)
            await until(lambda: server.model.waiting == 1)
            await hang_up(wire, stream)
        await until(lambda: live.state.stop_cause == "client")
        async with wired(server, mode) as wire, wire.call(tool, problem="Q?") as again:
            await until(lambda: live.state.stop_cause is None)
            server.model.gate.set()
            answer = await again.until(lambda message: message.get("id") == again.id)

    view = answer["result"]["structuredContent"]
    assert (view["run_id"], view["status"]) == (run_id, "answered")
    assert view["next"].startswith(f"This call goes on with run {run_id}, ")
    assert len(server.model.requests) == (3 if tool == "solve_with_atlas" else 1)
    assert server.model.aborted == 0


async def test_one_of_two_clients_that_wait_for_a_run_may_hang_up(
    tmp_path: Path, mode: Mode
) -> None:
    async with served(tmp_path, grace_s=0) as server:
        server.model.held = {0, 1}
        service = await server.host.service()
        async with (
            wired(server, mode) as stays,
            wired(server, mode) as goes,
            stays.call("solve_with_atlas", problem="Q?") as waiting,
        ):
            live = await server.live(await run_of(waiting))
            async with goes.call("solve_with_atlas", problem="Q?") as stream:
                await run_of(stream)
                await hang_up(goes, stream)
            await until(lambda: len(service.callers.waiting) == 1)
            server.model.gate.set()
            answer = await waiting.until(lambda message: message.get("id") == waiting.id)

    assert live.state.stop_cause is None
    assert answer["result"]["structuredContent"]["answer"] == "42"
    assert len(server.model.requests) == 3


# Progress and results


async def test_progress_comes_while_the_run_works_and_then_the_result(
    tmp_path: Path, mode: Mode
) -> None:
    heard = Heard()
    views: list[RunView] = []
    async with served(tmp_path) as server:
        server.model.held = {2}

        async def call() -> None:
            async with Client(server.url, mode=mode) as client:
                result = await client.call_tool(
                    "solve_with_atlas", {"problem": "Q?"}, progress_callback=heard
                )
            views.append(RunView.model_validate(result.structured_content))

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await until(lambda: any("orchestrator turn 1" in one for one in heard.messages))
                assert views == []
                server.model.gate.set()

    assert [view.answer for view in views] == ["42"]
    assert heard.numbers == sorted(set(heard.numbers))
    assert f"run {views[0].run_id}" in heard.messages[0]


@pytest.mark.requirement("HANG-4")
async def test_the_soft_deadline_answers_with_a_run_that_goes_on(
    tmp_path: Path, mode: Mode
) -> None:
    async with served(tmp_path, respond_within_s=0.01) as server:
        server.model.held = {0, 1}
        early = await server.call(mode, "solve_with_atlas", problem="Q?")
        server.model.gate.set()
        late = await server.call(mode, "get_run", run_id=early.run_id, wait_s=60)

    assert (early.status, late.status, late.answer) == ("running", "answered", "42")


@pytest.mark.every_day(6)
@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("argument", ["max_explores", "max_cost_usd", "time_limit_s", "wait_s"])
async def test_what_is_no_finite_number_is_refused_by_its_argument(
    tmp_path: Path, mode: Mode, argument: str, number: float
) -> None:
    async with served(tmp_path) as server, wired(server, mode) as wire:
        arguments = {"problem": "Q?", argument: number}
        async with wire.call("solve_with_atlas", **arguments) as stream:
            answer = await stream.until(lambda message: message.get("id") == stream.id)

    assert answer["result"]["isError"]
    assert answer["result"]["content"][0]["text"].startswith(f"`{argument}`: takes a finite number")


# Who is let in


@pytest.mark.requirement("TOOL-16")
async def test_pages_of_other_sites_are_not_let_in(tmp_path: Path, mode: Mode) -> None:
    async with served(tmp_path) as server, wired(server, mode) as wire:
        for headers, expected in (
            ({"host": "atlas.example.org"}, 421),
            ({"host": "127.0.0.1.example.org:80"}, 421),
            ({"origin": "https://example.org"}, 403),
            ({"origin": "null"}, 403),
        ):
            body: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
            version = {"mcp-protocol-version": VERSIONS[mode]}
            accept = {"accept": "application/json, text/event-stream"}
            refused = await wire.http.post(
                server.url, json=body, headers={**wire.session, **version, **accept, **headers}
            )
            assert refused.status_code == expected, headers
        service = await server.host.service()
        assert await service.list_runs() == ()


@pytest.mark.every_day(2)
@pytest.mark.parametrize("name", ["localhost", "LocalHost."])
async def test_a_page_of_this_machine_is_let_in(tmp_path: Path, mode: Mode, name: str) -> None:
    headers = {"origin": f"http://{name}:6274", "host": f"{name}:8000"}
    async with (
        served(tmp_path) as server,
        httpx2.AsyncClient(timeout=10, headers=headers) as http,
    ):
        wire = Wire(http, server.url, mode)
        await wire.greet()
        async with wire.call("solve_with_atlas", problem="Q?") as stream:
            answer = await stream.until(lambda message: message.get("id") == stream.id)

    assert answer["result"]["structuredContent"]["answer"] == "42"


# The server's end


async def test_a_server_that_ends_answers_those_who_wait_and_cuts_off_those_who_listen(
    tmp_path: Path, mode: Mode
) -> None:
    async with served(tmp_path) as server, wired(server, mode) as wire:
        server.model.held = {0, 1}
        ended: list[dict[str, Any]] = []

        async def listen() -> None:
            headers = {"accept": "text/event-stream", **wire.session}
            async with wire.http.stream("GET", server.url, headers=headers) as stream:
                listening.set()
                async for _ in stream.aiter_raw():
                    pass

        async def wait() -> None:
            async with wire.call("solve_with_atlas", problem="Q?") as stream:
                await run_of(stream)
                waiting.set()
                ended.append(await stream.until(lambda message: message.get("id") == stream.id))

        listening, waiting = anyio.Event(), anyio.Event()
        with anyio.fail_after(10):
            async with anyio.create_task_group() as clients:
                if mode == "legacy":
                    clients.start_soon(listen)
                    await listening.wait()
                clients.start_soon(wait)
                await waiting.wait()
                await server.host.leave(grace=0)
                await server.app.answered()
                server.app.hang_up()

    view = RunView.model_validate(ended[0]["result"]["structuredContent"])
    assert view.status == "interrupted"
    assert view.next is not None
    assert "resume_run" in view.next


async def test_a_request_to_a_server_that_has_hung_up_is_told_so(
    tmp_path: Path, mode: Mode
) -> None:
    async with served(tmp_path) as server, wired(server, mode) as wire:
        server.app.hang_up()
        refused = await wire.http.post(server.url, json={}, headers=wire.session)

    assert refused.status_code == 503
    assert server.model.requests == []


async def test_the_time_that_a_client_waited_before_it_hung_up_is_noted(
    tmp_path: Path, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have a time-out."""
    monkeypatch.setattr(ClientPatience.__init__, "__kwdefaults__", {"least": 0.0})
    async with served(tmp_path, grace_s=0) as server, wired(server, mode) as wire:
        patience = (await server.host.service()).patience
        server.model.held = {0, 1}
        async with wire.call("solve_with_atlas", problem="6 * 7?") as stream:
            await run_of(stream)
            cuts_before = await patience.cuts("test", since=0)
        with anyio.fail_after(10):
            while not (cuts := await patience.cuts("test", since=0)):
                await pause()

    assert cuts_before == ()
    assert len(cuts) == 1
    assert 0 < cuts[0] < 10
