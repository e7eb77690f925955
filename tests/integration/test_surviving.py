"""Runs that outlive their request, their process and their driver. Sources: the contract; note 005.

Services on one home stand for so many processes: each has a journal, and so an owner, of its own.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.events import CallsLost, Record, RunResumed, SolverStarted, StopRequested
from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import InvalidInput, JournalBusy, JournalError
from atlas_mcp.journal.base import Lease
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.server.results import tool_result
from atlas_mcp.testing.atlas_api import candidate_text, explores, synthesis_text
from atlas_mcp.testing.messages_api import (
    ApiReply,
    Fault,
    Tokens,
    status,
)
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from tests.support.live_runs import driven, live_run
from tests.support.waiting import pause
from tests.support.worlds import QUESTION, World, ended, opened_world, unmarked

STALL = Fault("stall", after=3, seconds=3_600)

on_trio = pytest.mark.parametrize("anyio_backend", ["trio"])
"""For tests that wait for another process to look: one loop is enough for them."""


def answer(text: str = "42") -> ApiReply:
    return ApiReply(text=synthesis_text(text))


def candidate(text: str = "42") -> ApiReply:
    return ApiReply(text=candidate_text(text))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with opened_world(monkeypatch, attempts=5) as world:
        yield world


async def begin(service: RunService, **wish: Any) -> LiveRun:
    return driven(service, await service.solve(make_problem(QUESTION), RunRequest(**wish)))


async def until(live: LiveRun, condition: Callable[[RunState], bool]) -> None:
    with anyio.fail_after(10):
        while not condition(live.state):
            await live.changed(live.changes)


async def recorded(service: RunService, run_id: str, condition: Callable[[RunState], bool]) -> None:
    """Return once the journal has it: what is shown is ahead of that for a moment."""
    with anyio.fail_after(10):
        while not condition(RunState.fold(await service.read(run_id))):
            await pause()


async def resumed(service: RunService, run_id: str, **limits: Any) -> RunView:
    await service.resume(run_id, **limits)
    return await ended(service, run_id)


def ok(view: RunView) -> list[tuple[int, object]]:
    return [(one.explore_id, one.answer) for one in view.candidates if one.status == "ok"]


def crashed(world: World, folder: Path) -> Path:
    """Return a home as the process would leave it that dies at this moment."""
    shutil.copytree(world.home, folder)
    return folder


# Left by one process, gone on with by another


async def test_a_run_left_while_its_orchestrator_thinks_goes_on_where_it_was(world: World) -> None:
    world.play.solver = lambda n: candidate(str(n))
    world.play.orchestrator = (
        explores({"strategy": "decompose"}, thinking="Weighing it up."),
        Fault("stall", after=0, seconds=3_600),
        answer(),
    )
    async with world.service() as service:
        live = await begin(service)
        await world.reach(5)
    async with world.service() as later:
        left = view_of(await later.look(live.run_id))
        view = await resumed(later, live.run_id)

    assert (left.status, left.answer, len(left.candidates)) == ("interrupted", None, 3)
    assert (view.status, view.answer) == ("answered", "42")
    assert view.candidates == left.candidates
    assert (world.play.solvers_asked, world.play.turns_asked) == (3, 3)
    assert view.usage.requests == world.api.requests == 6
    first, lost, again = world.turns
    assert unmarked(again["messages"]) == unmarked(lost["messages"])
    assert (again["system"], again["tools"]) == (first["system"], first["tools"])
    # As it came, signature and all: the API refuses thinking that was touched.
    (thinking,) = [one for one in again["messages"][1]["content"] if one["type"] == "thinking"]
    assert thinking["thinking"] == "Weighing it up."
    assert thinking["signature"]


@pytest.mark.requirement("PAID-3")
async def test_of_the_explores_that_were_left_only_the_unanswered_are_made_again(
    world: World,
) -> None:
    world.play.solver = lambda n: STALL if n == 1 else candidate(str(n))
    async with world.service() as service:
        live = await begin(service)
        await until(live, lambda state: bool(state.votes))
        await world.reach(2)
    async with world.service() as later:
        left = view_of(await later.look(live.run_id))
        view = await resumed(later, live.run_id)

    (kept,) = [one for one in left.candidates if one.status == "ok"]
    (lost,) = [one for one in left.candidates if one.status == "failed"]
    assert (lost.error or "").startswith("cancelled")
    assert kept in view.candidates
    assert sorted(number for number, _ in ok(view)) == [1, 2]
    assert view.usage.requests == world.api.requests == 4
    by_number = {one.explore_id: one for one in view.candidates}
    again = by_number[lost.explore_id]
    assert again.usage is not None
    assert again.usage.requests == 2
    assert again.strategy == lost.strategy


@pytest.mark.requirement("MONEY-1")
async def test_a_run_whose_process_died_spends_nothing_until_it_is_resumed(
    world: World, tmp_path: Path
) -> None:
    """Source: the contract, "Money is never spent unasked"."""
    world.play.solver = lambda n: STALL if n < 2 else candidate()
    async with world.service() as service:
        live = await begin(service)
        await world.reach(2)
        left = crashed(world, tmp_path / "left")
        async with world.service(home=left) as later:
            (found,) = await later.list_runs()
            seen = await ended(later, live.run_id)
            async with later.watching(live.run_id) as watched:
                await watched.finished()
            unasked = world.api.requests
            view = await resumed(later, live.run_id)
            records = await later.read(live.run_id)
        assert view_of(await service.look(live.run_id)).status == "running"

    assert (found.status, found.driven) == ("running", False)
    assert (seen.status, seen.candidates) == ("interrupted", [])
    assert seen.next is not None
    assert "resume_run" in seen.next
    assert unasked == 2
    assert (view.status, view.answer, world.api.requests) == ("answered", "42", 5)
    kinds = [type(record.event) for record in records]
    assert kinds[kinds.index(CallsLost) + 1] is RunResumed
    # The calls of the dead process may have been billed; their cost cannot be known.
    assert any("may have been billed" in warning for warning in view.agreement.warnings)


async def test_a_run_of_a_dead_process_is_cancelled_without_any_call(
    world: World, tmp_path: Path
) -> None:
    world.play.solver = lambda n: STALL if n else candidate()
    async with world.service() as service:
        live = await begin(service)
        await recorded(service, live.run_id, lambda state: bool(state.votes))
        await world.reach(2)
        left = crashed(world, tmp_path / "left")
        async with world.service(home=left) as later:
            view = view_of(await later.cancel(live.run_id))
            assert view_of(await later.cancel(live.run_id)) == view

    assert (view.status, view.stop_reason, len(ok(view))) == ("cancelled", "cancelled", 1)
    assert world.api.requests == 2


@pytest.mark.requirement("PAID-4")
async def test_two_that_resume_one_run_at_once_make_its_calls_once(
    world: World, tmp_path: Path
) -> None:
    world.play.solver = lambda n: STALL if n < 2 else candidate()
    async with world.service() as service:
        live = await begin(service)
        await world.reach(2)
        left = crashed(world, tmp_path / "left")
    refused: list[Exception] = []

    async def resume(service: RunService) -> None:
        try:
            await service.resume(live.run_id)
        except JournalBusy as error:
            refused.append(error)

    async with world.service(home=left) as one, world.service(home=left) as two:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(resume, one)
            tasks.start_soon(resume, two)
        views = [await ended(service, live.run_id) for service in (one, two)]
        records = await one.read(live.run_id)

    assert len(refused) <= 1
    assert views[0] == views[1]
    assert views[0].answer == "42"
    assert sum(isinstance(record.event, RunResumed) for record in records) == 1
    assert world.api.requests == 5


# Cancelled


async def test_a_cancelled_run_is_gone_on_with_and_its_aborted_calls_are_still_paid_for(
    world: World,
) -> None:
    long = ApiReply(text="x" * 40_000, tokens=Tokens(input=700, output=10_000))
    half = Fault("stall", after=5, seconds=3_600, reply=long)
    world.play.solver = lambda n: half if n < 2 else candidate()
    async with world.service() as service:
        live = await begin(service)
        with anyio.fail_after(10):
            while len(live.tokens) < 2:
                await pause()
        cancelled = view_of(await service.cancel(live.run_id))
        await world.left_alone()
        aborted = world.api.disconnects
        view = await resumed(service, live.run_id)

    assert aborted == 2
    assert (cancelled.status, ok(cancelled)) == ("cancelled", [])
    assert cancelled.cost_usd is not None
    assert cancelled.cost_usd >= 2 * 700 * Decimal("0.000002")
    assert (view.status, ok(view)) == ("answered", [(1, "42"), (2, "42")])
    assert view.cost_usd is not None
    assert view.cost_usd > cancelled.cost_usd
    assert view.usage.requests == world.api.requests == 5
    assert view.usage.input_tokens == world.api.reported.input_tokens


async def test_a_call_that_waits_to_be_tried_again_owes_nothing_when_it_is_cancelled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor bills no call that it turned away, and no view says that it may have."""
    world.play.solver = lambda n: status(529)
    waiting = RetryPolicy(first_delay=1_000, longest_delay=1_000)
    async with world.service(retries=waiting) as service:
        live = await begin(service, max_explores=1)
        with anyio.fail_after(15):
            while live.notice is None:
                await pause()
        view = view_of(await service.cancel(live.run_id))

    assert (view.status, view.cost_usd) == ("cancelled", 0)
    assert view.agreement.warnings == []
    assert view.usage.requests == world.api.requests == 1


