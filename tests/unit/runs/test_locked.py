"""What is bounded in time stays so although another program keeps the journal locked for good."""

from __future__ import annotations

import logging
import threading
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.config.endpoints import PriceSettings, SolverSettings
from atlas_mcp.config.settings import BudgetSettings, ServerSettings, Settings
from atlas_mcp.journal.sqlite import journal as journal_module
from atlas_mcp.journal.sqlite import store as store_module
from atlas_mcp.journal.sqlite import transactions, writer
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs import callers
from atlas_mcp.runs import service as services
from atlas_mcp.runs.driving import claims, reservation
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.local import engine, resuming
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.views.rendering import view_of
from tests.support.gated_models import Gated, until
from tests.support.live_runs import driven
from tests.support.locked_journals import locked
from tests.support.waiting import pause

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing end because a lock was waited for too long."""
    monkeypatch.setattr(store_module, "BUSY_TIMEOUT", 1e6)
    monkeypatch.setattr(store_module, "COMMIT_TIMEOUT", 1e6)
    monkeypatch.setattr(writer, "ANSWER_SECONDS", 1e6)
    monkeypatch.setattr(transactions, "LOCK_STEP_SECONDS", 0.01)
    monkeypatch.setattr(services, "CANCEL_SECONDS", 0.1)
    for bound in ("STOP_SECONDS", "ASK_SECONDS"):
        monkeypatch.setattr(callers, bound, 0.1)
    monkeypatch.setattr(engine, "LEAVE_SECONDS", 0.1)
    monkeypatch.setattr(resuming, "LET_GO_SECONDS", 0.1)
    monkeypatch.setattr(claims, "RELEASE_SECONDS", 0.1)
    monkeypatch.setattr(journal_module, "RECORD_SECONDS", 0.1)
    monkeypatch.setattr(reservation, "SETTLE_SECONDS", 0.1)
    monkeypatch.setattr(journal_module, "CLOSE_SECONDS", 0.5)


def settings_for(home: Path, model: Gated, *, grace_s: float = 0) -> Settings:
    price = PriceSettings(input=Decimal(1), output=Decimal(1))
    return Settings(
        home=home,
        solvers={"demo": SolverSettings(model=model.name, price=price)},
        budget=BudgetSettings(max_cost_usd_per_day=Decimal(50)),
        server=ServerSettings(grace_s=grace_s),
    )


async def begin(service: RunService, model: Gated) -> LiveRun:
    """Open a run; return it once one call is answered and on record, and one is in flight."""
    model.held = {0}
    live = driven(service, await service.solve(make_problem("Q?"), RunRequest()))
    await until(lambda: model.waiting == 1 and len(live.state.votes) == 1)
    with anyio.fail_after(10):
        while (await service.read(live.run_id))[-1].seq < live.state.seq:
            await pause()
    return live


@pytest.mark.parametrize("how", ["left", "stopped", "cancelled"])
async def test_a_service_closes_and_what_was_stored_is_whole(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    model = Gated()
    settings = settings_for(tmp_path, model)
    lock = locked(tmp_path)
    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        live = await begin(service, model)
        lock.__enter__()
        if how == "stopped":
            await service.stop(live.run_id)
        if how == "cancelled":
            await service.cancel(live.run_id)
    lock.__exit__(None, None, None)

    assert f"run {live.run_id}: the journal did not confirm its last records" in caplog.text
    assert not any(record.exc_info for record in caplog.records)
    threads = [thread.name for thread in threading.enumerate()]
    assert not [name for name in threads if name.startswith("journal ")]
    model = Gated()
    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        left = view_of(await service.look(live.run_id))
        assert await service.resume(live.run_id)
        with anyio.fail_after(10):
            done = view_of(await service.wait(live.run_id, 10))
    assert (left.status, len(left.candidates)) == ("interrupted", 1)
    assert (done.status, done.answer) == ("answered", "42")


async def test_whoever_asks_for_a_stop_can_leave_and_the_call_in_flight_keeps_its_grace(
    tmp_path: Path,
) -> None:
    """That the stop is not on record yet breaks nothing off."""
    model = Gated()
    settings = settings_for(tmp_path, model, grace_s=600)
    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        live = await begin(service, model)
        with locked(tmp_path):
            await service.stop(live.run_id)
            assert live.state.stop_cause == "client"
            assert (model.waiting, model.aborted) == (1, 0)
        model.gate.set()
        with anyio.fail_after(10):
            await live.finished()
        view = view_of(await service.look(live.run_id))
        kept = await service.read(live.run_id)

    assert view.status == "cancelled"
    assert [one.status for one in view.candidates] == ["ok", "ok"]
    assert kept[-1].seq == live.state.seq


async def test_a_reply_that_comes_while_its_run_is_left_is_stored_once_the_lock_is_gone(
    tmp_path: Path,
) -> None:
    model = Gated()
    settings = settings_for(tmp_path, model)
    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        live = await begin(service, model)
        with locked(tmp_path):
            model.gate.set()
            await until(lambda: all(one.reply for one in live.state.explores.values()))
            with anyio.move_on_after(0):
                await service.leave(grace=0)
        with anyio.fail_after(10):
            await live.finished()
        kept = await service.read(live.run_id)

    assert kept[-1].seq == live.state.seq


async def test_a_journal_closes_and_leaves_its_leases_to_be_taken_at_once(tmp_path: Path) -> None:
    model = Gated()
    settings = settings_for(tmp_path, model)
    journal = SqliteJournal(tmp_path)
    pool = Pool(settings, {model.name: model})
    lock = locked(tmp_path)
    async with open_service(settings, pool=pool, journal=journal) as service:
        run_id = (await begin(service, model)).run_id
        lock.__enter__()
    lock.__exit__(None, None, None)

    other = SqliteJournal(tmp_path)
    assert not await other.is_driven(run_id)
    assert (await other.claim(run_id)).fence == 2
    await other.aclose()
