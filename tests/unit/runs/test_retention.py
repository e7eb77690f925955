"""How long runs are kept: what the limits mean, and what is removed without being asked."""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas.events import Record, RunFinished
from atlas_mcp.config.settings import JournalSettings, Settings
from atlas_mcp.errors import InvalidInput
from atlas_mcp.journal.sqlite.journal import FILE_NAME, SqliteJournal
from atlas_mcp.journal.sqlite.run_rows import expired
from atlas_mcp.journal.sqlite.tables import migrate
from atlas_mcp.runs import tidying as tidying_module
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.retention import DAY_SECONDS, MEGABYTE, Keep
from atlas_mcp.runs.service import RunService
from atlas_mcp.runs.tidying import Tidying
from atlas_mcp.testing.journal_conformance import first_record

NOW = 1_000_000.0


@pytest.mark.parametrize("limit", [-1.0, -0.001, -math.inf, math.nan])
def test_a_limit_below_nothing_is_refused_by_its_name(limit: float) -> None:
    with pytest.raises(InvalidInput, match=r"`keep_days`.*0 or more"):
        Keep(days=limit)
    with pytest.raises(InvalidInput, match=r"`max_size_mb`.*0 or more"):
        Keep(size_mb=limit)


def test_limits_are_in_days_and_megabytes() -> None:
    keep = Keep(days=2, size_mb=0.5)

    assert keep.idle_since(NOW) == NOW - 2 * DAY_SECONDS
    assert keep.size_bytes == MEGABYTE / 2
    assert not keep.everything
    assert Keep().everything
    assert (Keep().idle_since(NOW), Keep().size_bytes) == (None, None)


# What is beyond them


@dataclass(frozen=True)
class Row:
    """A run as it stands in the journal; `lease` is what is left of it, in seconds."""

    updated_at: int
    size: int
    owner: str | None
    lease: int

    @property
    def driven(self) -> bool:
        return self.owner is not None and self.lease > 0


ROWS = st.lists(
    st.builds(
        Row,
        updated_at=st.integers(0, 20),
        size=st.integers(0, 10),
        owner=st.sampled_from([None, "one", "two"]),
        lease=st.integers(-2, 2),
    ),
    max_size=12,
)


def beyond_by_hand(
    rows: list[Row], idle_since: float | None, size_bytes: float | None
) -> list[int]:
    """Say the same in Python: count through the runs in the order in which they are kept."""
    order = sorted(
        range(len(rows)), key=lambda i: (not rows[i].driven, -rows[i].updated_at, f"{i:02}")
    )
    gone: list[int] = []
    total = 0
    for i in order:
        total += rows[i].size
        too_old = idle_since is not None and rows[i].updated_at < idle_since
        too_much = size_bytes is not None and total > size_bytes
        if not rows[i].driven and (too_old or too_much):
            gone.append(i)
    return gone[::-1]


@settings(deadline=None)
@given(
    rows=ROWS,
    idle_since=st.none() | st.integers(0, 21),
    size_bytes=st.none() | st.integers(0, 60) | st.just(math.inf),
)
def test_the_longest_idle_go_until_the_rest_is_within_the_limits(
    rows: list[Row], idle_since: int | None, size_bytes: float | None
) -> None:
    found = found_beyond(rows, idle_since, size_bytes)

    assert found == beyond_by_hand(rows, idle_since, size_bytes)
    assert not any(rows[i].driven for i in found)
    left = [row for i, row in enumerate(rows) if i not in found and not row.driven]
    assert all(idle_since is None or row.updated_at >= idle_since for row in left)
    driven = sum(row.size for row in rows if row.driven)
    assert size_bytes is None or sum(row.size for row in left) <= max(0, size_bytes - driven)


def found_beyond(rows: list[Row], idle_since: float | None, size_bytes: float | None) -> list[int]:
    """Return the numbers of the rows that the journal finds beyond the limits."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, Path(":memory:"))
    connection.executemany(
        "INSERT INTO runs (run_id, opened_at, updated_at, status, workflow, title, owner, fence, "
        "lease_until, size_bytes) VALUES (?,0,?,'answered','atlas','',?,1,?,?)",
        [
            (f"{i:02}", row.updated_at, row.owner, NOW + row.lease, row.size)
            for i, row in enumerate(rows)
        ],
    )
    found = expired(
        connection,
        idle_since=idle_since,
        size_bytes=size_bytes,
        now=NOW,
        drives=lambda owner, until: owner is not None and until > NOW,
    )
    connection.close()
    return [int(run.run_id) for run in found]


# What is removed by itself


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
    return Tidying(service.journal, service.settings.journal, service.states)


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
