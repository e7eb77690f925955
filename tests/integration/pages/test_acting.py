"""Actions over the loopback, as a page asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.runs.request import RunRequest
from tests.support.gated_models import until
from tests.support.page_browsers import browsing, opened


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Uvicorn runs on asyncio."""
    return request.param


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


async def test_a_question_is_answered_beside_the_run(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        service, model = await browser.server.host.service(), browser.server.model
        first = await browser.server.call("auto", "solve_with_atlas", problem="6 * 7?")
        run_id = first.run_id
        model.held = {len(model.requests)}
        asked = await browser.post(f"/api/runs/{run_id}/ask", {"question": "Why not 17?"})
        await until(lambda: model.waiting == 1)
        await browser.document(run_id)
        # Nobody but the page wants anything of the run.
        await service.demand.look()
        stopped = (await service.look(run_id)).state.questions_stopped
        model.gate.set()
        await service.wait(run_id, 10)
        document = await browser.document(run_id)

    assert asked.json() == {"ok": True, "run_id": run_id, "number": 1}
    assert not stopped
    assert document["status"] == "answered"
    (question,) = document["questions"]
    assert (question["state"], question["answer"]) == ("answered", "It fails in step 2.")
    assert "ask" in document["actions"]


async def test_an_answered_run_goes_on_with_an_instruction(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        run_id = await opened(browser)
        body = {"instruction": "Check the carry."}
        answer = await browser.post(f"/api/runs/{run_id}/resume", body)
        run = await (await browser.server.host.service()).wait(run_id, 10)

    assert answer.json()["goes_on"] is True
    assert run.status == "answered"
    assert any("Check the carry." in str(one) for one in browser.server.model.requests)


BAD: list[tuple[str, dict[str, Any], int, str]] = [
    ("resume", {"max_explores": 1}, 400, "max_explores"),
    ("resume", {"max_explores": "9"}, 400, "max_explores"),
    ("resume", {"max_explores": 10**9}, 400, "max_explores"),
    ("resume", {"max_cost_usd": -1}, 400, "max_cost_usd"),
    ("resume", {"max_cost_usd": True}, 400, "max_cost_usd"),
    ("resume", {"max_explore": 9}, 400, "max_explore"),
    ("cancel", {"really": True}, 400, "really"),
    ("explore", {"count": 0}, 400, "run_id"),
    ("ask", {}, 400, "question"),
    ("ask", {"question": " "}, 400, "question"),
    ("ask", {"question": "Why?", "max_cost_usd": -1}, 400, "max_cost_usd"),
    ("ask", {"question": "\ud800"}, 400, "question"),
    ("ask", {"question": "x" * 100_000}, 400, "question"),
    ("ask", {"question": "x" * 200_000}, 400, "body"),
    ("resume", {"instruction": "\ud800"}, 400, "instruction"),
    ("remove", {}, 404, "action"),
]


@pytest.mark.requirement("PAGES-6")
async def test_bad_input_is_refused_before_anything_is_spent(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        run_id = await opened(browser)
        calls = len(browser.server.model.requests)
        answers = [await browser.post(f"/api/runs/{run_id}/{one[0]}", one[1]) for one in BAD]

        assert [answer.status_code for answer in answers] == [status for _, _, status, _ in BAD]
        for answer, (_, _, _, named) in zip(answers, BAD, strict=True):
            assert named in answer.json()["error"]
        assert len(browser.server.model.requests) == calls
