"""However the block ends that keeps the service, what is in flight gets its grace and is kept."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread
import pytest
from mcp.server.mcpserver.exceptions import ToolError

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import ServerSettings, Settings
from atlas_mcp.errors import AtlasError, ConfigError, JournalInUse
from atlas_mcp.journal.clients import Caller
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.process_locks import ProcessLock
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.server import host as host_module
from atlas_mcp.server.configuration import Configuration
from atlas_mcp.server.host import Host
from atlas_mcp.server.results import errors_shown
from tests.support.gated_models import Gated, GivenHost, until
from tests.support.live_runs import driven
from tests.support.old_journals import BROKEN_OFF, lease_to_older, old_home
from tests.support.waiting import pause


async def end(host: Host) -> None:
    """Leave the block as it is left at the end of the input."""


async def fail(host: Host) -> None:
    raise KeyError("a bug of the transport")


async def fail_twice(host: Host) -> None:
    raise ExceptionGroup("the transport", [BrokenPipeError(), BrokenPipeError()])


WAYS: dict[str, tuple[Callable[[Host], Awaitable[None]], type[Exception] | None]] = {
    "at its end": (end, None),
    "by an error": (fail, KeyError),
    "by two": (fail_twice, BrokenPipeError),
}


def host_with(model: Gated, home: Path) -> GivenHost:
    settings = Settings(
        home=home,
        solvers={"demo": SolverSettings(model=model.name)},
        server=ServerSettings(grace_s=60),
    )
    return GivenHost(settings, model)


async def begin(host: Host, model: Gated) -> LiveRun:
    """Open a run, and return it once one call has been answered and one is in flight."""
    model.held = {0}
    service = await host.service()
    live = driven(service, await service.solve(make_problem("Q?"), RunRequest()))
    await until(lambda: model.waiting == 1 and len(candidates(live)) == 1)
    return live


def candidates(live: LiveRun) -> list[object]:
    return [one for one in live.state.explores.values() if one.outcome is not None]


async def open_gate_once_stopped(live: LiveRun, model: Gated) -> None:
    await until(lambda: live.state.stop_cause is not None)
    model.gate.set()


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_in_flight_is_kept_whatever_ends_the_server(tmp_path: Path, way: str) -> None:
    leave, error = WAYS[way]
    model = Gated()
    host = host_with(model, tmp_path)
    lives: list[LiveRun] = []

    async def serve(tasks: anyio.abc.TaskGroup) -> None:
        async with host.running():
            lives.append(await begin(host, model))
            tasks.start_soon(open_gate_once_stopped, lives[0], model)
            await leave(host)

    with anyio.fail_after(15):
        async with anyio.create_task_group() as tasks:
            with pytest.raises(error) if error else contextlib.nullcontext():
                await serve(tasks)

    assert len(candidates(lives[0])) == 2
    assert (lives[0].state.stop_cause, model.aborted, len(model.requests)) == ("shutdown", 0, 2)
    assert host.closed.is_set()


async def test_what_is_in_flight_is_kept_when_the_server_is_cancelled(tmp_path: Path) -> None:
    model = Gated()
    host = host_with(model, tmp_path)
    lives: list[LiveRun] = []

    async def serve() -> None:
        async with host.running():
            lives.append(await begin(host, model))
            await anyio.sleep_forever()

    with anyio.fail_after(15):
        async with anyio.create_task_group() as outer, anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            await until(lambda: bool(lives))
            outer.start_soon(open_gate_once_stopped, lives[0], model)
            tasks.cancel_scope.cancel("a test")

    assert len(candidates(lives[0])) == 2
    assert (model.aborted, len(model.requests)) == (0, 2)


async def test_a_server_that_ends_opens_no_run_any_more(tmp_path: Path) -> None:
    host = host_with(Gated(), tmp_path)
    with anyio.fail_after(15):
        async with host.running():
            await host.service()
            await host.leave(grace=0.0)
            with pytest.raises(AtlasError, match="is ending"):
                await host.service()


async def test_a_service_that_breaks_down_is_told_to_whoever_asks_and_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from atlas_mcp.runs import opening

    def broken(*given: object, **more: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(opening, "open_service", broken)
    host = host_with(Gated(), tmp_path)
    with anyio.fail_after(15):
        async with host.running():
            with pytest.raises(AtlasError, match="by a bug"):
                await host.service()

    (record,) = caplog.records
    assert record.exc_info is not None


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.EMFILE, r"open files.*ulimit -n"), (errno.EIO, "cannot be opened: .*output error")],
)
async def test_a_service_that_the_system_does_not_let_open_is_told_with_the_cause_in_a_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
    told: str,
) -> None:
    from atlas_mcp.runs import opening

    def refused(*given: object, **more: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(opening, "open_service", refused)
    host = host_with(Gated(), tmp_path)
    with anyio.fail_after(15):
        async with host.running():
            with pytest.raises(AtlasError, match=told):
                await host.service()

    (record,) = caplog.records
    assert record.exc_info is None


def test_a_tool_that_finds_no_descriptor_left_says_so() -> None:
    """It loads modules at its first call."""
    with pytest.raises(ToolError, match=r"Too many open files.*ulimit -n"), errors_shown():
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "a module")
    with pytest.raises(OSError, match="output error"), errors_shown():
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("fault", ["ImportError('no name x')", "OSError(23, 'too many files')"])
async def test_a_library_that_cannot_be_imported_is_logged_and_runs_go_on(
    tmp_path: Path,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = f"atlas_broken_{fault[:2].lower()}"
    (tmp_path / f"{name}.py").write_text(f"raise {fault}", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def libraries(pool: Pool) -> tuple[str, ...]:
        return (name, "json")

    monkeypatch.setattr(Pool, "libraries", libraries)
    host = host_with(Gated(), tmp_path)
    with anyio.fail_after(15):
        async with host.running():
            service = await host.service()
            await host.loaded.wait()
            assert await host.service() is service

    (record,) = caplog.records
    assert f"the library {name} cannot be imported: {fault}" in record.getMessage()


async def test_without_settings_everybody_hears_why() -> None:
    def read() -> Settings:
        raise ConfigError("atlas.toml is not TOML")

    host = Host(Configuration(read))
    with anyio.fail_after(15):
        async with host.running():
            with pytest.raises(ConfigError, match="not TOML"):
                await host.service()
            with pytest.raises(ConfigError, match="not TOML"):
                _ = host.settings


def used_by_an_older_version(home: Path) -> ProcessLock:
    return lease_to_older(old_home(home))


async def until_opened(host: Host) -> None:
    while True:
        with contextlib.suppress(JournalInUse):
            await host.service()
            return
        await pause()


async def beside_an_older_version(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[ProcessLock, Host]:
    """Return the lock of an older version that drives a run, and a host in the same home."""
    monkeypatch.setattr(host_module, "REOPEN_SECONDS", 0.001)
    older = await anyio.to_thread.run_sync(used_by_an_older_version, home)
    return older, host_with(Gated(), home)


async def test_a_journal_that_an_older_version_uses_is_opened_once_that_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, host = await beside_an_older_version(tmp_path, monkeypatch)
    with anyio.fail_after(15):
        async with host.running():
            for _ in range(3):
                with pytest.raises(JournalInUse, match="older version of atlas-mcp drives"):
                    await host.service()

            await anyio.to_thread.run_sync(partial(older.release, as_dead=True))
            await until_opened(host)

            service = await host.service()
            assert BROKEN_OFF in [run.run_id for run in await service.list_runs(limit=9)]


async def test_a_server_that_ends_opens_no_journal_that_has_become_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, host = await beside_an_older_version(tmp_path, monkeypatch)
    with anyio.fail_after(15):
        async with host.running():
            with pytest.raises(JournalInUse):
                await host.service()
            await host.leave(grace=0.0)
            await anyio.to_thread.run_sync(partial(older.release, as_dead=True))
            for _ in range(5):
                with pytest.raises(AtlasError, match="is ending"):
                    await host.service()
                await pause()


async def test_a_run_that_a_call_of_another_process_has_left_is_stopped(tmp_path: Path) -> None:
    model = Gated()
    host = host_with(model, tmp_path)
    with anyio.fail_after(15):
        async with host.running():
            live = await begin(host, model)
            other = SqliteJournal(tmp_path)
            caller = Caller("other's", live.run_id, "", 0.0)
            await other.join(caller, after_cut=False, since=0.0)
            await (await host.service()).demand.look()
            assert live.state.stop_cause is None
            await other.aclose()
            await until(lambda: live.state.stop_cause == "client")
            model.gate.set()
            await live.finished()
