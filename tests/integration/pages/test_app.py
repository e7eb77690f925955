"""The pages over the loopback: what a browser is shown, and what it can do."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.pages import polls
from atlas_mcp.runs.request import RunRequest
from tests.support.gated_models import until
from tests.support.loopback_servers import Served, served

JSON = {"content-type": "application/json"}


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Uvicorn runs on asyncio."""
    return request.param


@dataclass
class Browser:
    """A browser that shows pages of a server."""

    server: Served
    http: httpx2.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.http.get(f"{self.server.origin}{path}", headers=headers)

    async def document(self, run_id: str, query: str = "") -> dict[str, Any]:
        answer = await self.get(f"/api/runs/{run_id}{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(
        self, path: str, body: Mapping[str, Any] | None = None, **headers: str
    ) -> httpx2.Response:
        given = {**JSON, "x-atlas-token": self.server.pages.token, **headers}
        content = json.dumps(body or {})
        return await self.http.post(f"{self.server.origin}{path}", content=content, headers=given)


@asynccontextmanager
async def browsing(home: Path, **server: float) -> AsyncGenerator[Browser]:
    async with served(home, **server) as server_, httpx2.AsyncClient(timeout=10) as http:
        with anyio.fail_after(20):
            yield Browser(server_, http)


async def opened(browser: Browser, *, wait: bool = True) -> str:
    """Return the id of a run that the server drives, or that has ended there."""
    service = await browser.server.host.service()
    run_id = await service.solve(make_problem("6 * 7?"), RunRequest())
    if wait:
        await service.wait(run_id, 10)
    return run_id


def config_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="atlas-config" type="application/json">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


