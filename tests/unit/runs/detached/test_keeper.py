"""The one driver of a server: begun in the background, replaced once it has died."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import anyio
import pytest

from atlas_mcp.errors import JournalError
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs.detached.driver_process import DriverProcess, Started
from atlas_mcp.runs.detached.keeper import DriverKeeper
from atlas_mcp.runs.engine import Engine
from atlas_mcp.testing.held_model import HeldModel, agreeing
from atlas_mcp.testing.outcomes import error_of
from tests.support.drivers import CONFIGURED, PipedDrivers

HERE = cast("Engine", object())
"""An engine of this process."""


@asynccontextmanager
async def engine_here() -> AsyncGenerator[Engine]:
    yield HERE


def fails() -> Started:
    raise OSError(11, "Resource temporarily unavailable")


@pytest.fixture
def drivers(tmp_path: Path) -> PipedDrivers:
    return PipedDrivers(lambda: SqliteJournal(tmp_path / "home"), HeldModel(agreeing))


async def test_all_who_ask_at_once_get_one_driver(drivers: PipedDrivers) -> None:
    async with anyio.create_task_group() as tasks:
        keeper = DriverKeeper(partial(drivers.start, tasks), "me", engine_here, tasks, CONFIGURED)
        found: list[object] = []

        async def ask() -> None:
            found.append(await keeper.a_driver())

        async with anyio.create_task_group() as asking:
            for _ in range(5):
                asking.start_soon(ask)
        assert len(set(map(id, found))) == 1
        assert isinstance(found[0], DriverProcess)
        keeper.close()
    assert len(drivers.scopes) == 1


async def test_where_none_could_ever_be_started_an_engine_of_this_process_stands_in(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with anyio.create_task_group() as tasks:
        keeper = DriverKeeper(fails, "me", engine_here, tasks, CONFIGURED)
        keeper.begin()
        assert await keeper.a_driver() is HERE
        keeper.close()
    assert "Resource temporarily unavailable" in caplog.text
    assert "this one drives them, and they end with it" in caplog.text


async def test_once_there_was_one_this_process_drives_nothing(drivers: PipedDrivers) -> None:
    async with anyio.create_task_group() as tasks:
        keeper = DriverKeeper(partial(drivers.start, tasks), "me", engine_here, tasks, CONFIGURED)
        first = await keeper.a_driver()
        assert isinstance(first, DriverProcess)
        drivers.scopes[0].cancel()
        await first.ended.wait()
        keeper.start = fails
        error = await error_of(keeper.a_driver())
        assert isinstance(error, JournalError)
        assert "Resource temporarily unavailable" in str(error)
        assert "Ask again; driver.log in ATLAS_HOME says more" in str(error)
        assert keeper.here is None
        keeper.start = partial(drivers.start, tasks)
        assert isinstance(await keeper.a_driver(), DriverProcess)
        keeper.close()


async def test_the_first_start_is_tried_again_with_the_first_run(drivers: PipedDrivers) -> None:
    async with anyio.create_task_group() as tasks:
        keeper = DriverKeeper(fails, "me", engine_here, tasks, CONFIGURED)
        keeper.begin()
        await keeper.tried()
        assert keeper.present is None
        keeper.start = partial(drivers.start, tasks)
        assert isinstance(await keeper.a_driver(), DriverProcess)
        assert keeper.here is None
        keeper.close()


async def test_an_engine_of_this_process_stays(drivers: PipedDrivers) -> None:
    async with anyio.create_task_group() as tasks:
        keeper = DriverKeeper(fails, "me", engine_here, tasks, CONFIGURED)
        assert await keeper.a_driver() is HERE
        keeper.start = partial(drivers.start, tasks)
        assert await keeper.a_driver() is HERE
        keeper.close()
    assert drivers.scopes == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "0.0.1"}, "version 0.0.1 was installed meanwhile"),
        ({"configured": "other"}, "its configuration was changed since this server started"),
    ],
    ids=["version", "configuration"],
)
async def test_a_driver_unlike_this_process_is_not_talked_to(
    changes: dict[str, str],
    words: str,
    drivers: PipedDrivers,
    caplog: pytest.LogCaptureFixture,
) -> None:
    unlike = replace(drivers, **changes)
    async with anyio.create_task_group() as tasks:
        keeper = DriverKeeper(partial(unlike.start, tasks), "me", engine_here, tasks, CONFIGURED)
        assert await keeper.a_driver() is HERE
        keeper.close()
    assert words in caplog.text
    assert len(unlike.scopes) == 1, "it would be the same again"


async def test_after_a_driver_of_this_configuration_none_of_another_one_drives(
    drivers: PipedDrivers,
) -> None:
    async with anyio.create_task_group() as tasks:
        keeper = DriverKeeper(partial(drivers.start, tasks), "me", engine_here, tasks, CONFIGURED)
        first = await keeper.a_driver()
        assert isinstance(first, DriverProcess)
        drivers.scopes[0].cancel()
        await first.ended.wait()
        drivers.configured = "other"
        error = await error_of(keeper.a_driver())
        assert isinstance(error, JournalError)
        assert str(error) == (
            "no process can be started to drive runs: its configuration was changed since this "
            "server started; start the server again"
        )
        assert keeper.here is None
        keeper.close()