async def test_every_attempt_of_a_cancelled_call_is_counted(world: World) -> None:
    world.play.solver = lambda n: status(529) if n < 2 else Fault("stall", after=0, seconds=3_600)
    async with world.service() as service:
        live = await begin(service)
        await world.reach(4)
        view = view_of(await service.cancel(live.run_id))

    assert view.usage.requests == world.api.requests == 4
    (warning,) = view.agreement.warnings
    assert "may have been billed" in warning


@on_trio
async def test_a_run_is_cancelled_from_another_process(world: World) -> None:
    world.play.solver = lambda n: STALL if n else candidate()
    async with world.service() as driver, world.service() as other:
        live = await begin(driver)
        await until(live, lambda state: bool(state.votes))
        await world.reach(2)

        with anyio.fail_after(10):
            view = view_of(await other.cancel(live.run_id))
        await world.left_alone()

        assert await ended(driver, live.run_id) == view
        assert live_run(driver, live.run_id) is None

    assert (view.status, view.stop_reason, len(ok(view))) == ("cancelled", "cancelled", 1)
    assert world.api.disconnects == 1
    assert world.api.requests == 2


@pytest.mark.usefixtures("brief_salvage")
async def test_calls_are_aborted_also_where_the_stop_cannot_be_written_down(world: World) -> None:
    world.play.solver = lambda n: STALL
    journal = Failing(world.home)
    async with world.service(journal=journal) as service:
        live = await begin(service)
        await world.reach(2)
        journal.fails = ("append",)
        with pytest.raises(JournalError, match="disk"):
            await service.cancel(live.run_id)
        await world.left_alone()
        with anyio.fail_after(10):
            await live.finished()
        journal.fails = ()
        view = view_of(await service.cancel(live.run_id))

    assert world.api.disconnects == 2
    assert view.status == "cancelled"


