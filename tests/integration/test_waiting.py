"""Runs beyond what a process takes at once. Source: the contract, `[server] max_runs`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio
import pytest
from rich.console import Console
from typing_extensions import override

from atlas_mcp.atlas.events import Record, RunOpened, StopRequested
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.cli.display import picture
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import ServerSettings, Settings
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.base import Lease
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.base import OnNotice
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.status import status_line
from tests.support.gated_models import Gated, Heard, Mode, Session, connected
from tests.support.live_runs import live_run
from tests.support.waiting import pause

FIRST_IN_LINE = "waiting in line, 0 before it (1 at once in this process)"


async def hold_the_place(session: Session) -> str:
    """Let a run take the only place and wait there for its model; return its id."""
    session.model.held = {0, 1}
    first = await session.view("solve_with_atlas", problem="First?", wait_s=0)
    with anyio.fail_after(5):
        while session.model.waiting < 2:
            await pause()
    return first.run_id


@pytest.mark.requirement("HANG-8")
async def test_a_run_beyond_the_limit_has_its_handle_at_once_and_waits_on_record(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode, max_runs=1) as session:
        first = await hold_the_place(session)
        second = await session.view("solve_with_atlas", problem="Second?", wait_s=0)
        third = await session.view("solve_with_atlas", problem="Third?", wait_s=0)
        seen = await session.view("get_run", run_id=third.run_id, wait_s=0)
        service = await session.host.service()
        records = await service.read(second.run_id)
        listed = {run.run_id: run.status for run in await service.list_runs()}

        assert (second.status, second.usage.requests, second.cost_usd) == ("running", 0, 0)
        assert second.next is not None
        assert second.next.startswith(f"It is {FIRST_IN_LINE}. Call get_run with ")
        assert seen.next is not None
        assert "in line, 1 before it" in seen.next
        assert [type(record.event) for record in records] == [RunOpened]
        assert listed == dict.fromkeys((first, second.run_id, third.run_id), "running")
        assert not session.model.requests

        session.model.gate.set()
        views = [
            await session.view("get_run", run_id=one, wait_s=5)
            for one in (first, second.run_id, third.run_id)
        ]
        assert [view.status for view in views] == ["answered"] * 3


async def test_progress_says_that_a_run_waits_and_then_what_it_does(
    tmp_path: Path, mode: Mode
) -> None:
    heard = Heard()
    async with connected(tmp_path, mode, max_runs=1) as session:
        first = await hold_the_place(session)
        session.model.held |= {2, 3}

        async def solve() -> None:
            result = await session.client.call_tool(
                "solve_with_atlas", {"problem": "Second?"}, progress_callback=heard
            )
            assert not result.is_error

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(solve)
                while not heard.messages:
                    await pause()
                await session.call("cancel_run", run_id=first)
                while "#2" not in heard.messages[-1]:
                    await pause()
                session.model.gate.set()

    assert f" · {FIRST_IN_LINE} · $0.00" in heard.messages[0]
    assert " candidates " in heard.messages[-1]


async def test_a_run_that_waits_can_be_cancelled_and_the_others_move_up(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode, max_runs=1) as session:
        await hold_the_place(session)
        second = await session.view("solve_with_atlas", problem="Second?", wait_s=0)
        third = await session.view("solve_with_atlas", problem="Third?", wait_s=0)

        ended = await session.view("cancel_run", run_id=second.run_id)
        moved = await session.view("get_run", run_id=third.run_id, wait_s=0)

        assert (ended.status, ended.usage.requests) == ("cancelled", 0)
        assert moved.next is not None
        assert FIRST_IN_LINE in moved.next
        session.model.gate.set()
        assert (await session.view("get_run", run_id=third.run_id, wait_s=5)).answer == "42"


async def test_a_request_that_ends_takes_its_run_out_of_the_line(
    tmp_path: Path, mode: Mode
) -> None:
    async with connected(tmp_path, mode, max_runs=1) as session:
        first = await hold_the_place(session)
        heard = Heard()
        with anyio.CancelScope() as scope:

            async def hear(progress: float, total: float | None, message: str | None) -> None:
                await heard(progress, total, message)
                scope.cancel()

            await session.client.call_tool(
                "solve_with_atlas", {"problem": "Second?"}, progress_callback=hear
            )
        service = await session.host.service()
        second = heard.messages[0].split()[1]
        with anyio.fail_after(5):
            ended = view_of(await service.wait(second, 5))
        assert (ended.status, ended.usage.requests) == ("cancelled", 0)
        session.model.gate.set()
        assert (await session.view("get_run", run_id=first, wait_s=5)).answer == "42"


async def open_two(service: RunService, model: Gated) -> tuple[str, str]:
    model.held = {0, 1}
    first = await service.solve(make_problem("First?"), RunRequest())
    with anyio.fail_after(5):
        while model.waiting < 2:
            await pause()
    return first, await service.solve(make_problem("Second?"), RunRequest())


def one_place(home: Path, model: Gated) -> Settings:
    return Settings(
        home=home,
        solvers={"demo": SolverSettings(model=model.name)},
        server=ServerSettings(max_runs=1),
    )


async def test_a_service_that_ends_leaves_those_that_wait_to_be_resumed(tmp_path: Path) -> None:
    model = Gated()
    settings = one_place(tmp_path, model)
    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        first, second = await open_two(service, model)
    model = Gated()
    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        left = view_of(await service.look(second))
        assert await service.resume(second)
        with anyio.fail_after(10):
            done = view_of(await service.wait(second, 10))
        untouched = view_of(await service.look(first))

    assert (left.status, left.usage.requests) == ("interrupted", 0)
    assert (done.status, done.answer) == ("answered", "42")
    assert untouched.status == "interrupted"


async def test_a_terminal_shows_that_a_run_waits(tmp_path: Path) -> None:
    model = Gated()
    settings = one_place(tmp_path, model)
    async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
        _, second = await open_two(service, model)
        live = live_run(service, second)
        assert live is not None
        await anyio.wait_all_tasks_blocked()
        console = Console(width=120)
        with console.capture() as shown:
            console.print(picture(live, now=0.0))

        assert FIRST_IN_LINE in shown.get()
        assert status_line(live, now=0.0).startswith(FIRST_IN_LINE)


class Refusing(SqliteJournal):
    """A journal that takes no stop any more."""

    @override
    async def append(self, lease: Lease, records: Sequence[Record]) -> None:
        if any(isinstance(record.event, StopRequested) for record in records):
            raise JournalError("the disk is full")
        await super().append(lease, records)


@pytest.mark.usefixtures("brief_salvage")
async def test_a_run_in_line_whose_stop_cannot_be_stored_leaves_the_line_all_the_same(
    tmp_path: Path,
) -> None:
    model = Gated()
    settings = one_place(tmp_path, model)
    journal = Refusing(tmp_path)
    pool = Pool(settings, {model.name: model})
    async with open_service(settings, pool=pool, journal=journal) as service:
        first, second = await open_two(service, model)
        await service.stop(second)
        with anyio.fail_after(5):
            ended = view_of(await service.wait(second, 5))
        assert ended.usage.requests == 0
        assert service.driven == (first,)


@pytest.mark.parametrize("who", ["the process", "the client"])
async def test_a_call_that_waits_for_its_turn_is_not_made_once_its_run_is_to_stop(
    tmp_path: Path, who: str
) -> None:
    """The endpoint takes one call at a time; the first is under way, and has its grace."""
    model = Gated()
    model.held = {0}
    settings = Settings(
        home=tmp_path,
        solvers={"demo": SolverSettings(model=model.name)},
        server=ServerSettings(grace_s=60),
    )
    pool = Pool(settings, {model.name: model})
    await pool.model(ModelSpec(model.name, parallel=1))
    async with open_service(settings, pool=pool) as service:
        first = await service.solve(make_problem("First?"), RunRequest())
        with anyio.fail_after(5):
            while model.waiting < 1:
                await pause()
        second = await service.solve(make_problem("Second?"), RunRequest())
        await anyio.wait_all_tasks_blocked()
        async with anyio.create_task_group() as tasks:
            if who == "the process":
                tasks.start_soon(partial(service.leave, grace=60))
            else:
                tasks.start_soon(service.stop, first)
                tasks.start_soon(service.stop, second)
            # Nothing of the second run has left, so that it ends while the first has its grace.
            with anyio.fail_after(5):
                while second in service.driven:
                    await pause()
            assert (model.waiting, model.aborted) == (1, 0)
            model.gate.set()
            with anyio.fail_after(5):
                while first in service.driven:
                    await pause()
        kept, left = view_of(await service.look(first)), view_of(await service.look(second))

    assert len(model.requests) == 1
    assert [one.status for one in kept.candidates].count("ok") == 1
    assert (left.usage.requests, left.cost_usd) == (0, 0)


class Fetching(Pool):
    """A pool whose models are fetched for ever."""

    began = False

    @override
    async def prepare(self, specs: Sequence[ModelSpec], *, on_notice: OnNotice) -> None:
        self.began = True
        await anyio.sleep_forever()


async def test_a_run_whose_models_are_being_fetched_has_nothing_to_finish_when_it_is_to_stop(
    tmp_path: Path,
) -> None:
    """Nothing of it was paid for: it gets no grace, and goes on another time."""
    model = Gated()
    settings = Settings(home=tmp_path, solvers={"demo": SolverSettings(model=model.name)})
    pool = Fetching(settings, {model.name: model})
    async with open_service(settings, pool=pool) as service:
        run_id = await service.solve(make_problem("First?"), RunRequest())
        with anyio.fail_after(5):
            while not pool.began:
                await pause()
            await service.leave(grace=60)
        left = view_of(await service.look(run_id))

    assert (left.status, left.usage.requests) == ("interrupted", 0)
