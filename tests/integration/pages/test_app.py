"""The pages beside MCP: who ends when, and what one browser or many runs do to the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.pages import polls
from atlas_mcp.runs.request import RunRequest
from tests.support.gated_models import until
from tests.support.page_browsers import browsing, opened


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Uvicorn runs on asyncio."""
    return request.param


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


async def test_mcp_is_served_beside_the_pages_and_its_results_name_them(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        view = await browser.server.call("auto", "solve_with_atlas", problem="6 * 7?")
        home = await browser.get("/")
        asked = await browser.server.call("auto", "ask_run", run_id=view.run_id, question="Why?")
        assert view.page is not None
        page = await browser.get(view.page.removeprefix(browser.server.origin))

    assert view.answer == "42"
    assert asked.page == view.page
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
