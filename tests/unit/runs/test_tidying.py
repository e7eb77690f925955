"""Runs that are removed without being asked for."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from atlas_mcp.atlas.events import Record, RunFinished
from atlas_mcp.config.settings import JournalSettings, Settings
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.runs import tidying as tidying_module
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.retention import DAY_SECONDS
from atlas_mcp.runs.service import RunService
from atlas_mcp.runs.tidying import Tidying
from atlas_mcp.testing.journal_conformance import first_record


async def fill(home: Path, **idle_days: float) -> None:
    """Make runs that ended so many days ago."""
    journal = SqliteJournal(home)
    for run_id, days in idle_days.items():
        at = time.time() - days * DAY_SECONDS
        lease = await journal.open_run(run_id, first_record(at=at))
        await journal.append(lease, [Record(2, at, RunFinished("answered", "decided", "42"))])
        await journal.release(lease)
    await journal.aclose()


def tidying(service: RunService) -> Tidying:
    return Tidying(service.index, service.settings.journal, service.states)


async def test_nothing_is_removed_where_nothing_is_configured(tmp_path: Path) -> None:
    await fill(tmp_path, ancient=100_000)

    async with open_service(Settings(home=tmp_path)) as service:
        await tidying(service).remove_expired()

        assert [run.run_id for run in await service.list_runs()] == ["ancient"]


async def test_runs_beyond_the_configured_limits_are_removed_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tidying_module, "TIDY_AFTER", 0.0)
    caplog.set_level(logging.INFO, "atlas_mcp.runs.tidying")
    await fill(tmp_path, new=1, old=3)
    keep = JournalSettings(keep_days=2)

    async with open_service(Settings(home=tmp_path, journal=keep)) as service:
        with anyio.fail_after(10):
            while "1 runs beyond the limits" not in caplog.text:
                await anyio.lowlevel.checkpoint()

        assert [run.run_id for run in await service.list_runs()] == ["new"]


async def test_a_journal_that_cannot_be_tidied_is_logged_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(tmp_path, old=3)
    keep = JournalSettings(keep_days=2)

    async with open_service(Settings(home=tmp_path, journal=keep)) as service:
        connection = sqlite3.connect(tmp_path / FILE_NAME)
        with connection:
            connection.execute("ALTER TABLE runs RENAME TO elsewhere")
        await tidying(service).remove_expired()
        with connection:
            connection.execute("ALTER TABLE elsewhere RENAME TO runs")
        connection.close()

        assert "could not be removed" in caplog.text
        assert [run.run_id for run in await service.list_runs()] == ["old"]
