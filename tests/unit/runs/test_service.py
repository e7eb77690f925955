"""What becomes of runs when their journal fails them, or somebody else is quicker."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.budget import MAX_COST_CEILING_USD
from atlas_mcp.atlas.events import Record
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.config.settings import MOST_USD, Settings, SolverSettings
from atlas_mcp.errors import InvalidInput, JournalBusy, JournalError
from atlas_mcp.journal.base import Lease
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says
from atlas_mcp.runs import opening
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.testing.atlas_api import candidate_text, synthesis_text
from atlas_mcp.testing.journal_conformance import first_record
from atlas_mcp.testing.scripted import Recording
from atlas_mcp.views.rendering import view_of
from tests.support.live_runs import driven


class Filling(SqliteJournal):
    """A journal whose disk is full from time to time."""

    full = False

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        if records:
            self._check()
        await super().append(lease, records)

    @override
    async def release(self, lease: Lease) -> None:
        self._check()
        await super().release(lease)

    def _check(self) -> None:
        if self.full:
            raise JournalError("the disk is full")


@pytest.mark.usefixtures("brief_salvage")
async def test_a_full_disk_breaks_a_run_off_and_the_service_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    model = Recording(
        lambda request: Says(synthesis_text("42") if request.tools else candidate_text("42"))
    )
    settings = Settings(home=tmp_path, solvers={"s": SolverSettings(model=model.name)})
    journal = Filling(tmp_path)
    pool = Pool(settings, {model.name: model})
    with anyio.fail_after(10):
        async with open_service(settings, pool=pool, journal=journal) as service:
            journal.full = True
            broken = driven(service, await service.solve(make_problem("6 * 7?"), RunRequest()))
            await broken.finished()
            calls = len(model.requests)
            journal.full = False
            whole = await service.solve(make_problem("6 * 7?"), RunRequest())
            view = view_of(await service.wait(whole, 10))

    assert calls == 0, "nothing is called that could not be recorded"
    assert view.answer == "42"
    told = [record for record in caplog.records if broken.run_id in record.getMessage()]
    assert [record.getMessage() for record in told] == [
        f"run {broken.run_id} broke off: the disk is full"
    ], "one cause is told once"
    assert not any(record.exc_info for record in told), "it is nobody's bug"


@pytest.mark.parametrize("cap", [1e308, 1_000_000_001, 0, -1, float("inf"), float("nan")])
async def test_a_cap_that_nobody_can_mean_opens_no_run(tmp_path: Path, cap: float) -> None:
    """The bound is that of the configuration."""
    model = Recording(lambda request: Says(candidate_text("42")))
    settings = Settings(home=tmp_path, solvers={"s": SolverSettings(model=model.name)})

    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        with pytest.raises(InvalidInput, match="above 0, up to 1,000,000,000"):
            await service.solve(make_problem("6 * 7?"), RunRequest(max_cost_usd=cap))

        assert await service.list_runs(limit=1) == ()
    assert MAX_COST_CEILING_USD == MOST_USD


class Closing(Recording):
    """A model that can be kept from being closed."""

    how = ""
    closed = False

    @override
    async def aclose(self) -> None:
        if self.how == "it fails":
            raise OSError("a connection could not be closed")
        if self.how == "it takes too long":
            await anyio.sleep_forever()
        self.closed = True


@pytest.mark.parametrize("how", ["it fails", "it takes too long"])
async def test_a_model_that_does_not_close_keeps_neither_others_nor_the_journal_open(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(opening, "SHUTDOWN_SECONDS", 0.2)
    models = [
        Closing(lambda request: Says(candidate_text("42")), label=label) for label in ("a", "b")
    ]
    models[0].how = how
    settings = Settings(
        home=tmp_path, solvers={one.name[-1]: SolverSettings(model=one.name) for one in models}
    )
    pool = Pool(settings, {one.name: one for one in models})
    with anyio.fail_after(10):
        with pytest.raises(OSError, match="closed") if how == "it fails" else nullcontext():
            async with open_service(settings, pool=pool) as service:
                for entry in pool.entries(["a", "b"]):
                    await pool.model(entry.spec)
                journal = service.journal

        with pytest.raises(JournalError, match="is closed"):
            await journal.open_run("r", first_record())
    assert models[1].closed
    assert not list((tmp_path / "processes").iterdir())
    told = (
        [] if how == "it fails" else ["closing the models took longer than 0.2 s and was given up"]
    )
    assert caplog.messages == told


class Late(SqliteJournal):
    """A journal that finds a run free, which another process claims right then."""

    other: SqliteJournal

    @override
    async def is_driven(self, run_id: str) -> bool:
        driven = await super().is_driven(run_id)
        if not driven:
            await self.other.claim(run_id)
        return driven


async def test_of_two_who_resume_a_run_at_once_one_drives_it_and_the_other_is_content(
    tmp_path: Path,
) -> None:
    """Both wanted it to go on, and it does; only raising a limit comes too late for the other."""
    journal = Late(tmp_path)
    journal.other = SqliteJournal(tmp_path)
    for run_id in ("one", "two"):
        await journal.release(await journal.open_run(run_id, first_record()))

    async with open_service(Settings(home=tmp_path), journal=journal) as service:
        await service.resume("one")
        with pytest.raises(JournalBusy):
            await service.resume("two", max_cost_usd=50)

        assert service.driven == ()
        assert len(await journal.read("one")) == 1
    await journal.other.aclose()
