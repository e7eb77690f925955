"""Replies that are on record and unread, of runs that are stopped. Source: note 008.

They are what a service leaves that ends while a reply is being read in a worker thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.commands import ReadReply
from atlas_mcp.atlas.events import Event, Record, SolverReplied, StopRequested
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.replies import read_reply
from atlas_mcp.atlas.state import RunState
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import ServerSettings, Settings
from atlas_mcp.errors import ConfigError
from atlas_mcp.journal.base import Lease
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.base import OnNotice
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.driving import reading
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.views.rendering import view_of
from tests.support.gated_models import Gated, until
from tests.support.live_runs import live_run

SCHEMA = {"type": "string"}
"""An answer that is checked against a schema is read in a worker thread."""


@asynccontextmanager
async def one_place(
    home: Path,
    model: Gated,
    *,
    pool: Callable[[Settings, Gated], Pool] | None = None,
    journal: SqliteJournal | None = None,
) -> AsyncGenerator[RunService]:
    settings = Settings(
        home=home,
        solvers={"demo": SolverSettings(model=model.name)},
        server=ServerSettings(max_runs=1, grace_s=0),
    )
    models = pool(settings, model) if pool else Pool(settings, {model.name: model})
    async with open_service(settings, pool=models, journal=journal) as service:
        yield service


async def leave_unread(folder: Path, home: Path) -> str:
    """Put a run into a home whose process died once its first reply was on record."""
    async with one_place(folder, Gated()) as service:
        run_id = await service.solve(make_problem("Q?", answer_schema=SCHEMA), RunRequest())
        await service.wait(run_id, 10)
        records = await service.read(run_id)
    cut = next(record.seq for record in records if isinstance(record.event, SolverReplied))
    journal = SqliteJournal(home)
    lease = await journal.open_run(run_id, records[0])
    await journal.append(lease, records[1:cut])
    await journal.aclose()
    return run_id


async def resume_in_line(service: RunService, model: Gated, run_id: str) -> str:
    """Resume a run behind one that holds the only place; return that one's id."""
    model.held = {0, 1}
    first = await service.solve(make_problem("First?"), RunRequest())
    await until(lambda: model.waiting == 2)
    assert await service.resume(run_id)
    live = live_run(service, run_id)
    assert live is not None
    assert live.waiting
    return first


async def test_a_run_in_line_with_an_unread_reply_can_be_cancelled(tmp_path: Path) -> None:
    run_id = await leave_unread(tmp_path / "before", tmp_path / "home")
    model = Gated()
    async with one_place(tmp_path / "home", model) as service:
        first = await resume_in_line(service, model, run_id)
        with anyio.fail_after(10):
            view = view_of(await service.cancel(run_id))

        assert view.status == "cancelled"
        assert [one.answer for one in view.candidates if one.status == "ok"] == ["42"]
        assert service.driven == (first,)
        assert model.aborted == 0


async def test_another_process_cancels_it_and_the_other_runs_go_on(tmp_path: Path) -> None:
    run_id = await leave_unread(tmp_path / "before", tmp_path / "home")
    model = Gated()
    async with one_place(tmp_path / "home", model) as service:
        first = await resume_in_line(service, model, run_id)
        elsewhere = SqliteJournal(tmp_path / "home")
        await elsewhere.request_stop(run_id, "user")
        with anyio.fail_after(10):
            view = view_of(await service.wait(run_id, 10))
        await elsewhere.aclose()

        assert view.status == "cancelled"
        assert model.aborted == 0
        model.gate.set()
        with anyio.fail_after(10):
            assert view_of(await service.wait(first, 10)).answer == "42"


