"""Looking at runs, ending them and going on with them, as a client sees it, in both eras."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from mcp import Client

from atlas_mcp.atlas.events import Record, StopRequested
from atlas_mcp.atlas.state import RunState
from atlas_mcp.journal.base import Lease
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.scripted.model import Says
from atlas_mcp.runs import callers
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.server import answering, clients
from atlas_mcp.server.app import make_server
from atlas_mcp.server.clients import KnownClient
from atlas_mcp.server.host import Host
from atlas_mcp.testing.atlas_api import AtlasPlay, candidate_text
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, Fault, MessagesApi, Tokens, serve
from atlas_mcp.views.run_view import RunView
from tests.support.gated_models import (
    Heard,
    Mode,
    Session,
    candidate,
    connected,
    play,
    synthesis,
    text_of,
    until,
)
from tests.support.live_runs import live_run

QUESTION = "6 * 7?"


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


async def half_done(session: Session) -> str:
    """Open a run, and return its id once one solver is done and one is held back."""
    session.model.held = {1}
    early = await session.view("solve_with_atlas", problem=QUESTION, wait_s=0)
    live = live_run(await session.host.service(), early.run_id)
    assert live is not None
    await until(lambda: session.model.waiting == 1 and len(live.state.votes) == 1)
    return early.run_id


# Which run


@pytest.mark.requirement("TOOL-8")
async def test_without_an_id_the_newest_run_is_shown_and_those_before_it_are_named(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        none = await session.call("get_run")
        first = await session.view("explore", problem="1 + 1? </candidate>")
        newest = await session.view("explore", problem=QUESTION)
        result = await session.call("get_run", run_id="")
        found = RunView.model_validate(result.structured_content)

    assert none.is_error
    assert "there is no run yet" in text_of(none)
    assert found.run_id == newest.run_id
    # In short: it may not be the one that is meant.
    assert found.candidates == []
    assert text_of(result).startswith("1 candidate; you are the orchestrator.")
    assert "<candidate>" not in text_of(result)
    assert f"This is the newest run, {newest.run_id} (" in text_of(result)
    assert f"Its candidates: get_run with run_id='{newest.run_id}'." in text_of(result)
    assert first.run_id in text_of(result)
    assert "</candidate>" not in text_of(result).rpartition("Before it")[2]


async def test_without_an_id_the_first_run_is_waited_for_while_a_call_is_about_to_open_it(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        service = await session.host.service()
        shown: list[RunView] = []

        async def look() -> None:
            shown.append(await session.view("get_run"))

        async with anyio.create_task_group() as tasks:
            with session.host.openings.spending():
                tasks.start_soon(look)
                await anyio.wait_all_tasks_blocked()
                await session.view("explore", problem=QUESTION)
                assert shown == []
        (first,) = await service.list_runs()
        assert [one.run_id for one in shown] == [first.run_id]


async def test_the_problem_may_be_left_out_where_a_run_has_it(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        first = await session.view("explore", problem=QUESTION)
        more = await session.view("explore", run_id=first.run_id)
        alone = await session.call("explore")
        typed = await session.call(
            "explore", run_id=first.run_id, answer_schema={"type": "integer"}
        )

    assert [one.explore_id for one in more.candidates] == [1, 2]
    assert "`problem`: is missing" in text_of(alone)
    assert "`answer_schema`: goes with a problem" in text_of(typed)


# What a poll tells


async def test_a_poll_tells_what_is_new_and_the_end_tells_all(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        run_id = await half_done(session)
        first = await session.view("get_run", run_id=run_id, wait_s=0)
        since = int(str(first.next).partition("since=")[2].partition(",")[0])
        again = await session.call("get_run", run_id=run_id, since=since, wait_s=0)
        refused = await session.call("get_run", run_id=run_id, since=-1)
        session.model.gate.set()
        ended = await session.view("get_run", run_id=run_id, since=since, wait_s=60)

    assert [(one.answer, one.reasoning) for one in first.candidates] == [("42", None)]
    assert f"run_id={run_id!r}, since={since}, wait_s=" in str(first.next)
    poll = RunView.model_validate(again.structured_content)
    assert (poll.status, poll.candidates) == ("running", [])
    assert "Still running: 1 candidate so far." in text_of(again)
    assert refused.is_error
    assert "`since`: is -1; it is a number that `next` has named" in text_of(refused)
    assert (ended.status, ended.answer, len(ended.candidates)) == ("answered", "42", 2)


async def test_explores_of_a_client_end_with_every_justification(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        first = await session.view("explore", problem=QUESTION)
        result = await session.call("explore", run_id=first.run_id, count=2)

    view = RunView.model_validate(result.structured_content)
    assert [one.reasoning for one in view.candidates] == ["So."] * 3
    assert text_of(result).count('"justification": "So."') == 3
    assert f"atlas://runs/{view.run_id}" in text_of(result)


# How long a call waits


async def test_a_client_is_answered_in_the_time_that_suits_it_by_the_name_it_gives(
    tmp_path: Path, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = KnownClient("hasty", 0.01, "made up")
    monkeypatch.setattr(clients, "KNOWN_CLIENTS", (hasty,))
    async with connected(tmp_path, mode, called="Hasty Code") as session:
        session.model.held = {0, 1}
        solved = await session.view("solve_with_atlas", problem=QUESTION)
        explored = await session.view("get_run", run_id=solved.run_id)
        session.model.gate.set()
        waited = await session.view("get_run", run_id=solved.run_id, wait_s=60)

    assert (solved.status, explored.status) == ("running", "running")
    assert "wait_s=1;" in str(solved.next)
    assert waited.status == "answered"


@pytest.mark.parametrize("tool", ["solve_with_atlas", "get_run", "resume_run"])
async def test_a_wait_takes_nothing_to_an_hour_and_refuses_the_rest_before_any_call(
    tmp_path: Path, mode: Mode, tool: str
) -> None:
    async with connected(tmp_path, mode) as session:
        opened = await session.view("explore", problem=QUESTION)
        asked = len(session.model.requests)
        what = {"problem": QUESTION} if tool == "solve_with_atlas" else {"run_id": opened.run_id}
        for wait in (-0.1, 3_600.1, 1e300):
            refused = await session.call(tool, **what, wait_s=wait)
            assert refused.is_error
            assert "`wait_s`: " in text_of(refused)
            assert "0 to 3600 seconds" in text_of(refused)
        assert len(session.model.requests) == asked
        for wait in (0, 3_600):
            assert not (await session.call(tool, **what, wait_s=wait)).is_error


async def test_a_run_that_another_server_drives_is_waited_for_and_reported(
    tmp_path: Path, mode: Mode
) -> None:
    heard = Heard()
    views: list[RunView] = []
    async with connected(tmp_path, mode) as driving, connected(tmp_path, mode) as looking:
        run_id = await half_done(driving)

        async def poll() -> None:
            result = await looking.client.call_tool(
                "get_run", {"run_id": run_id, "wait_s": 60}, progress_callback=heard
            )
            views.append(RunView.model_validate(result.structured_content))

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(poll)
                await until(lambda: "1 candidate" in "".join(heard.messages))
                assert views == []
                driving.model.gate.set()

    assert [(view.status, view.answer) for view in views] == [("answered", "42")]
    assert heard.messages[0].startswith(f"run {run_id} · ")
    assert "#2 test first_principles " in heard.messages[0]
    assert heard.numbers == sorted(set(heard.numbers))
    assert (len(driving.model.requests), looking.model.requests) == (3, [])


# Ending a run


async def test_a_journal_that_is_slow_does_not_prolong_the_grace(
    tmp_path: Path, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = anyio.Event()
    append = SqliteJournal.append

    async def slow(journal: SqliteJournal, lease: Lease, records: Sequence[Record]) -> None:
        if any(isinstance(record.event, StopRequested) for record in records):
            await written.wait()
        await append(journal, lease, records)

    monkeypatch.setattr(SqliteJournal, "append", slow)
    monkeypatch.setattr(callers, "STOP_SECONDS", 0.1)
    async with connected(tmp_path, mode, grace_s=0.05) as session:
        session.model.held = {0, 1}
        async with anyio.create_task_group() as request:
            request.start_soon(session.client.call_tool, "solve_with_atlas", {"problem": QUESTION})
            await until(lambda: session.model.waiting == 2)
            request.cancel_scope.cancel()
        await until(lambda: session.model.aborted == 2)
        written.set()

    assert session.model.requests == []


@pytest.mark.requirement("HANG-6")
async def test_a_cancelled_run_aborts_its_calls_at_once_whatever_grace_there_is(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode, grace_s=600) as session:
        run_id = await half_done(session)
        result = await session.call("cancel_run", run_id=run_id)
        again = await session.call("cancel_run", run_id=run_id)
        aborted = session.model.aborted

    view = RunView.model_validate(result.structured_content)
    assert not result.is_error
    assert (view.status, view.stop_reason, view.answer) == ("cancelled", "cancelled", None)
    assert sorted(one.status for one in view.candidates) == ["failed", "ok"]
    failed = next(one for one in view.candidates if one.status == "failed")
    assert (failed.error or "").startswith("cancelled: ")
    assert view.next is not None
    assert f"resume_run with run_id='{run_id}'" in view.next
    said = text_of(result)
    assert said.startswith("No answer: the run was cancelled.\n")
    for line in (
        '"answer": "42", "confidence_percent": 80',
        "Cost: $0.00, ",
        "Next: Nothing is lost",
        f"Run: {run_id}",
    ):
        assert line in said
    assert aborted == 1
    assert again.structured_content == result.structured_content


async def test_a_request_that_waits_for_a_run_is_answered_when_another_ends_it(
    tmp_path: Path, mode: Mode
) -> None:
    views: list[RunView] = []
    async with connected(tmp_path, mode) as session:
        run_id = await half_done(session)

        async def wait() -> None:
            views.append(await session.view("get_run", run_id=run_id, wait_s=60))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            views.append(await session.view("cancel_run", run_id=run_id))

    assert [view.status for view in views] == ["cancelled", "cancelled"]
    assert views[0] == views[1]


async def test_a_run_is_cancelled_whichever_server_drives_it(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as driving, connected(tmp_path, mode) as other:
        run_id = await half_done(driving)
        view = await other.view("cancel_run", run_id=run_id)
        aborted = driving.model.aborted

    assert (view.status, aborted) == ("cancelled", 1)
    assert sorted(one.status for one in view.candidates) == ["failed", "ok"]


async def test_an_interrupted_run_is_cancelled_without_a_call(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        run_id = await half_done(session)
    async with connected(tmp_path, mode) as session:
        view = await session.view("cancel_run", run_id=run_id)

    assert (view.status, view.stop_reason) == ("cancelled", "cancelled")
    assert session.model.requests == []


async def test_a_run_that_has_ended_is_left_as_it_is(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        solved = await session.view("solve_with_atlas", problem=QUESTION)
        cancelled = await session.view("cancel_run", run_id=solved.run_id)
        resumed = await session.view("resume_run", run_id=solved.run_id)

    assert solved.status == "answered"
    assert cancelled == resumed == solved
    assert len(session.model.requests) == 3


@asynccontextmanager
async def billed(
    api: MessagesApi, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[tuple[Client, Host]]:
    """Connect to a server whose models are the vendor's, and cost something."""
    with serve(api) as url:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", API_KEY)
        settings = load_settings(os.environ)
        host = Host(settings)
        async with Client(make_server(settings, host=host), mode=mode) as client:
            yield client, host