class Failing(SqliteJournal):
    """A journal that takes no writes of some kinds for a while, for one run or for all."""

    fails: Sequence[str] = ()
    run_id: str | None = None

    def _check(self, kind: str, run_id: str) -> None:
        if kind in self.fails and self.run_id in (None, run_id):
            raise JournalError("the disk is full")

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        self._check("append", lease.run_id)
        # Named, since a class with slots is made anew and knows no bare `super`.
        await SqliteJournal.append(self, lease, records)

    @override
    async def release(self, lease: Lease) -> None:
        self._check("release", lease.run_id)
        await SqliteJournal.release(self, lease)


@pytest.mark.usefixtures("brief_salvage")
async def test_a_run_whose_records_cannot_be_stored_breaks_off_alone(world: World) -> None:
    """No call follows a record that is not on disk; the service and its other runs go on."""
    world.api.gate.clear()
    journal = Failing(world.home)
    async with world.service(journal=journal) as service:
        broken, sound = await begin(service), await begin(service)
        await world.reach(4)
        journal.fails, journal.run_id = ("append", "release"), broken.run_id
        world.api.gate.set()
        view = await ended(service, sound.run_id)
        with anyio.fail_after(10):
            await broken.finished()
        asked = world.api.requests
        journal.fails = ()

    async with world.service() as later:
        left = view_of(await later.look(broken.run_id))
        on = await resumed(later, broken.run_id)

    assert view.answer == "42"
    assert asked == 5
    assert (left.status, left.candidates) == ("interrupted", [])
    assert on.answer == "42"


# Stopped because its client has gone


