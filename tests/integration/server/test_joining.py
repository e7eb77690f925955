"""Calls that repeat each other, as clients make them, in both eras of the protocol."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partialmethod
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from mcp_types import CallToolResult, TextResourceContents

from atlas_mcp.errors import JournalError
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.local.engine import LocalEngine
from atlas_mcp.views.run_view import RunView
from tests.support.gated_models import Mode, Session, connected, text_of, until
from tests.support.live_runs import live_run

QUESTION = "6 * 7?"
CALLS = 3
"""Calls of a run of `QUESTION`: two solvers, and the orchestrator."""

LONG = 600.0
"""Seconds of grace in which a test does all that it does."""


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@asynccontextmanager
async def calling(
    session: Session, results: list[CallToolResult], tool: str = "solve_with_atlas", **asked: Any
) -> AsyncGenerator[Callable[[], None]]:
    """Have a call wait beside a block, which may cancel it; waits for its result at the end."""
    scope = anyio.CancelScope()

    async def call() -> None:
        with scope:
            results.append(await session.client.call_tool(tool, asked))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            yield scope.cancel


async def cut_off(session: Session, tool: str = "solve_with_atlas", **asked: Any) -> str:
    """Cancel a call once two solvers are at work, and return the id of its run."""
    waiting = session.model.waiting
    async with calling(session, [], tool, **asked) as cancel:
        await until(lambda: session.model.waiting >= waiting + (2 if "problem" in asked else 1))
        cancel()
    service = await session.host.service()
    (newest,) = await service.list_runs(limit=1)
    with anyio.fail_after(10):
        async with service.watching(newest.run_id) as live:
            while live.state.stop_cause is None:
                await live.changed(live.changes)
    return newest.run_id


def view_of(result: CallToolResult) -> RunView:
    assert not result.is_error, text_of(result)
    return RunView.model_validate(result.structured_content)


def handed_over(run_id: str) -> str:
    return (
        f"This is the result of run {run_id}, which an identical call had opened and nobody had "
        "received; `fresh: true` asks for another."
    )


def joined(run_id: str) -> str:
    return (
        f"This call joined run {run_id}, which an identical call had opened; `fresh: true` asks "
        "for another."
    )


@pytest.mark.requirement("PAID-15")
async def test_fifty_identical_calls_at_once_are_answered_by_one_run(
    tmp_path: Path, mode: Mode
) -> None:
    results: list[CallToolResult] = []
    async with connected(tmp_path, mode) as session:
        session.model.held = {0, 1}
        service = await session.host.service()

        async def call() -> None:
            results.append(
                await session.client.call_tool("solve_with_atlas", {"problem": QUESTION})
            )

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for _ in range(50):
                    tasks.start_soon(call)
                await until(lambda: len(service.callers.waiting) == 50)
                await until(lambda: session.model.waiting == 2)
                session.model.gate.set()
        runs = await service.list_runs()
        waiting = service.callers.waiting

    (run,) = runs
    views = [view_of(result) for result in results]
    assert {(view.run_id, view.status, view.answer) for view in views} == {
        (run.run_id, "answered", "42")
    }
    assert sorted(view.next or "" for view in views) == ["", *[joined(run.run_id)] * 49]
    assert len(session.model.requests) == CALLS
    assert waiting == ()


@pytest.mark.requirement("PAID-16")
async def test_a_call_repeated_in_the_grace_goes_on_with_the_calls_in_flight(
    tmp_path: Path, mode: Mode
) -> None:
    results: list[CallToolResult] = []
    async with connected(tmp_path, mode, grace_s=LONG) as session:
        session.model.held = {0, 1}
        run_id = await cut_off(session, problem=QUESTION)
        async with calling(session, results, problem=QUESTION):
            live = live_run(await session.host.service(), run_id)
            assert live is not None
            await until(lambda: live.state.stop_cause is None)
            session.model.gate.set()

    view = view_of(results[0])
    assert (view.run_id, view.status, view.answer) == (run_id, "answered", "42")
    assert len(session.model.requests) == CALLS
    assert session.model.aborted == 0
    assert (
        f"Next: This call goes on with run {run_id}, which an identical call had opened and which "
        "had stopped; `fresh: true` asks for another." in text_of(results[0])
    )


async def test_a_call_that_is_cut_off_again_and_again_is_paid_for_once(
    tmp_path: Path, mode: Mode
) -> None:
    """A client of little patience asks the same until it is answered."""
    async with connected(tmp_path, mode, grace_s=LONG) as session:
        session.model.held = {0, 1}
        ids = {await cut_off(session, problem=QUESTION)}
        live = live_run(await session.host.service(), next(iter(ids)))
        assert live is not None
        for _ in range(4):
            async with calling(session, [], problem=QUESTION) as cancel:
                await until(lambda: live.state.stop_cause is None)
                cancel()
            await until(lambda: live.state.stop_cause == "client")
        session.model.gate.set()
        view = await session.view("solve_with_atlas", problem=QUESTION)

    assert ids == {view.run_id}
    assert view.answer == "42"
    assert len(session.model.requests) == CALLS


@pytest.mark.parametrize("beside", [False, True])
async def test_a_call_repeated_after_the_grace_goes_on_with_the_candidates(
    tmp_path: Path, mode: Mode, *, beside: bool
) -> None:
    async with connected(tmp_path, mode) as one, connected(tmp_path, mode) as other:
        one.model.held = {1}
        async with calling(one, [], problem=QUESTION) as cancel:
            await until(lambda: one.model.waiting == 1 and len(one.model.requests) == 1)
            cancel()
        (run,) = await (await one.host.service()).list_runs()
        stopped = await one.view("get_run", run_id=run.run_id, wait_s=10)
        one.model.held = set()
        view = await (other if beside else one).view("solve_with_atlas", problem=QUESTION)

    assert stopped.status == "cancelled"
    assert "or repeat the call within 10 minutes of its being cut off" in str(stopped.next)
    assert (view.run_id, view.answer) == (run.run_id, "42")
    # The one that was broken off is made anew.
    assert len(one.model.requests) + len(other.model.requests) == CALLS


async def test_a_call_joins_a_run_of_another_server_and_outlives_the_first_caller(
    tmp_path: Path, mode: Mode
) -> None:
    first: list[CallToolResult] = []
    second: list[CallToolResult] = []
    async with connected(tmp_path, mode) as one, connected(tmp_path, mode) as other:
        one.model.held = {0, 1}
        service, driving = await other.host.service(), await one.host.service()
        async with calling(one, first, problem=QUESTION) as cancel:
            await until(lambda: one.model.waiting == 2)
            async with calling(other, second, problem=QUESTION):
                await until(lambda: len(service.callers.waiting) == 1)
                cancel()
                await until(lambda: driving.callers.waiting == ())
                one.model.gate.set()

    view = view_of(second[0])
    assert (view.status, view.answer) == ("answered", "42")
    assert first == []
    # On a busy machine the run has its answer before the second call has looked at it.
    assert view.next in (joined(view.run_id), handed_over(view.run_id))
    assert (len(one.model.requests), other.model.requests) == (CALLS, [])


async def test_a_stop_that_comes_although_a_call_waits_is_undone(
    tmp_path: Path, mode: Mode
) -> None:
    """A caller in another process may go in the moment in which this one joins its run."""
    results: list[CallToolResult] = []
    async with connected(tmp_path, mode) as session:
        session.model.held = {0, 1}
        service = await session.host.service()
        async with calling(session, results, problem=QUESTION):
            await until(lambda: session.model.waiting == 2)
            (run,) = await service.list_runs()
            live = live_run(service, run.run_id)
            assert live is not None
            await service.engine.stop(run.run_id, "client", grace=LONG)
            await until(lambda: live.state.stop_cause is None)
            session.model.gate.set()

    assert view_of(results[0]).answer == "42"
    assert len(session.model.requests) == CALLS


async def answered_unread(session: Session) -> RunView:
    """Have a run answered after its caller was told that it goes on; return what that was told."""
    session.model.held = {0}
    early = await session.view("solve_with_atlas", problem=QUESTION, wait_s=0)
    live = live_run(await session.host.service(), early.run_id)
    assert live is not None
    session.model.gate.set()
    with anyio.fail_after(10):
        await live.finished()
    return early


@pytest.mark.requirement("PAID-17")
async def test_an_answer_that_nobody_received_is_handed_over_once(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        early = await answered_unread(session)
        handed = await session.view("solve_with_atlas", problem=QUESTION)
        anew = await session.view("solve_with_atlas", problem=QUESTION)

    assert early.status == "running"
    assert (handed.run_id, handed.answer) == (early.run_id, "42")
    assert handed.next == (
        f"This is the result of run {early.run_id}, which an identical call had opened and nobody "
        "had received; `fresh: true` asks for another."
    )
    assert anew.run_id != early.run_id
    assert anew.next is None
    assert len(session.model.requests) == 2 * CALLS


@pytest.mark.parametrize("way", ["get_run", "resume_run", "resource"])
async def test_an_answer_that_was_read_is_not_handed_over(
    tmp_path: Path, mode: Mode, way: str
) -> None:
    async with connected(tmp_path, mode) as session:
        early = await answered_unread(session)
        if way == "resource":
            read = await session.client.read_resource(f"atlas://runs/{early.run_id}")
            assert '"42"' in cast("TextResourceContents", read.contents[0]).text
        else:
            assert (await session.view(way, run_id=early.run_id)).answer == "42"
        anew = await session.view("solve_with_atlas", problem=QUESTION)

    assert anew.run_id != early.run_id


@pytest.mark.requirement("PAID-18")
async def test_a_fresh_call_and_one_with_another_limit_have_runs_of_their_own(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        session.model.held = set(range(8))
        asked = {"problem": QUESTION, "wait_s": 0}
        views = [
            await session.view("solve_with_atlas", **asked, **other)
            for other in ({}, {"fresh": True}, {"max_explores": 5}, {"fresh": "true"}, {})
        ]
        session.model.gate.set()

    ids = [view.run_id for view in views]
    assert len(set(ids)) == 4
    assert ids[4] == ids[3], "the newest of them is joined"


async def test_a_run_that_was_cancelled_on_purpose_is_not_joined(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        session.model.held = {0, 1}
        early = await session.view("solve_with_atlas", problem=QUESTION, wait_s=0)
        await session.view("cancel_run", run_id=early.run_id)
        session.model.held = set()
        anew = await session.view("solve_with_atlas", problem=QUESTION)

    assert anew.run_id != early.run_id
    assert anew.answer == "42"


# Explores


@pytest.mark.requirement("PAID-19")
async def test_an_explore_repeated_word_for_word_after_a_cut_goes_on_with_its_run(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode, grace_s=LONG) as session:
        session.model.held = {0, 1}
        run_id = await cut_off(session, "explore", problem=QUESTION, count=2)
        session.model.gate.set()
        view = await session.view("explore", problem=QUESTION, count=2)
        other = await session.view("explore", problem=QUESTION, count=2)

    assert view.run_id == run_id
    assert [one.reasoning for one in view.candidates] == ["So.", "So."]
    assert "fresh" not in str(view.next)
    assert str(view.next).startswith(f"This call goes on with run {run_id}, ")
    assert other.run_id != run_id
    assert len(session.model.requests) == 4


async def test_an_explore_of_a_run_repeated_after_a_cut_adds_no_further_one(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode, grace_s=LONG) as session:
        first = await session.view("explore", problem=QUESTION)
        session.model.held = {1}
        await cut_off(session, "explore", run_id=first.run_id, strategy="decompose")
        session.model.gate.set()
        view = await session.view("explore", run_id=first.run_id, strategy="decompose")

    # The second is shown whole: the call that was cut off has shown it to nobody.
    assert [one.explore_id for one in view.candidates] == [1, 2]
    assert view.candidates[1].reasoning == "So."
    assert len(session.model.requests) == 2


# What is promised


@pytest.mark.requirement("GONE-9")
@pytest.mark.parametrize(
    ("outlives", "beside", "when", "words"),
    [
        (True, True, "finish", "the run goes on meanwhile, also when this server has ended."),
        (True, False, "finish", "the run goes on meanwhile."),
        (True, True, "stop", "the run goes on meanwhile."),
        (False, True, "finish", "the run goes on meanwhile."),
    ],
)
async def test_a_caller_is_promised_what_the_process_can_keep(
    tmp_path: Path,
    mode: Mode,
    monkeypatch: pytest.MonkeyPatch,
    *,
    outlives: bool,
    beside: bool,
    when: str,
    words: str,
) -> None:
    monkeypatch.setattr(LocalEngine, "outlives", property(lambda _: outlives))
    async with connected(tmp_path, mode, when_client_leaves=when) as session:
        session.model.held = {0, 1}
        # As a run is shown that the process beside the server drives.
        monkeypatch.setattr(LiveRun, "__init__", partialmethod(LiveRun.__init__, beside=beside))
        early = await session.view("solve_with_atlas", problem=QUESTION, wait_s=0)
        looked = await session.view("get_run", run_id=early.run_id, wait_s=0)

    assert str(early.next).endswith(words)
    # It is not known of a run that is only looked at.
    assert str(looked.next).endswith("the run goes on meanwhile.")


@pytest.mark.requirement("GONE-10")
async def test_a_run_that_was_promised_goes_on_when_a_later_caller_is_cut_off(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        session.model.held = {0, 1}
        early = await session.view("solve_with_atlas", problem=QUESTION, wait_s=0)
        service = await session.host.service()
        async with calling(session, [], problem=QUESTION) as cancel:
            await until(lambda: len(service.callers.waiting) == 1)
            cancel()
        await until(lambda: service.callers.waiting == ())
        session.model.gate.set()
        view = await session.view("get_run", run_id=early.run_id, wait_s=10)

    assert (view.status, view.answer) == ("answered", "42")
    assert len(session.model.requests) == CALLS


async def test_a_journal_that_keeps_no_callers_loses_no_answer(
    tmp_path: Path, mode: Mode, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise JournalError("the disk is full")

    async with connected(tmp_path, mode) as session:
        for name in ("mark", "receive"):
            monkeypatch.setattr(SqliteJournal, name, full)
        session.model.held = {0}
        early = await session.view("solve_with_atlas", problem=QUESTION, wait_s=0)
        session.model.gate.set()
        view = await session.view("get_run", run_id=early.run_id, wait_s=10)
        again = await session.view("solve_with_atlas", problem=QUESTION)

    assert (early.status, view.answer, again.answer) == ("running", "42", "42")
    assert "the disk is full" in caplog.text