async def test_what_aborted_calls_cost_is_reported_and_counts_when_the_run_goes_on(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = ApiReply(text="x" * 40_000, tokens=Tokens(input=700, output=10_000))
    stall = Fault("stall", after=5, seconds=3_600, reply=half)
    api = MessagesApi(AtlasPlay(lambda n: stall if n < 2 else ApiReply(text=candidate_text("42"))))
    async with billed(api, mode, monkeypatch) as (client, host):
        with anyio.fail_after(15):
            opened = await client.call_tool("solve_with_atlas", {"problem": QUESTION, "wait_s": 0})
            run_id = RunView.model_validate(opened.structured_content).run_id
            live = live_run(await host.service(), run_id)
            assert live is not None
            # Both have been told of the tokens that came in.
            await until(lambda: len(live.tokens) == 2)
            cancelled = await client.call_tool("cancel_run", {"run_id": run_id})
            told = api.reported
            left = await anyio.to_thread.run_sync(api.wait_for, _all_left)
            resumed = await client.call_tool("resume_run", {"run_id": run_id})

    view = RunView.model_validate(cancelled.structured_content)
    assert left
    assert view.usage.requests == told.requests == 2
    assert view.usage.input_tokens == told.input_tokens == 1_400
    assert view.cost_usd is not None
    assert view.cost_usd > 0
    assert f"Cost: ${view.cost_usd:.4f}, 2 calls" in text_of(cancelled)
    assert "may have been billed up to $" in text_of(cancelled)
    done = RunView.model_validate(resumed.structured_content)
    assert (done.status, done.answer, done.usage.requests) == ("answered", "42", 5)
    assert done.cost_usd is not None
    assert done.cost_usd > view.cost_usd


def _all_left(api: MessagesApi) -> bool:
    return api.disconnects == 2 and api.in_flight == 0


# Going on


@pytest.mark.requirement("PAID-13")
async def test_a_cancelled_run_goes_on_and_makes_no_finished_call_again(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        run_id = await half_done(session)
        await session.view("cancel_run", run_id=run_id)
        session.model.gate.set()
        early = await session.view("resume_run", run_id=run_id, wait_s=0)
        view = await session.view("get_run", run_id=run_id, wait_s=60)

    assert early.status == "running"
    assert early.next is not None
    assert "get_run" in early.next
    assert (view.status, view.answer, view.next) == ("answered", "42", None)
    assert [one.answer for one in view.candidates] == ["42", "42"]
    # One solver was done before, one is asked again, then the orchestrator.
    assert len({repr(request) for request in session.model.requests}) == 3
    assert len(session.model.requests) == 3


async def test_an_interrupted_run_goes_on_in_another_server(tmp_path: Path, mode: Mode) -> None:
    async with connected(tmp_path, mode) as session:
        run_id = await half_done(session)
    async with connected(tmp_path, mode) as session:
        seen = await session.view("get_run", run_id=run_id)
        view = await session.view("resume_run", run_id=run_id)

    assert seen.status == "interrupted"
    assert (view.status, view.answer, len(view.candidates)) == ("answered", "42", 2)
    assert len(session.model.requests) == 2


@pytest.mark.requirement("TOOL-9")
async def test_an_answered_run_goes_on_under_a_larger_ceiling(tmp_path: Path, mode: Mode) -> None:
    more = Says("Once more.", explores=[{"strategy": "code_trace"}])
    script = play(lambda n: candidate("42"), synthesis("41"), more, synthesis("42"))
    async with connected(tmp_path, mode, script) as session:
        first = await session.view("solve_with_atlas", problem=QUESTION, max_explores=2)
        view = await session.view("resume_run", run_id=first.run_id, max_explores=3)

    assert (first.answer, len(first.candidates)) == ("41", 2)
    assert (view.status, view.answer, len(view.candidates)) == ("answered", "42", 3)
    assert view.run_id == first.run_id


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a ceiling below the run's own": ({"max_explores": 2}, ("`max_explores`", "is 2", "has 3")),
    "a ceiling beyond any": ({"max_explores": 101}, ("`max_explores`", "100")),
    "a cap below the run's own": ({"max_cost_usd": 0.5}, ("`max_cost_usd`", "0.5", "raised")),
    "a cap of nothing": ({"max_cost_usd": 0}, ("`max_cost_usd`", "above 0")),
    "a negative cap": ({"max_cost_usd": -1}, ("`max_cost_usd`", "above 0")),
    "an argument there is not": ({"time_limit_s": 5}, ("`time_limit_s`", "max_explores")),
    "an unknown run": ({"run_id": "nowhere"}, ("'nowhere'",)),
}


@pytest.mark.parametrize(
    "ended", [True, False], ids=["of an answered run", "of an interrupted run"]
)
async def test_limits_that_cannot_be_are_refused_before_any_call(
    tmp_path: Path, mode: Mode, ended: bool
) -> None:
    limits = {"max_explores": 3, "max_cost_usd": 1}
    async with connected(tmp_path, mode) as session:
        session.model.held = set() if ended else {0, 1}
        run = await session.view("solve_with_atlas", problem=QUESTION, **limits, wait_s=int(ended))
    async with connected(tmp_path, mode) as session:
        before = await session.view("get_run", run_id=run.run_id)
        for case, (arguments, says) in REFUSED.items():
            result = await session.call("resume_run", **{"run_id": run.run_id, **arguments})
            assert result.is_error, case
            for word in says:
                assert word in text_of(result), case
        after = await session.view("get_run", run_id=run.run_id)

    assert before.status == ("answered" if ended else "interrupted")
    assert after == before
    assert session.model.requests == []


async def test_a_run_that_is_still_going_is_waited_for_and_keeps_its_limits(
    tmp_path: Path, mode: Mode
) -> None:
    views: list[RunView] = []
    async with connected(tmp_path, mode) as session, connected(tmp_path, mode) as other:
        run_id = await half_done(session)
        for one in (session, other):
            refused = await one.call("resume_run", run_id=run_id, max_explores=9)
            assert refused.is_error
            assert "`run_id`" in text_of(refused)
            assert "cancel_run first" in text_of(refused)

        async def wait(one: Session) -> None:
            views.append(await one.view("resume_run", run_id=run_id, wait_s=60))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait, session)
            tasks.start_soon(wait, other)
            await anyio.wait_all_tasks_blocked()
            session.model.gate.set()

    assert [(view.status, view.answer) for view in views] == [("answered", "42")] * 2
    assert (len(session.model.requests), other.model.requests) == (3, [])