async def test_a_service_that_ends_leaves_it_to_be_resumed_and_stops_the_others(
    tmp_path: Path,
) -> None:
    run_id = await leave_unread(tmp_path / "before", tmp_path / "home")
    model = Gated()
    async with one_place(tmp_path / "home", model) as service:
        first = await resume_in_line(service, model, run_id)
        with anyio.fail_after(10):
            await service.leave(grace=0)

        assert service.driven == ()
        assert view_of(await service.look(first)).status == "interrupted"
        assert view_of(await service.look(run_id)).status == "interrupted"
    async with one_place(tmp_path / "home", Gated()) as service:
        assert await service.resume(run_id)
        with anyio.fail_after(10):
            assert view_of(await service.wait(run_id, 10)).answer == "42"


class Unprepared(Pool):
    """A pool whose models cannot be put in place."""

    @override
    async def prepare(self, specs: Sequence[ModelSpec], *, on_notice: OnNotice) -> None:
        raise ConfigError("its file is gone")


async def test_a_run_whose_models_are_gone_ends_with_what_it_was_paid_for(tmp_path: Path) -> None:
    run_id = await leave_unread(tmp_path / "before", tmp_path / "home")
    async with one_place(
        tmp_path / "home",
        Gated(),
        pool=lambda settings, model: Unprepared(settings, {model.name: model}),
    ) as service:
        assert await service.resume(run_id)
        with anyio.fail_after(10):
            view = view_of(await service.wait(run_id, 10))

    assert (view.status, view.stop_reason) == ("failed", "error")
    assert [one.answer for one in view.candidates if one.status == "ok"] == ["42"]


async def test_a_run_that_nobody_drives_is_read_off_the_event_loop_when_it_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await leave_unread(tmp_path / "before", tmp_path / "home")
    threads: list[int] = []

    def noted(state: RunState, command: ReadReply) -> Event:
        threads.append(threading.get_ident())
        return read_reply(state, command)

    monkeypatch.setattr(reading.replies, "read_reply", noted)
    async with one_place(tmp_path / "home", Gated()) as service:
        view = view_of(await service.cancel(run_id))

    assert [one.status for one in view.candidates][:1] == ["ok"]
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


async def test_a_bug_in_reading_keeps_no_run_from_being_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = await leave_unread(tmp_path / "before", tmp_path / "home")

    def buggy(state: RunState, command: ReadReply) -> Event:
        raise ZeroDivisionError

    monkeypatch.setattr(reading.replies, "read_reply", buggy)
    async with one_place(tmp_path / "home", Gated()) as service:
        view = view_of(await service.cancel(run_id))

    assert view.status == "cancelled"
    assert "fault in atlas-mcp (ZeroDivisionError)" in (view.candidates[0].error or "")
    assert f"run {run_id}: a reply could not be read" in caplog.messages


class Buggy(SqliteJournal):
    """A journal with a bug in it, which shows when one run is stopped."""

    run_id = ""

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        stops = any(isinstance(record.event, StopRequested) for record in records)
        if stops and lease.run_id == self.run_id:
            raise ZeroDivisionError
        await super().append(lease, records)


@pytest.mark.parametrize("by", ["another process", "its request", "the end of all"])
async def test_a_bug_that_keeps_one_run_from_being_stopped_ends_that_run_alone(
    by: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    model = Gated()
    journal = Buggy(tmp_path)
    async with one_place(tmp_path, model, journal=journal) as service:
        model.held = {0, 1}
        first = await service.solve(make_problem("First?"), RunRequest())
        await until(lambda: model.waiting == 2)
        journal.run_id = await service.solve(make_problem("Second?"), RunRequest())

        with anyio.fail_after(10):
            if by == "another process":
                await journal.request_stop(journal.run_id, "user")
            elif by == "its request":
                await service.stop(journal.run_id)
            else:
                await service.leave(grace=0)
            await service.wait(journal.run_id, 10)

        told = [one.getMessage() for one in caplog.records if one.exc_info]
        assert told == [f"run {journal.run_id} could not be stopped, and is aborted"]
        assert service.driven == (() if by == "the end of all" else (first,))
        assert model.aborted == (2 if by == "the end of all" else 0)