async def test_a_page_has_its_place_and_the_token_and_a_strict_policy(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        run_id = await opened(browser)
        page = await browser.get(f"/runs/{run_id}")
        listed = await browser.get("/runs")

    token = browser.server.pages.token
    assert config_of(page.text) == {
        "mode": "served", "view": "run", "token": token, "run_id": run_id
    }  # fmt: skip
    assert config_of(listed.text) == {"mode": "served", "view": "runs", "token": token}
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'")
    assert "frame-ancestors 'none'" in policy
    in_page = re.search(r"script-src ('sha256-[^;]*)", page.text)
    assert in_page is not None
    assert f"script-src {in_page[1]}" in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_the_document_of_a_run_is_there_for_its_page(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        run_id = await opened(browser)
        whole = await browser.document(run_id)
        later = await browser.document(run_id, f"?since={whole['version']}")

    assert whole["answer"]["text"] == "42"
    assert whole["candidates"]
    assert (whole["partial"], later["partial"], later["candidates"]) == (False, True, [])


async def test_a_poll_is_answered_by_the_next_record(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        browser.server.model.held = {0, 1}
        run_id = await opened(browser, wait=False)
        await until(lambda: browser.server.model.waiting == 2)
        seen = await browser.document(run_id)
        later: list[dict[str, Any]] = []

        async def poll() -> None:
            query = f"?since={seen['version']}&wait_s=20&live=true"
            later.append(await browser.document(run_id, query))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(poll)
            await until(lambda: browser.server.pages.waiting == 1)
            assert not later
            browser.server.model.gate.set()

    assert seen["live"]
    assert later[0]["version"] > seen["version"]


async def test_a_poll_that_takes_a_run_for_live_is_told_that_it_is_not(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        run_id = await opened(browser)
        version = (await browser.document(run_id))["version"]
        told = await browser.document(run_id, f"?since={version}&wait_s=20&live=true")

    assert not told["live"]


async def test_a_closed_tab_stops_neither_its_run_nor_the_server(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        browser.server.model.held = {0, 1}
        run_id = await opened(browser, wait=False)
        seen = await browser.document(run_id)
        with anyio.move_on_after(0.2):
            await browser.document(run_id, f"?since={seen['version'] + 9}&wait_s=20")
        await until(lambda: not browser.server.pages.waiting)
        browser.server.model.gate.set()
        run = await (await browser.server.host.service()).wait(run_id, 10)

    assert run.status == "answered"


async def test_cancel_ends_the_run_and_resume_lets_it_go_on(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        browser.server.model.held = {0, 1}
        run_id = await opened(browser, wait=False)
        await until(lambda: browser.server.model.waiting == 2)
        cancelled = await browser.post(f"/api/runs/{run_id}/cancel")
        browser.server.model.held = set()
        resumed = await browser.post(f"/api/runs/{run_id}/resume", {"max_explores": 9})
        service = await browser.server.host.service()
        await service.demand.look()
        run = await service.wait(run_id, 10)
        again = await browser.post(f"/api/runs/{run_id}/resume")

    assert cancelled.json() == {"ok": True, "run_id": run_id, "status": "cancelled"}
    assert resumed.json() == {"ok": True, "run_id": run_id, "goes_on": True}
    assert (run.status, run.state.budget.max_explores) == ("answered", 9)
    assert again.json()["goes_on"] is False


async def test_a_run_that_its_client_left_goes_on_for_a_page(tmp_path: Path) -> None:
    """A server stops a run whose callers have all gone; a page is one of them."""
    async with browsing(tmp_path) as browser:
        service = await browser.server.host.service()
        browser.server.model.held = {0, 1, 2, 3}
        plan = await service.planner.solve(make_problem("6 * 7?"), RunRequest())
        call = await service.joining.solve(plan.problem, RunRequest())
        run_id = call.caller.run_id
        await service.callers.cut(call.caller)
        await service.cancel(run_id)
        answer = await browser.post(f"/api/runs/{run_id}/resume")
        await service.demand.look()
        stopped = (await service.look(run_id)).state.stop_cause
        browser.server.model.gate.set()
        await service.wait(run_id, 10)
        await browser.document(run_id)
        wanted = await service.callers.journal.wanted([run_id], promises=True)

    assert answer.json()["goes_on"] is True
    assert stopped is None
    assert wanted == {run_id: False}


async def test_explores_are_added_to_a_run_of_explores_alone(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        service = await browser.server.host.service()
        solved = await opened(browser)
        first = await browser.server.call("auto", "explore", problem="6 * 7?")
        added = await browser.post(f"/api/runs/{first.run_id}/explore", {"count": 2})
        await service.wait(first.run_id, 10)
        run = await service.look(first.run_id)
        refused = await browser.post(f"/api/runs/{solved}/explore", {"count": 1})

    assert added.json() == {"ok": True, "run_id": first.run_id, "count": 2}
    assert len(run.state.done) == 3
    assert refused.status_code == 400
    assert "run_id" in refused.json()["error"]


BAD: list[tuple[str, dict[str, Any], int, str]] = [
    ("resume", {"max_explores": 1}, 400, "max_explores"),
    ("resume", {"max_explores": "9"}, 400, "max_explores"),
    ("resume", {"max_explores": 10**9}, 400, "max_explores"),
    ("resume", {"max_cost_usd": -1}, 400, "max_cost_usd"),
    ("resume", {"max_cost_usd": True}, 400, "max_cost_usd"),
    ("resume", {"max_explore": 9}, 400, "max_explore"),
    ("cancel", {"really": True}, 400, "really"),
    ("explore", {"count": 0}, 400, "run_id"),
    ("remove", {}, 404, "action"),
]


async def test_bad_input_is_refused_before_anything_is_spent(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        run_id = await opened(browser)
        calls = len(browser.server.model.requests)
        answers = [await browser.post(f"/api/runs/{run_id}/{one[0]}", one[1]) for one in BAD]

        assert [answer.status_code for answer in answers] == [status for _, _, status, _ in BAD]
        for answer, (_, _, _, named) in zip(answers, BAD, strict=True):
            assert named in answer.json()["error"]
        assert len(browser.server.model.requests) == calls


async def test_an_address_of_nothing_shows_nothing(tmp_path: Path) -> None:
    paths = [
        "/runs/unknown",
        "/runs/..%2f..%2fetc%2fpasswd",
        "/runs/%2e%2e/file",
        "/runs/a%00b",
        "/compare/unknown/unknown",
        "/runs/unknown/file",
        "/api/runs/unknown",
        "/api/runs/unknown?since=1&wait_s=5",
        "/etc/passwd",
        "//etc/passwd",
    ]
    async with browsing(tmp_path) as browser:
        answers = [await browser.get(path) for path in paths]

    assert [answer.status_code for answer in answers] == [404] * len(paths)
    for answer in answers:
        assert len(answer.text) < 300
        assert browser.server.pages.token not in answer.text


async def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        run_id = await opened(browser)
        for query in ("since=-1", "since=x", "wait_s=1e9", f"since={'9' * 5000}"):
            answer = await browser.get(f"/api/runs/{run_id}?{query}")
            assert answer.status_code == 400


async def test_the_file_of_a_run_is_a_download_that_runs_nothing_from_here(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        run_id = await opened(browser)
        file = await browser.get(f"/runs/{run_id}/file")

    assert config_of(file.text) == {"mode": "file"}
    assert browser.server.pages.token not in file.text
    assert file.headers["content-disposition"] == f'attachment; filename="atlas-run-{run_id}.html"'
    assert file.headers["content-security-policy"].endswith("; sandbox")


async def test_the_transcript_of_a_run_is_text_to_be_read(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        run_id = await opened(browser)
        story = await browser.get(f"/runs/{run_id}/transcript")

    assert story.headers["content-type"] == "text/markdown; charset=utf-8"
    assert story.text.startswith(f"# Run {run_id}")


async def test_mcp_is_served_beside_the_pages_and_its_results_name_them(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        view = await browser.server.call("auto", "solve_with_atlas", problem="6 * 7?")
        home = await browser.get("/")
        assert view.page is not None
        page = await browser.get(view.page.removeprefix(browser.server.origin))

    assert view.answer == "42"
    assert page.status_code == 200
    assert (home.status_code, home.headers["location"]) == (307, "/runs")


async def test_waits_end_with_the_server(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        run_id = await opened(browser)
        version = (await browser.document(run_id))["version"]
        answers: list[dict[str, Any]] = []

        async def poll() -> None:
            answers.append(await browser.document(run_id, f"?since={version}&wait_s=30"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(poll)
            await until(lambda: browser.server.pages.waiting == 1)
            browser.server.pages.end_waits()

        assert len(answers) == 1
        await browser.document(run_id, f"?since={version}&wait_s=30")


async def test_the_tabs_of_one_browser_leave_it_a_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polls, "LEAST_WAIT", 0.05)
    async with browsing(tmp_path) as browser:
        browser.server.model.held = {0, 1}
        run_id = await opened(browser, wait=False)
        await until(lambda: browser.server.model.waiting == 2)
        version = (await browser.document(run_id))["version"]
        most = 0

        async def poll() -> None:
            await browser.document(run_id, f"?since={version}&wait_s=30&live=true")

        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(poll)
            await until(lambda: browser.server.pages.waiting > 4)
            await until(lambda: browser.server.pages.waiting <= 4)
            most = browser.server.pages.waiting
            browser.server.model.gate.set()

    assert most == 4


@pytest.mark.slow
async def test_pages_are_there_while_many_runs_go_on(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        browser.server.model.held = set(range(200))
        service = await browser.server.host.service()
        runs = [await service.solve(make_problem(f"6 * {n}?"), RunRequest()) for n in range(50)]
        documents: dict[str, dict[str, Any]] = {}

        async def look(run_id: str) -> None:
            page = await browser.get(f"/runs/{run_id}")
            assert page.status_code == 200
            documents[run_id] = await browser.document(run_id)
            query = f"?since={documents[run_id]['version']}&wait_s=20&live=true"
            documents[run_id] = await browser.document(run_id, query)

        async with anyio.create_task_group() as tasks:
            for run_id in runs:
                tasks.start_soon(look, run_id)
            await until(lambda: len(documents) == 50)
            browser.server.model.gate.set()
        for run_id in runs:
            await service.wait(run_id, 10)
        ended = [(await browser.document(run_id))["status"] for run_id in runs]

    assert ended == ["answered"] * 50
