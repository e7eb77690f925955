"""What becomes of runs when their journal fails them, or somebody else is quicker."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.budget import MAX_COST_CEILING_USD
from atlas_mcp.atlas.events import Record
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.config.values import MOST_USD
from atlas_mcp.errors import InvalidInput, JournalError
from atlas_mcp.journal.base import Lease
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.testing.atlas_api import candidate_text, synthesis_text
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