async def test_calls_in_flight_get_a_grace_when_the_client_has_gone_and_no_call_follows(
    world: World,
) -> None:
    world.api.gate.clear()
    async with world.service() as service:
        live = await begin(service, max_explores=3)
        await world.reach(2)
        await service.stop(live.run_id)
        in_flight = world.api.in_flight
        world.api.gate.set()
        view = await ended(service, live.run_id)
        records = await service.read(live.run_id)

        assert (view.status, ok(view)) == ("cancelled", [(1, "42"), (2, "42")])
        assert (in_flight, world.api.requests, world.api.disconnects) == (2, 2, 0)
        stop = next(n for n, one in enumerate(records) if isinstance(one.event, StopRequested))
        assert records[stop].event == StopRequested("client")
        assert not any(isinstance(one.event, SolverStarted) for one in records[stop:])

        again = await resumed(service, live.run_id)

    assert (again.answer, world.play.solvers_asked, world.play.turns_asked) == ("42", 2, 1)


async def test_a_call_that_fails_in_its_grace_is_not_tried_again(world: World) -> None:
    world.api.gate.clear()
    world.play.solver = lambda n: status(529) if n < 2 else candidate()
    async with world.service() as service:
        live = await begin(service)
        await world.reach(2)
        await service.stop(live.run_id)
        world.api.gate.set()
        view = await ended(service, live.run_id)
        asked = world.api.requests
        again = await resumed(service, live.run_id)

    assert (view.status, len(view.candidates), ok(view)) == ("cancelled", 2, [])
    assert asked == 2
    assert (again.answer, world.play.solvers_asked) == ("42", 4)


async def test_an_answer_that_comes_in_the_grace_is_there_when_the_run_is_resumed(
    world: World,
) -> None:
    """It was paid for, and its client may well come back for it."""
    async with world.service() as service:
        live = await begin(service)
        await until(live, lambda state: len(state.votes) == 2)
        world.api.gate.clear()
        await world.reach(3)
        await service.stop(live.run_id)
        world.api.gate.set()
        await ended(service, live.run_id)
        view = await resumed(service, live.run_id)

    assert (view.status, view.answer) == ("answered", "42")
    assert world.api.requests == 3


@on_trio
@pytest.mark.requirement("HANG-5")
async def test_calls_that_outlast_their_grace_are_aborted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_SERVER_GRACE_S", "0.1")
    world.play.solver = lambda n: STALL
    async with world.service() as service:
        live = await begin(service)
        await world.reach(2)
        await service.stop(live.run_id)
        view = await ended(service, live.run_id)
        await world.left_alone()

    assert view.status == "cancelled"
    assert all("stopped" in (one.error or "") for one in view.candidates)
    assert (world.api.requests, world.api.disconnects) == (2, 2)


async def test_cancelling_ends_the_grace(world: World) -> None:
    world.play.solver = lambda n: STALL
    async with world.service() as service:
        live = await begin(service)
        await world.reach(2)
        await service.stop(live.run_id)
        assert view_of(await service.look(live.run_id)).status == "running"
        view = view_of(await service.cancel(live.run_id))
        await world.left_alone()

    assert view.status == "cancelled"
    assert world.api.disconnects == 2


# More than was asked for at first


async def test_an_answered_run_goes_on_under_higher_limits_with_what_it_knows(
    world: World,
) -> None:
    more = explores({"strategy": "code_trace"}, thinking="So they want more.")
    world.play.orchestrator = (answer("42"), more, answer("43"))
    async with world.service() as service:
        first = await ended(service, (await begin(service)).run_id)
    async with world.service() as later:
        unchanged = await resumed(later, first.run_id)
        asked = world.api.requests
        view = await resumed(later, first.run_id, max_explores=10, max_cost_usd=6)

    assert unchanged == first
    assert asked == 3
    assert (first.answer, view.answer) == ("42", "43")
    assert view.candidates[:2] == first.candidates
    assert len(view.candidates) == 3
    before, again, last = (body["messages"] for body in world.turns)
    assert unmarked(again[:1]) == unmarked(before)
    assert unmarked(last[:3]) == unmarked(again)
    told = json.dumps(again[-1])
    assert "This run goes on" in told
    assert "2 of 10 used, 8 left" in told
    assert "of $6.00" in told
    assert view.usage.requests == world.api.requests == 6


async def test_limits_that_cannot_be_are_refused_before_any_call(world: World) -> None:
    async with world.service() as service:
        view = await ended(service, (await begin(service)).run_id)
        refused: list[tuple[str, dict[str, Any]]] = [
            ("max_explores", {"max_explores": 7}),
            ("max_explores", {"max_explores": 101}),
            ("max_cost_usd", {"max_cost_usd": 4.99}),
            ("max_cost_usd", {"max_cost_usd": math.nan}),
        ]
        for argument, limits in refused:
            with pytest.raises(InvalidInput) as caught:
                await service.resume(view.run_id, **limits)
            assert caught.value.argument == argument
        assert view_of(await service.look(view.run_id)) == view
        assert not (await service.look(view.run_id)).driven

    assert world.api.requests == 3


