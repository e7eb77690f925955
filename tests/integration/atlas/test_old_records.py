"""Runs that an older version wrote: opened, shown, exported, taken in from a file, resumed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import anyio
import pytest

from atlas_mcp.atlas.events import RunOpened, RunResumed
from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.state import RunState
from atlas_mcp.config.settings import Settings
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says
from atlas_mcp.runs.archive import read_archive, write_archive
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.testing.scripted import Recording
from atlas_mcp.views.rendering import view_of
from tests.support.stopped_runs import in_todays_words

DATA = Path(__file__).parents[2] / "data"

ANSWERED, BROKEN_OFF = "answeredrunv2a", "brokenoffrunv2"
"""A run that was answered and resumed, and one whose process died with its second turn open."""

UNREADABLE = "unreadablerunv"
"""A run broken off in its first turn, with a candidate whose answer is nested 250 levels deep:
version 2 stored such a record and could not read it again, nor anything else of the run."""


def home_of_version_2(folder: Path) -> Path:
    """Return a home with a journal of record version 2, as that version wrote it."""
    folder.mkdir(parents=True)
    connection = sqlite3.connect(folder / FILE_NAME)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript((DATA / "records_v2.sql").read_text(encoding="utf-8"))
    connection.close()
    return folder


async def test_records_of_version_2_are_read_and_fold(tmp_path: Path) -> None:
    journal = SqliteJournal(home_of_version_2(tmp_path / "home"))
    ended, broken_off = [await journal.read(run) for run in (ANSWERED, BROKEN_OFF)]
    await journal.aclose()

    for first in (ended[0].event, broken_off[0].event):
        assert isinstance(first, RunOpened)
        assert first.version == 2
    view = view_of(RunSnapshot(ANSWERED, RunState.fold(ended), 0.0, driven=False))
    assert (view.status, view.answer) == ("answered", "42")
    assert [one.status for one in view.candidates] == ["ok", "failed", "ok"]
    best = view.candidates[0]
    assert best.usage is not None
    assert (best.answer, best.usage.output_tokens) == ("42", 27)
    assert view.candidates[1].error == "malformed: the reply holds no JSON object"
    left = view_of(RunSnapshot(BROKEN_OFF, RunState.fold(broken_off), 0.0, driven=False))
    assert (left.status, len(left.candidates)) == ("interrupted", 3)
    assert RunState.fold(broken_off).turn_in_flight


@pytest.mark.requirement("PAID-9")
async def test_a_run_of_version_2_is_resumed_without_its_calls_being_made_again(
    tmp_path: Path,
) -> None:
    def answer(request: ModelRequest) -> Says:
        return Says({"answer": "48", "supported": True, "explanation": "", "confidence_percent": 9})

    model = Recording(answer, label="demo")
    settings = Settings(home=home_of_version_2(tmp_path / "home"))
    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        before = await service.read(BROKEN_OFF)
        state = RunState.fold(before)
        await service.resume(BROKEN_OFF)
        with anyio.fail_after(10):
            view = view_of(await service.wait(BROKEN_OFF, 10))
        after = await service.read(BROKEN_OFF)

    assert (view.status, view.answer, len(view.candidates)) == ("answered", "48", 3)
    (request,) = model.requests
    asked = in_todays_words(state.turns[-1].asked.said)
    assert request.turns == (*state.history, asked)
    assert after[: len(before)] == before
    assert any(isinstance(record.event, RunResumed) for record in after)


async def test_a_run_of_version_2_is_exported_as_that_version_exported_it(tmp_path: Path) -> None:
    journal = SqliteJournal(home_of_version_2(tmp_path / "home"))
    records = await journal.read(ANSWERED)
    await journal.aclose()

    exported = (DATA / "records_v2.jsonl").read_text(encoding="utf-8")
    assert read_archive(exported, "records_v2.jsonl") == (ANSWERED, records)
    assert read_archive("\n".join(write_archive(ANSWERED, records)), "run.jsonl") == (
        ANSWERED,
        records,
    )


async def test_what_version_2_could_not_read_again_is_one_failed_candidate_of_its_run(
    tmp_path: Path,
) -> None:
    journal = SqliteJournal(home_of_version_2(tmp_path / "home"))
    records = await journal.read(UNREADABLE)
    await journal.aclose()

    view = view_of(RunSnapshot(UNREADABLE, RunState.fold(records), 0.0, driven=False))
    lost, other = view.candidates
    assert (view.status, lost.status) == ("interrupted", "failed")
    assert lost.error == (
        "malformed: the record of it cannot be read back: it is nested deeper than 100 levels"
    )
    # What it consumed is on record all the same.
    assert lost.usage is not None
    assert (lost.usage.requests, lost.usage.input_tokens > 100, lost.cost_usd) == (1, True, 0)
    assert (other.status, other.answer) == ("ok", [0])
    exported = "\n".join(write_archive(UNREADABLE, records))
    assert read_archive(exported, "run.jsonl") == (UNREADABLE, records)


async def test_a_run_with_a_record_that_version_2_could_not_read_again_is_resumed(
    tmp_path: Path,
) -> None:
    def answer(request: ModelRequest) -> Says:
        return Says({"answer": [0], "supported": True, "explanation": "", "confidence_percent": 9})

    model = Recording(answer, label="demo")
    settings = Settings(home=home_of_version_2(tmp_path / "home"))
    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        await service.resume(UNREADABLE, max_explores=3)
        with anyio.fail_after(10):
            view = view_of(await service.wait(UNREADABLE, 10))

    assert view.status == "answered"
    assert [one.status for one in view.candidates][:2] == ["failed", "ok"]
    # The explores that had ended are not made again.
    assert len([one for one in model.requests if not one.tools]) == len(view.candidates) - 2