async def test_a_run_that_has_ended_goes_on_as_soon_as_its_server_lets_go_of_it(
    tmp_path: Path, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    letting_go = anyio.Event()
    release = SqliteJournal.release

    async def slow(journal: SqliteJournal, lease: Lease) -> None:
        await letting_go.wait()
        await release(journal, lease)

    views: dict[str, RunView] = {}
    monkeypatch.setattr(SqliteJournal, "release", slow)
    async with connected(tmp_path, mode) as session, connected(tmp_path, mode) as other:

        async def solve() -> None:
            views["solve"] = await session.view(
                "solve_with_atlas", problem=QUESTION, max_explores=2
            )

        async def resume(run_id: str) -> None:
            views["resume"] = await other.view("resume_run", run_id=run_id, max_explores=3)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(solve)
            run_id = await ended(other)
            tasks.start_soon(resume, run_id)
            await anyio.wait_all_tasks_blocked()
            assert "resume" not in views
            letting_go.set()

    assert {view.status for view in views.values()} == {"answered"}
    assert (len(session.model.requests), len(other.model.requests)) == (3, 1)


async def ended(session: Session) -> str:
    """Return the id of the first run that has its end on record, in any process."""
    while True:
        with anyio.fail_after(10):
            service = await session.host.service()
            for run in await service.list_runs():
                if run.status == "answered":
                    return run.run_id
            await anyio.lowlevel.checkpoint()


async def test_a_request_that_only_joined_a_run_does_not_stop_it_when_it_is_cancelled(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        run_id = await half_done(session)
        async with anyio.create_task_group() as request:
            request.start_soon(session.client.call_tool, "resume_run", {"run_id": run_id})
            await anyio.wait_all_tasks_blocked()
            request.cancel_scope.cancel()
        session.model.gate.set()
        view = await session.view("get_run", run_id=run_id, wait_s=60)

    assert (view.status, view.answer) == ("answered", "42")


@pytest.mark.requirement("ERR-6")
async def test_an_unknown_run_is_named_by_every_tool_that_takes_one(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode) as session:
        for tool in ("get_run", "cancel_run", "resume_run"):
            result = await session.call(tool, run_id="nowhere")
            assert result.is_error
            assert "no run has the id 'nowhere'" in text_of(result)


async def test_a_run_that_changes_hands_is_waited_for_on(
    tmp_path: Path, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    followed = answering._followed  # pyright: ignore[reportPrivateUsage]

    async def given_back(call: answering.WaitingCall, *rest: Any) -> RunSnapshot:
        nonlocal looks
        looks += 1
        run = await followed(call, *rest)
        # As if its process had given it back, and another one had taken it up.
        return run if looks > 1 else replace(run, state=opened(run), driven=True)

    monkeypatch.setattr(answering, "_followed", given_back)
    async with connected(tmp_path, mode) as session:
        view = await session.view("solve_with_atlas", problem=QUESTION, wait_s=30)

    assert (view.status, looks) == ("answered", 2)


def opened(run: RunSnapshot) -> RunState:
    """Return the state of a run before it ended."""
    return replace(run.state, finished=None)