# Explores of a client


async def test_explores_of_a_client_are_resumed_by_another_process(world: World) -> None:
    world.play.solver = lambda n: STALL if n == 1 else candidate(str(n))
    problem = make_problem(QUESTION)
    async with world.service() as service:
        live = driven(
            service, await service.explore(problem, RunRequest(), ExploreRequest(count=2))
        )
        await until(live, lambda state: bool(state.votes))
        await world.reach(2)
    async with world.service() as later:
        left = view_of(await later.look(live.run_id))
        view = await resumed(later, live.run_id)

    assert (left.status, len(ok(left))) == ("interrupted", 1)
    assert (view.status, view.answer, len(ok(view))) == ("answered", None, 2)
    assert (world.play.solvers_asked, world.play.turns_asked) == (3, 0)


async def test_a_client_explores_on_under_a_run_whose_process_died(
    world: World, tmp_path: Path
) -> None:
    world.play.solver = lambda n: STALL if n == 0 else candidate(str(n))
    problem = make_problem(QUESTION)
    async with world.service() as service:
        run_id = await service.explore(problem, RunRequest(), ExploreRequest())
        await world.reach(1)
        left = crashed(world, tmp_path / "left")
    async with world.service(home=left) as later:
        await later.explore(problem, RunRequest(), ExploreRequest(), run_id=run_id)
        view = await ended(later, run_id)

    assert [number for number, _ in ok(view)] == [1, 2]
    assert world.api.requests == 3


# Watched from another process


async def test_a_run_of_another_process_is_followed_to_its_end(world: World) -> None:
    world.api.gate.clear()
    async with world.service() as driver, world.service() as other:
        live = await begin(driver)
        await world.reach(2)
        await other.resume(live.run_id)
        with pytest.raises(InvalidInput, match="still going") as caught:
            await other.resume(live.run_id, max_explores=20)
        with pytest.raises(InvalidInput, match="still going"):
            await driver.resume(live.run_id, max_cost_usd=9)
        await driver.resume(live.run_id)
        assert view_of(await other.wait(live.run_id, 0)).status == "running"
        async with other.watching(live.run_id) as watched:
            world.api.gate.set()
            with anyio.fail_after(10):
                await watched.finished()
            seen = watched.state
        views = [await ended(service, live.run_id) for service in (other, driver)]

    assert caught.value.argument == "run_id"
    assert views[0] == views[1]
    assert views[0].answer == "42"
    assert seen == live.state
    assert (world.api.requests, live.state.budget.max_explores) == (3, 8)


# Taken over


def behind(world: World, seconds: float, *, lease_seconds: float) -> SqliteJournal:
    """Return the journal of a process that slept: to it, less time has passed than to others."""
    return SqliteJournal(
        world.home, clock=lambda: time.time() - seconds, lease_seconds=lease_seconds
    )


async def test_a_process_that_slept_through_its_lease_shows_what_its_successor_finds(
    world: World,
) -> None:
    """It wakes with replies that have come: all of them at once, and none of them is written."""
    world.play.solver = lambda n: candidate(
        "the loser's" if world.api.number < 2 else "the winner's"
    )
    world.play.orchestrator = (answer("the winner's"),)
    world.api.gate.clear()
    slept = behind(world, 1_000, lease_seconds=15)
    async with world.service(journal=slept) as loser, world.service() as winner:
        live = await begin(loser)
        await world.reach(2)
        seen: list[RunView] = []

        async def wait() -> None:
            seen.append(await ended(loser, live.run_id))

        async with anyio.create_task_group() as tasks, loser.watching(live.run_id) as watched:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            await winner.resume(live.run_id)
            await world.reach(4)
            world.api.gate.set()
            with anyio.fail_after(10):
                await watched.finished()
        view = await ended(winner, live.run_id)
        records = await winner.read(live.run_id)

    assert view.answer == "the winner's"
    assert seen == [view]
    assert watched.state == live.state == RunState.fold(records)
    assert ok(view) == [(1, "the winner's"), (2, "the winner's")]
    assert sum(isinstance(record.event, SolverStarted) for record in records) == 4
    assert world.api.requests == 5


