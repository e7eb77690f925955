"""Runs of older versions on the page and as a story."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from atlas_mcp.atlas.state import RunState
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.page.document import page_document
from atlas_mcp.views.page.shapes import PageDocument
from atlas_mcp.views.transcript import transcript
from tests.support.old_journals import BROKEN_OFF, ENDED, OLD, old_home

DATA = Path(__file__).parents[2] / "data"


async def document_of(home: Path, run_id: str) -> PageDocument:
    journal = SqliteJournal(home)
    records = await journal.read(run_id)
    await journal.aclose()
    state = RunState.fold(records)
    return page_document(records, RunSnapshot(run_id, state, state.at, driven=False))


@pytest.mark.parametrize("version", OLD)
async def test_a_run_of_an_older_version_is_shown_with_its_course(
    version: int, tmp_path: Path
) -> None:
    home = old_home(tmp_path / "home", version)

    ended, broken_off = [await document_of(home, run) for run in (ENDED, BROKEN_OFF)]

    assert ended.status == "answered"
    assert ended.decisions[-1].kind == "synthesized"
    assert all(bar.to is not None for lane in ended.timeline.lanes for bar in lane.bars)
    assert broken_off.status == "interrupted"
    assert "resume" in broken_off.actions
    states = [bar.state for lane in broken_off.timeline.lanes for bar in lane.bars]
    assert "lost" in states
    assert all("## What happened" in transcript(one) for one in (ended, broken_off))


async def test_a_run_of_records_of_version_2_is_shown_with_its_resumption(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.executescript((DATA / "records_v2.sql").read_text(encoding="utf-8"))
    connection.close()

    document = await document_of(tmp_path, "answeredrunv2a")

    assert "resumed" in [one.kind for one in document.decisions]
    assert [one.state for one in document.candidates] == ["ok", "failed", "ok"]
    assert document.money.by_model
