"""Pages and documents over the loopback, as a browser reads them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.gated_models import until
from tests.support.page_browsers import browsing, config_of, opened


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Uvicorn runs on asyncio."""
    return request.param


@pytest.mark.requirement("PAGES-5")
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


@pytest.mark.requirement("PAGES-7")
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


async def test_runs_are_listed_found_added_up_and_compared(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        one, other = await opened(browser), await opened(browser)
        listed = (await browser.get("/api/runs")).json()
        found = (await browser.get("/api/runs?query=6+*+7&limit=1&offset=1")).json()
        nothing = (await browser.get("/api/runs?query=elephants")).json()
        stats = (await browser.get("/api/stats")).json()
        compared = (await browser.get(f"/api/compare/{one}/{other}")).json()
        page = await browser.get(f"/compare/{one}/{other}")
        unknown = await browser.get(f"/api/compare/{one}/unknown")

    assert [run["run_id"] for run in listed["runs"]] == [other, one]
    assert (found["total"], found["limit"], found["offset"], len(found["runs"])) == (2, 1, 1, 1)
    assert nothing["runs"] == []
    assert (stats["runs"], stats["answered"]) == (2, 2)
    assert compared["same_problem"] is True
    assert config_of(page.text)["other"] == other
    assert unknown.status_code == 404


async def test_a_search_is_bounded(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        await opened(browser)
        for query in ("limit=9999999", "query=" + "%22" * 3_000, "query=%00%01*(NEAR", "offset=99"):
            answer = await browser.get(f"/api/runs?{query}")
            assert answer.status_code == 200
            assert answer.json()["limit"] <= 500