@on_trio
@pytest.mark.requirement("PAID-14")
async def test_a_process_drops_its_calls_once_it_sees_that_its_run_was_taken_over(
    world: World,
) -> None:
    world.play.solver = lambda n: STALL if n < 2 else candidate()
    slept = behind(world, 1_000, lease_seconds=1.0)
    async with world.service(journal=slept) as loser, world.service() as winner:
        live = await begin(loser)
        await world.reach(2)
        await winner.resume(live.run_id)
        views = [await ended(service, live.run_id) for service in (winner, loser)]
        await world.left_alone()

    assert views[0] == views[1]
    assert views[0].answer == "42"
    assert (world.api.requests, world.api.disconnects) == (5, 2)


@on_trio
async def test_a_run_that_was_taken_over_is_cancelled_by_those_it_was_taken_from(
    world: World,
) -> None:
    world.play.solver = lambda n: STALL
    slept = behind(world, 1_000, lease_seconds=15)
    async with world.service(journal=slept) as loser, world.service() as winner:
        live = await begin(loser)
        await world.reach(2)
        await winner.resume(live.run_id)
        await world.reach(4)
        # It does not know yet that the run is no longer its own.
        assert live_run(loser, live.run_id) is live

        view = view_of(await loser.cancel(live.run_id))
        await world.left_alone()

        assert await ended(winner, live.run_id) == view
    assert view.status == "cancelled"
    assert world.api.disconnects == 4


async def test_a_service_that_ends_leaves_a_run_alone_that_was_taken_from_it(
    world: World,
) -> None:
    world.api.gate.clear()
    slept = behind(world, 1_000, lease_seconds=15)
    async with world.service() as winner:
        async with world.service(journal=slept) as loser:
            live = await begin(loser)
            await world.reach(2)
            await winner.resume(live.run_id)
            await world.reach(4)
            with anyio.fail_after(10):
                await loser.leave(grace=math.inf)
        world.api.gate.set()
        view = await ended(winner, live.run_id)
        records = await winner.read(live.run_id)

    assert (view.status, view.answer) == ("answered", "42")
    assert not any(isinstance(record.event, StopRequested) for record in records)


# Every record


def by_what_was_said(body: dict[str, Any]) -> ApiReply | Fault:
    """Explore once more after the first two, then answer; whatever was asked before."""
    if "tools" not in body:
        return candidate()
    said = [one for one in body["messages"] if one["role"] == "assistant"]
    return answer() if said else explores({"strategy": "decompose"}, {"strategy": "code_trace"})


async def a_full_run(world: World) -> tuple[Record, ...]:
    """Return the records of a run that was left, resumed, answered and gone on with."""
    async with world.service() as service:
        live = await begin(service)
        await until(live, lambda state: len(state.votes) == 2)
        world.api.gate.clear()
        await until(live, lambda state: len(state.solvers_in_flight) == 2 or state.turn_in_flight)
    world.api.gate.set()
    async with world.service() as service:
        await resumed(service, live.run_id)
        await resumed(service, live.run_id, max_explores=9)
        return await service.read(live.run_id)


@on_trio
@pytest.mark.requirement("PAID-2")
async def test_a_run_cut_after_any_of_its_records_is_shown_and_resumed_to_its_end(
    world: World, tmp_path: Path
) -> None:
    world.api.respond = by_what_was_said
    records = await a_full_run(world)
    kinds = {type(record.event) for record in records}
    assert {RunResumed, StopRequested, SolverStarted} <= kinds

    cuts = range(1, len(records) + 1)
    journal = SqliteJournal(tmp_path / "cut")
    for cut in cuts:
        lease = await journal.open_run(f"cut{cut}", records[0])
        await journal.append(lease, records[1:cut])
    await journal.aclose()

    async with world.service(home=tmp_path / "cut") as service:
        before = [view_of(await service.look(f"cut{cut}")) for cut in cuts]
        for view in before:
            raised = 10 if view.status == "answered" else None
            await service.resume(view.run_id, max_explores=raised)
        after = [await ended(service, view.run_id) for view in before]
        written = [await service.read(view.run_id) for view in before]

    assert {view.status for view in before} == {"interrupted", "answered"}
    for cut, was, view, now in zip(cuts, before, after, written, strict=True):
        assert tool_result(was).structured_content is not None
        assert (view.status, view.answer) == ("answered", "42")
        assert set(ok(was)) <= set(ok(view))
        assert len(ok(view)) == 4
        assert now[:cut] == records[:cut]
