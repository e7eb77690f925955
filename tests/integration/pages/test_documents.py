"""Documents of runs: awaited until there is news, and made once for all who ask."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from atlas_mcp.atlas.events import Record
from atlas_mcp.errors import UnknownRun
from atlas_mcp.pages import documents
from atlas_mcp.pages.documents import RUNS_KEPT, Documents, Known, Made
from atlas_mcp.views.page.document import page_document
from tests.support.gated_models import until
from tests.support.live_runs import driven
from tests.support.page_services import paged


async def test_a_document_is_that_of_the_records_and_the_same_as_json(tmp_path: Path) -> None:
    async with paged(tmp_path) as there:
        run_id = await there.answered()
        made = await Documents().document(there.service, run_id)
        records, run = await there.service.read(run_id), await there.service.look(run_id)

    assert made.document.model_dump(exclude={"at"}) == page_document(records, run).model_dump(
        exclude={"at"}
    )
    assert json.loads(made.json)["version"] == made.document.version == len(records)


async def test_tabs_that_ask_together_get_one_document(tmp_path: Path) -> None:
    made: list[Made] = []
    async with paged(tmp_path) as there:
        run_id, shared = await there.answered(), Documents()

        async def look() -> None:
            made.append(await shared.document(there.service, run_id))

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(look)
        later = await shared.document(there.service, run_id, since=3)

    assert len({id(one) for one in made}) == 1
    assert later is not made[0]


async def test_a_further_look_reads_newer_records_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    async with paged(tmp_path) as there:
        run_id, shared = await there.held(), Documents()
        read = there.service.records.read

        async def noted(run_id: str, *, after: int = 0) -> tuple[Record, ...]:
            asked.append(after)
            return await read(run_id, after=after)

        monkeypatch.setattr(there.service.records, "read", noted)
        first = await shared.document(there.service, run_id)
        there.model.gate.set()
        await there.service.wait(run_id, 10)
        asked.clear()
        second = await shared.document(there.service, run_id)

    assert 0 not in asked
    assert asked[-1] == first.document.version
    assert second.document.answer is not None


async def test_news_is_a_record_that_a_page_does_not_know(tmp_path: Path) -> None:
    async with paged(tmp_path) as there:
        run_id, shared = await there.held(), Documents()
        version = (await shared.document(there.service, run_id)).document.version

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shared.news, there.service, run_id, Known(version, live=True))
            await anyio.wait_all_tasks_blocked()
            there.model.gate.set()
        made = await shared.document(there.service, run_id, version)

    assert made.document.version > version
    assert made.document.partial


async def test_a_question_under_way_is_no_news_to_a_page_that_knows_of_it(tmp_path: Path) -> None:
    returned, early = anyio.Event(), True
    async with paged(tmp_path) as there:
        run_id, shared = await there.answered(), Documents()
        there.model.held = {len(there.model.requests)}
        await there.service.ask(run_id, "Why not 17?")
        await until(lambda: there.model.waiting == 1)
        before = (await shared.document(there.service, run_id)).document

        async def wait() -> None:
            await shared.news(there.service, run_id, Known(before.version, live=before.live))
            returned.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            early = returned.is_set()
            there.model.gate.set()
        await there.service.wait(run_id, 10)
        after = (await shared.document(there.service, run_id, before.version)).document

    assert (before.status, before.live, early) == ("answered", True, False)
    assert (after.status, after.live) == ("answered", False)


async def test_tokens_that_arrive_are_news_without_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "TICK_SECONDS", 0.01)
    async with paged(tmp_path) as there:
        run_id, shared = await there.held(), Documents()
        version = (await shared.document(there.service, run_id)).document.version
        live = driven(there.service, run_id)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shared.news, there.service, run_id, Known(version, live=True))
            await anyio.wait_all_tasks_blocked()
            live.count_tokens("solver-1", 17)
        made = await shared.document(there.service, run_id, version)

    assert made.document.version == version
    assert made.document.candidates[0].received_tokens == 17


async def test_a_run_that_another_process_resumes_has_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "LOOK_SECONDS", 0.01)
    async with paged(tmp_path) as there, paged(tmp_path) as other:
        run_id, shared = await there.answered(), Documents()
        version = (await shared.document(there.service, run_id)).document.version

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shared.news, there.service, run_id, Known(version, live=False))
            await anyio.wait_all_tasks_blocked()
            assert await other.service.resume(run_id, max_explores=9)
        made = await shared.document(there.service, run_id, version)

    assert made.document.version > version


@pytest.mark.requirement("PAGES-1")
async def test_a_run_that_is_driven_elsewhere_is_shown_live(tmp_path: Path) -> None:
    async with paged(tmp_path) as there, paged(tmp_path) as other:
        run_id, shared = await other.held(), Documents()
        before = (await shared.document(there.service, run_id)).document

        async with anyio.create_task_group() as tasks:
            known = Known(before.version, live=True)
            tasks.start_soon(shared.news, there.service, run_id, known)
            await anyio.wait_all_tasks_blocked()
            other.model.gate.set()
        await other.service.wait(run_id, 10)
        await shared.news(there.service, run_id, Known(live=True))
        after = (await shared.document(there.service, run_id)).document

    assert (before.live, before.status, after.status) == (True, "running", "answered")


async def test_a_wait_is_bounded(tmp_path: Path) -> None:
    async with paged(tmp_path) as there:
        run_id, shared = await there.answered(), Documents()
        version = (await shared.document(there.service, run_id)).document.version
        made = await shared.awaited(there.service, run_id, Known(version), wait_s=0.01)
        at_once = await shared.awaited(there.service, run_id, Known(version, live=True), wait_s=60)

    assert made.document.version == at_once.document.version == version


async def test_a_run_that_is_not_there_is_unknown_and_not_kept(tmp_path: Path) -> None:
    async with paged(tmp_path) as there:
        shared = Documents()
        with pytest.raises(UnknownRun):
            await shared.document(there.service, "unknown")
        with pytest.raises(UnknownRun):
            await shared.news(there.service, "unknown", Known())

        assert shared.kept == ()


async def test_few_runs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with paged(tmp_path) as there:
        shared = Documents()
        runs = [await there.answered() for _ in range(RUNS_KEPT + 1)]
        for run_id in runs:
            await shared.document(there.service, run_id)
        most = shared.kept
        monkeypatch.setattr(documents, "KEPT_SECONDS", -1.0)
        await shared.document(there.service, runs[0])

    assert most == tuple(runs[1:])
    assert shared.kept == (runs[0],)
