"""A run whose journal takes no more stops spending, says so, and loses as little as can be."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.events import Record
from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.config.endpoints import PriceSettings, SolverSettings
from atlas_mcp.config.settings import BudgetSettings, Settings
from atlas_mcp.errors import JournalError, JournalUnflushed, ModelUnavailable
from atlas_mcp.journal.base import Lease
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.testing.atlas_api import candidate_text, synthesis_text
from atlas_mcp.testing.scripted import Recording
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from tests.support.live_runs import driven

FULL = "journal.sqlite3: database or disk is full; free some space"


class Filling(SqliteJournal):
    """A journal whose disk is full for a number of appends."""

    refuses = 0
    flushes = True

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        if self.refuses > 0:
            self.refuses -= 1
            await anyio.lowlevel.checkpoint()
            raise JournalError(FULL)
        await super().append(lease, records)
        if not self.flushes:
            raise JournalUnflushed("the disk does not take it")


@dataclass(slots=True)
class Gated(Recording):
    """A model that answers once it is let."""

    gate: anyio.Event = field(default_factory=anyio.Event)
    both: anyio.Event = field(default_factory=anyio.Event)

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        self.in_flight += 1
        if self.in_flight == 2:
            self.both.set()
        try:
            await self.gate.wait()
        finally:
            self.in_flight -= 1
        return await Recording.generate(self, request, on_tokens=on_tokens, on_usage=on_usage)


async def begin(service: RunService, model: Gated) -> LiveRun:
    """Open a run and return once two solvers are at work."""
    live = driven(service, await service.solve(make_problem("6 * 7?"), RunRequest()))
    await model.both.wait()
    return live


def a_model() -> Gated:
    return Gated(
        lambda request: Says(synthesis_text("42") if request.tools else candidate_text("42"))
    )


def settings_for(home: Path, model: Gated) -> tuple[Settings, Pool]:
    settings = Settings(home=home, solvers={"s": SolverSettings(model=model.name)})
    return settings, Pool(settings, {model.name: model})


def told_of(caplog: pytest.LogCaptureFixture, run_id: str) -> list[str]:
    records = [record for record in caplog.records if run_id in record.getMessage()]
    assert not any(record.exc_info for record in records), "a failing disk is no bug"
    return [record.getMessage() for record in records]


@pytest.mark.usefixtures("brief_salvage")
async def test_two_replies_that_cannot_be_stored_are_one_cause_told_once_and_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    model = a_model()
    settings, pool = settings_for(tmp_path, model)
    journal = Filling(tmp_path)
    with anyio.fail_after(15):
        async with open_service(settings, pool=pool, journal=journal) as service:
            live = await begin(service, model)
            journal.refuses = 1_000
            model.gate.set()
            await live.finished()
            view = view_of(await service.look(live.run_id))
            asked = len(model.requests)
            journal.refuses = 0
            left = await service.list_runs()
            await service.resume(live.run_id)
            resumed = view_of(await service.wait(live.run_id, 10))

    assert asked == 2, "no call is made whose reply could not be stored"
    assert (view.status, [one.answer for one in view.candidates]) == ("interrupted", ["42", "42"])
    assert view.explanation is not None
    assert FULL in view.explanation
    assert view.next is not None
    assert view.next.startswith("2 replies are shown here but not stored")
    assert f"resume_run with run_id={live.run_id!r}" in view.next
    assert [run.driven for run in left] == [False]
    assert told_of(caplog, live.run_id) == [f"run {live.run_id} broke off: {FULL}"]
    assert (resumed.answer, len(model.requests)) == ("42", 5)


async def test_a_journal_that_takes_records_again_gets_what_came_meanwhile(
    tmp_path: Path,
) -> None:
    model = a_model()
    settings, pool = settings_for(tmp_path, model)
    journal = Filling(tmp_path)
    with anyio.fail_after(15):
        async with open_service(settings, pool=pool, journal=journal) as service:
            live = await begin(service, model)
            journal.refuses = 3
            model.gate.set()
            await live.finished()
            view = view_of(await service.look(live.run_id))
            stored = await service.state(live.run_id)
            await service.resume(live.run_id)
            resumed = view_of(await service.wait(live.run_id, 10))

    assert view.next is not None
    assert view.next.startswith("No reply that was paid for is lost.")
    assert view.explanation is not None
    assert FULL in view.explanation
    assert stored == live.state
    assert len(stored.votes) == 2
    assert (resumed.answer, len(model.requests)) == ("42", 3), "no finished call is made again"


@pytest.mark.usefixtures("brief_salvage")
async def test_all_who_look_at_once_see_that_a_broken_run_has_been_gone_on_with(
    tmp_path: Path,
) -> None:
    model = a_model()
    settings, pool = settings_for(tmp_path, model)
    journal = Filling(tmp_path)
    views: list[RunView] = []
    with anyio.fail_after(15):
        async with open_service(settings, pool=pool, journal=journal) as service:
            live = await begin(service, model)
            journal.refuses = 1_000
            model.gate.set()
            await live.finished()
            journal.refuses = 0
            assert view_of(await service.look(live.run_id)).status == "interrupted"
            async with open_service(settings, pool=Pool(settings, {model.name: model})) as other:
                await other.cancel(live.run_id)

            async def look() -> None:
                views.append(view_of(await service.look(live.run_id)))

            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(look)

    assert [view.status for view in views] == ["cancelled"] * 3


async def test_records_that_are_stored_and_not_on_disk_are_not_stored_twice(
    tmp_path: Path,
) -> None:
    model = a_model()
    settings, pool = settings_for(tmp_path, model)
    journal = Filling(tmp_path)
    with anyio.fail_after(15):
        async with open_service(settings, pool=pool, journal=journal) as service:
            live = await begin(service, model)
            journal.flushes = False
            model.gate.set()
            await live.finished()
            stored = await service.state(live.run_id)
            journal.flushes = True
            view = view_of(await service.look(live.run_id))

    assert stored == live.state
    assert view.status == "interrupted"
    assert len(model.requests) == 2


@pytest.mark.usefixtures("brief_salvage")
async def test_calls_in_flight_are_aborted_where_nothing_of_them_could_be_stored(
    tmp_path: Path,
) -> None:
    model = a_model()
    settings, pool = settings_for(tmp_path, model)
    journal = Filling(tmp_path)
    with anyio.fail_after(15):
        async with open_service(settings, pool=pool, journal=journal) as service:
            live = await begin(service, model)
            journal.refuses = 1_000
            await service.stop(live.run_id)
            await live.finished()
            in_flight = model.in_flight
            view = view_of(await service.look(live.run_id))
            journal.refuses = 0

    assert in_flight == 0
    assert model.requests == []
    assert view.status == "cancelled"
    assert FULL in view.agreement.warnings[0]
    assert view.next is not None
    assert view.next.startswith("2 calls were cut off in flight, and may be billed. Fix the cause")


@pytest.mark.skipif(sys.platform == "win32", reason="open files can be removed here")
@pytest.mark.usefixtures("brief_salvage")
async def test_a_journal_that_is_removed_is_noticed_before_the_next_call(tmp_path: Path) -> None:
    home = tmp_path / "home"
    model = a_model()
    settings, pool = settings_for(home, model)
    journal = Filling(home)
    with anyio.fail_after(15):
        async with open_service(settings, pool=pool, journal=journal) as service:
            live = await begin(service, model)
            (home / FILE_NAME).unlink()
            model.gate.set()
            await live.finished()
            view = view_of(await service.look(live.run_id))
            with pytest.raises(JournalError, match="start again"):
                await service.solve(make_problem("6 * 7?"), RunRequest())

    assert len(model.requests) == 2, "the orchestrator is not asked"
    assert view.explanation is not None
    assert "was removed while the journal was in use" in view.explanation
    assert len(view.candidates) == 2


class Unreserving(SqliteJournal):
    """A journal that takes no reservation any more once it is full."""

    full = False

    @override
    async def reserve_spending(
        self, run_id: str, *, day: str, usd: Decimal, cap: Decimal | None
    ) -> Decimal | None:
        if self.full:
            raise JournalError(FULL)
        return await super().reserve_spending(run_id, day=day, usd=usd, cap=cap)


@dataclass(slots=True)
class CutOff(Gated):
    """A model whose first call breaks off once there are two, of which the second goes on."""

    journal: Unreserving = field(kw_only=True)
    calls: int = 0

    @property
    @override
    def name(self) -> str:
        return "anthropic/claude-sonnet-5-5"

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        self.calls += 1
        assert on_usage is not None
        if self.calls == 1:
            await self.both.wait()
            self.journal.full = True
            counted = Usage(1, 100, 50)
            raise ModelUnavailable(
                self.name, "cut", charge=Charge(counted, Decimal("0.01")), complete=False
            )
        on_usage(Charge(Usage(1, 1_000, 900), Decimal("0.02")))
        self.both.set()
        await self.gate.wait()
        raise AssertionError("it was aborted")


async def test_a_retry_whose_money_cannot_be_reserved_breaks_the_run_off_with_all_it_cost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the failed attempt nor the call beside it is lost, and no cap is blamed."""
    caplog.set_level(logging.WARNING)
    journal = Unreserving(tmp_path)
    model = CutOff(lambda request: Says("unused"), journal=journal)
    entry = SolverSettings(
        model=model.name, price=PriceSettings(input=Decimal(3), output=Decimal(15)), max_tokens=4096
    )
    budget = BudgetSettings(max_cost_usd_per_day=Decimal(50))
    settings = Settings(home=tmp_path, solvers={"s": entry}, budget=budget)
    with anyio.fail_after(15):
        async with open_service(
            settings,
            pool=Pool(settings, {model.name: model}),
            journal=journal,
            retries=RetryPolicy(first_delay=0, longest_delay=0),
        ) as service:
            live = driven(
                service,
                await service.explore(make_problem("Q?"), RunRequest(), ExploreRequest(count=2)),
            )
            await live.finished()
            view = view_of(await service.look(live.run_id))
            stored = await service.state(live.run_id)

    assert model.calls == 2
    assert (view.status, view.cost_usd) == ("interrupted", Decimal("0.03"))
    assert stored == live.state
    assert [(one.error or "")[:9] for one in view.candidates] == ["cancelled"] * 2
    assert view.explanation is not None
    assert FULL in view.explanation
    assert told_of(caplog, live.run_id) == [f"run {live.run_id} broke off: {FULL}"]
