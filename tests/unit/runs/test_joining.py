"""Which runs are joined, by services that share a home, on both journals."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.messages import Image, ModelRequest
from atlas_mcp.atlas.problem import Problem, make_problem
from atlas_mcp.config.endpoints import PriceSettings, SolverSettings
from atlas_mcp.config.settings import BudgetSettings, ServerSettings, Settings
from atlas_mcp.errors import ConfigError, InvalidInput, JournalBusy, UnknownRun
from atlas_mcp.journal.base import Journal
from atlas_mcp.journal.clients import Caller
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says, Script
from atlas_mcp.runs.callers import WINDOW_SECONDS
from atlas_mcp.runs.engine import Engine, ResumeRun, Submission
from atlas_mcp.runs.joining import RunCall
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.request_digests import digest_of
from atlas_mcp.runs.service import RunService
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore
from tests.support.gated_models import Gated, until

PROBLEM = make_problem("6 * 7?")
ASKED = RunRequest()
CALLS = 3
"""Calls of a run of `PROBLEM`: two solvers, and the orchestrator."""


@dataclass
class Side:
    """A process of the home: its service, and the model that it calls."""

    service: RunService
    model: Gated

    async def solve(
        self, problem: Problem = PROBLEM, request: RunRequest = ASKED, *, fresh: bool = False
    ) -> RunCall:
        with anyio.fail_after(10):
            return await self.service.joining.solve(problem, request, fresh=fresh)

    async def explore(self, run_id: str | None = None, strategy: str | None = None) -> RunCall:
        problem = None if run_id else PROBLEM
        with anyio.fail_after(10):
            return await self.service.joining.explore(
                problem, ASKED, ExploreRequest(strategy=strategy), run_id=run_id
            )

    async def cut(self, call: RunCall) -> None:
        await self.service.callers.cut(call.caller)

    async def promised(self, call: RunCall) -> None:
        """Tell a caller that its run goes on."""
        assert await self.service.callers.promise(call.caller)
        self.service.callers.told(call.caller)

    async def ended(self, call: RunCall) -> RunSnapshot:
        """Return a run once it is driven no more."""
        with anyio.fail_after(10):
            return await self.service.wait(call.caller.run_id, 10)

    async def answered(self, call: RunCall) -> RunSnapshot:
        """Return a run once it has ended, and hand its end over."""
        run = await self.ended(call)
        await self.service.callers.receive(run, call.caller)
        return run


@dataclass
class Home:
    """A home, whose processes each have a journal of their own."""

    path: Path
    store: MemoryStore | None
    price: PriceSettings | None = None
    per_day: Decimal | None = None
    opened: list[Journal] = field(default_factory=list[Journal])

    def journal(self) -> Journal:
        return SqliteJournal(self.path) if self.store is None else MemoryJournal(self.store)

    @asynccontextmanager
    async def process(
        self, script: Script | None = None, *, grace_s: float = 0.0
    ) -> AsyncGenerator[Side]:
        model = Gated(script)
        settings = Settings(
            home=self.path,
            solvers={"demo": SolverSettings(model=model.name, price=self.price, images=True)},
            budget=BudgetSettings(max_cost_usd_per_day=self.per_day),
            server=ServerSettings(grace_s=grace_s),
        )
        pool = Pool(settings, {model.name: model})
        async with open_service(settings, pool=pool, journal=self.journal()) as service:
            try:
                yield Side(service, model)
            finally:
                model.gate.set()


@pytest.fixture(params=["sqlite", "memory"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    return Home(tmp_path, MemoryStore() if request.param == "memory" else None)


# In flight


async def test_fifty_identical_calls_at_once_share_one_run(home: Home) -> None:
    calls: list[RunCall] = []
    ends: list[RunSnapshot] = []
    async with home.process() as side:
        side.model.held = {0, 1}

        async def one() -> None:
            call = await side.solve()
            calls.append(call)
            ends.append(await side.answered(call))

        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(one)
            await until(lambda: len(calls) == 50)
            side.model.gate.set()
        runs = await side.service.list_runs()

    assert len({call.caller.run_id for call in calls}) == len(runs) == 1
    assert [call.joined for call in calls].count(None) == 1
    assert {run.status for run in ends} == {"answered"}
    assert len(ends) == 50
    assert len(side.model.requests) == CALLS


async def test_identical_calls_of_two_processes_share_one_run(home: Home) -> None:
    async with home.process() as one, home.process() as other:
        one.model.held = {0, 1}
        first = await one.solve()
        second = await other.solve()
        one.model.gate.set()
        run = await other.answered(second)

    assert (first.joined, second.joined) == (None, "in_flight")
    assert second.caller.run_id == first.caller.run_id
    assert run.status == "answered"
    assert (len(one.model.requests), other.model.requests) == (CALLS, [])


@pytest.mark.parametrize(
    ("problem", "request_"),
    [
        (make_problem("6 * 8?"), ASKED),
        (make_problem("6 * 7?", answer_schema={"type": "integer"}), ASKED),
        (Problem("6 * 7?", (Image("image/png", "AAAA"),)), ASKED),
        (PROBLEM, RunRequest(max_explores=5)),
        (PROBLEM, RunRequest(explore_effort="high")),
    ],
)
async def test_a_call_that_asks_for_anything_else_has_a_run_of_its_own(
    home: Home, problem: Problem, request_: RunRequest
) -> None:
    async with home.process() as side:
        side.model.held = {0, 1, 2, 3}
        first = await side.solve()
        second = await side.solve(problem, request_)

    assert second.joined is None
    assert second.caller.run_id != first.caller.run_id


async def test_a_fresh_call_opens_another_run_which_the_next_one_joins(home: Home) -> None:
    async with home.process() as side:
        side.model.held = set(range(8))
        first = await side.solve()
        fresh = await side.solve(fresh=True)
        third = await side.solve()

    assert fresh.joined is None
    assert third.joined == "in_flight"
    assert third.caller.run_id == fresh.caller.run_id != first.caller.run_id


async def test_a_run_that_its_own_call_has_not_opened_yet_is_opened_by_the_one_that_joins_it(
    home: Home,
) -> None:
    other = home.journal()
    async with home.process() as side:
        plan = await side.service.planner.solve(PROBLEM, ASKED)
        early = Caller("early", "r", await digest_of(plan), time.time())
        assert await other.join(early, after_cut=False, since=0) is None
        call = await side.solve()
        run = await side.answered(call)
        late = await side.service.engine.submit("r", plan)
    await other.aclose()

    assert (call.caller.run_id, call.joined, run.status) == ("r", "in_flight", "answered")
    assert not late, "the other call finds it opened"


async def test_a_call_that_cannot_open_its_run_leaves_nothing_to_join(home: Home) -> None:
    home.price, home.per_day = PriceSettings(input=Decimal(1), output=Decimal(1)), Decimal("1e-6")
    async with home.process() as side:
        for _ in range(2):
            with pytest.raises(ConfigError, match="max_cost_usd_per_day"):
                await side.solve()
        with pytest.raises(InvalidInput):
            await side.solve(request=RunRequest(max_explores=0))
        assert await side.service.list_runs() == ()


async def test_a_call_that_joins_a_run_spends_nothing_that_the_day_has_not(home: Home) -> None:
    home.price = PriceSettings(input=Decimal(1), output=Decimal(1))
    async with home.process() as one:
        one.model.held = {0, 1}
        await one.solve()
        home.per_day = Decimal("1e-6")
        async with home.process() as other:
            joined = await other.solve(request=RunRequest())
            with pytest.raises(ConfigError, match="max_cost_usd_per_day"):
                await other.solve(fresh=True)

    assert joined.joined == "in_flight"


# Cut off


async def test_a_run_in_its_grace_goes_on_and_no_call_is_made_twice(home: Home) -> None:
    ends: list[RunSnapshot] = []
    async with home.process(grace_s=60) as side:
        side.model.held = {0, 1}
        first = await side.solve()
        await until(lambda: side.model.waiting == 2)
        await side.cut(first)
        second = await side.solve()

        async def wait() -> None:
            ends.append(await side.ended(second))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            side.model.gate.set()
        run = await side.answered(second)

    assert not ends[0].was_cut
    assert second.joined == "goes_on"
    assert second.caller.run_id == first.caller.run_id
    assert run.status == "answered"
    assert len(side.model.requests) == CALLS
    assert side.model.aborted == 0


@pytest.mark.parametrize("beside", [False, True])
async def test_a_run_that_was_stopped_goes_on_with_its_candidates(
    home: Home, *, beside: bool
) -> None:
    async with home.process() as one, home.process() as other:
        one.model.held = {1}
        first = await one.solve()
        await until(lambda: one.model.waiting == 1 and len(one.model.requests) == 1)
        await one.cut(first)
        assert (await one.ended(first)).was_cut
        one.model.held = set()
        taking = other if beside else one
        second = await taking.solve()
        run = await taking.answered(second)

    assert second.joined == "goes_on"
    assert second.caller.run_id == first.caller.run_id
    assert run.status == "answered"
    # The one that was broken off is the only call that is made anew.
    assert len(one.model.requests) + len(other.model.requests) == CALLS


async def test_a_run_whose_process_is_gone_goes_on(home: Home) -> None:
    async with home.process() as one:
        one.model.held = {1}
        first = await one.solve()
        await until(lambda: one.model.waiting == 1 and len(one.model.requests) == 1)
    async with home.process() as other:
        assert (await other.service.look(first.caller.run_id)).status == "interrupted"
        second = await other.solve()
        run = await other.answered(second)

    assert second.joined == "goes_on"
    assert second.caller.run_id == first.caller.run_id
    assert run.status == "answered"
    assert len(one.model.requests) + len(other.model.requests) == CALLS


async def test_one_of_two_callers_that_is_cut_off_stops_no_run(home: Home) -> None:
    async with home.process() as one, home.process() as other:
        one.model.held = {0, 1}
        first, second, third = await one.solve(), await one.solve(), await other.solve()
        await one.cut(first)
        await one.cut(second)
        state = (await one.service.look(first.caller.run_id)).state
        one.model.gate.set()
        run = await other.answered(third)

    assert state.stop_cause is None
    assert run.status == "answered"


# Ended


async def test_an_answer_that_nobody_received_is_handed_over_once(home: Home) -> None:
    async with home.process() as side:
        first = await side.solve()
        await side.promised(first)
        await side.ended(first)
        second = await side.solve()
        run = await side.answered(second)
        third = await side.solve()

    assert second.joined == "handed_over"
    assert (second.caller.run_id, run.status) == (first.caller.run_id, "answered")
    assert third.joined is None


async def test_an_answer_that_was_looked_at_is_not_handed_over(home: Home) -> None:
    async with home.process() as side:
        first = await side.solve()
        await side.promised(first)
        await side.service.callers.receive(await side.ended(first))
        second = await side.solve()

    assert second.joined is None


async def test_a_run_that_a_user_ended_is_not_joined(home: Home) -> None:
    async with home.process() as side:
        side.model.held = {0, 1}
        first = await side.solve()
        await side.service.cancel(first.caller.run_id)
        second = await side.solve()

    assert second.joined is None
    assert second.caller.run_id != first.caller.run_id


async def test_a_run_that_failed_is_not_joined(home: Home) -> None:
    def fails(request: ModelRequest) -> Says:
        return Says({"not": "an answer"})

    async with home.process(fails) as side:
        first = await side.solve()
        assert (await side.ended(first)).status == "failed"
        second = await side.solve()

    assert second.joined is None


async def test_a_run_is_joined_for_ten_minutes(home: Home) -> None:
    async with home.process() as side:
        first = await side.solve()
        await side.promised(first)
        await side.ended(first)
        side.service.callers.clock = lambda: time.time() + WINDOW_SECONDS + 5
        second = await side.solve()

    assert WINDOW_SECONDS == 600
    assert second.joined is None


# Explores


async def test_identical_explores_are_independent_while_none_was_cut_off(home: Home) -> None:
    async with home.process() as side:
        first, second = await side.explore(), await side.explore()
        run_id = first.caller.run_id
        third, fourth = await side.explore(run_id), await side.explore(run_id)
        run = await side.answered(fourth)

    assert [call.joined for call in (first, second, third, fourth)] == [None] * 4
    assert second.caller.run_id != run_id
    assert len(run.state.explores) == 3


async def test_each_repeat_of_an_explore_that_was_cut_off_joins_one_run(home: Home) -> None:
    repeats: list[RunCall] = []
    async with home.process(grace_s=60) as side:
        side.model.held = {0, 1}
        cut = [await side.explore(), await side.explore()]
        await until(lambda: side.model.waiting == 2)
        for call in cut:
            await side.cut(call)

        async def repeat() -> None:
            repeats.append(await side.explore())

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(repeat)
            side.model.gate.set()
        for call in repeats:
            await side.answered(call)

    joined = [call.caller.run_id for call in repeats if call.joined is not None]
    assert sorted(joined) == sorted(call.caller.run_id for call in cut)
    assert len(side.model.requests) == 3


async def test_a_repeated_explore_of_a_run_plans_no_further_explores(home: Home) -> None:
    async with home.process() as side:
        opened = await side.explore()
        await side.answered(opened)
        run_id = opened.caller.run_id
        side.model.held = {1}
        cut = await side.explore(run_id, strategy="decompose")
        await until(lambda: side.model.waiting == 1)
        await side.cut(cut)
        await side.ended(cut)
        side.model.held = set()
        again = await side.explore(run_id, strategy="decompose")
        run = await side.answered(again)
        more = await side.explore(run_id, strategy="decompose")
        await side.ended(more)

    assert (again.joined, more.joined) == ("goes_on", None)
    assert len(run.state.explores) == len(run.state.votes) == 2


async def test_an_explore_that_its_run_refuses_leaves_nothing_to_join(home: Home) -> None:
    async with home.process() as side:
        opened = await side.explore()
        await side.answered(opened)
        for _ in range(2):
            with pytest.raises(InvalidInput):
                await side.explore(opened.caller.run_id, strategy="none")
        with pytest.raises(UnknownRun):
            await side.explore("unknown")
        with pytest.raises(InvalidInput, match="is missing"):
            await side.service.joining.explore(None, ASKED, ExploreRequest())
        wanted = await home.journal().wanted([opened.caller.run_id, "unknown"], promises=True)

    assert wanted == {opened.caller.run_id: False}


# Resumed


async def test_a_run_is_resumed_for_its_caller_alone(home: Home) -> None:
    async with home.process() as side:
        first = await side.solve()
        await side.answered(first)
        run_id = first.caller.run_id
        none = await side.service.joining.resume(run_id)
        side.model.held = set(range(3, 9))
        more = await side.service.joining.resume(run_id, max_explores=9)
        assert more is not None
        await side.cut(more)
        run = await side.ended(more)

    assert none is None
    assert more.joined is None
    assert run.was_cut


@asynccontextmanager
async def cut_run(home: Home) -> AsyncGenerator[tuple[Side, RunCall]]:
    """Yield a process, and a call whose run was stopped when it was cut off."""
    async with home.process() as side:
        side.model.held = set(range(9))
        first = await side.solve()
        await side.cut(first)
        await side.ended(first)
        yield side, first


async def test_a_run_that_cannot_go_on_is_not_joined(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cut_run(home) as (side, first):
        with submitted(monkeypatch, side, InvalidInput("run_id", "cannot go on")):
            second = await side.solve()

    assert second.joined is None
    assert second.caller.run_id != first.caller.run_id


async def test_a_run_that_another_process_is_about_to_give_back_is_waited_for(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with cut_run(home) as (side, first):
        with submitted(monkeypatch, side, JournalBusy("another process has it")):
            second = await side.solve()
            await side.service.joining.go_on(first.caller.run_id)
        await side.service.joining.go_on(first.caller.run_id)
        run = await side.service.look(first.caller.run_id)

    assert second.joined == "goes_on"
    assert second.caller.run_id == first.caller.run_id
    assert "another process has it" in caplog.text
    assert run.status == "running"


@contextmanager
def submitted(monkeypatch: pytest.MonkeyPatch, side: Side, error: Exception) -> Generator[None]:
    """Have the engine of a process refuse to go on with any run, for the length of a block."""
    kind = type(side.service.engine)
    submit = kind.submit

    async def refusing(engine: Engine, run_id: str, submission: Submission) -> bool:
        if isinstance(submission, ResumeRun):
            raise error
        return await submit(engine, run_id, submission)

    with monkeypatch.context() as patched:
        patched.setattr(kind, "submit", refusing)
        yield


async def test_a_run_whose_caller_was_cut_off_while_it_was_opened_is_stopped(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a server's input cuts its callers off, whatever they are about."""
    async with home.process() as side:
        side.model.held = {0, 1}
        kind, callers = type(side.service.engine), side.service.callers
        submit = kind.submit

        async def cut_meanwhile(engine: Engine, run_id: str, submission: Submission) -> bool:
            for caller in callers.waiting:
                await callers.cut(caller)
            return await submit(engine, run_id, submission)

        monkeypatch.setattr(kind, "submit", cut_meanwhile)
        run = await side.ended(await side.solve())

    assert run.was_cut


async def test_a_call_that_is_cancelled_while_its_run_is_opened_is_cut_off(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with home.process() as side:
        begun = anyio.Event()
        submit = type(side.service.engine).submit

        async def slow(engine: Engine, run_id: str, submission: Submission) -> bool:
            begun.set()
            await anyio.sleep_forever()
            raise AssertionError

        monkeypatch.setattr(type(side.service.engine), "submit", slow)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(side.solve)
            await begun.wait()
            tasks.cancel_scope.cancel()
        monkeypatch.setattr(type(side.service.engine), "submit", submit)
        call = await side.solve()
        run = await side.answered(call)

    assert run.status == "answered"
