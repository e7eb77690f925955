"""The driver as a process: its first and last messages, its streams and its signals."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest

from atlas_mcp import __version__
from atlas_mcp.atlas.events import Event, StopRequested
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.driver.process import LEAVE_SECONDS
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.detached.messages import Ready, Submit, answer_on, encode
from atlas_mcp.runs.detached.starting import LOG_NAME, start_driver_of
from atlas_mcp.runs.engine import OpenRun
from atlas_mcp.runs.request import RunRequest, plan_solve
from tests.support.ends import Ends
from tests.support.held_apis import EVERY_CALL, HeldApi
from tests.support.processes import PATIENCE, until_recorded


@contextmanager
def a_driver(home: Path, environ: Mapping[str, str]) -> Generator[tuple[Ends, Ready]]:
    """Yield a driver that has begun."""
    started = Ends(start_driver_of(home, environ))
    with open(started.answers, "rb", buffering=0, closefd=False) as answers:
        first = answer_on(answers.readline())
        assert isinstance(first, Ready)
        try:
            yield started, first
        finally:
            started.close()


def is_there(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        # What is no child of ours is reaped by another process, or is a zombie for a moment.
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def has_ended(pid: int, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while is_there(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_there(pid)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path))
    return tmp_path


def test_it_is_on_record_while_it_lives_and_ends_with_its_server(home: Path) -> None:
    with a_driver(home, os.environ) as (_, ready):
        assert ready.version == __version__

        async def look() -> list[int]:
            journal = SqliteJournal(home)
            found = [one.pid for one in await journal.drivers()]
            await journal.aclose()
            return found

        assert anyio.run(look) == [ready.pid]
    assert has_ended(ready.pid)
    assert anyio.run(look) == []
    assert (home / LOG_NAME).read_text() == ""


def seconds_of_an_idle_end(home: Path, number: int) -> float:
    """Return how long a driver without runs takes, on this machine and now, to end at a signal."""
    with a_driver(home, os.environ) as (_, ready):
        began = time.monotonic()
        os.kill(ready.pid, number)
        assert has_ended(ready.pid, PATIENCE)
        return time.monotonic() - began


def has_an_answer(state: RunState) -> bool:
    return bool(state.candidates)


async def left(home: Path) -> tuple[bool, list[Event]]:
    """Return whether the one run is driven, and its events."""
    journal = SqliteJournal(home)
    try:
        (run,) = await journal.list_runs()
        return run.driven, [record.event for record in await journal.read(run.run_id)]
    finally:
        await journal.aclose()


@pytest.mark.every_day(1)
@pytest.mark.requirement("GONE-5")
@pytest.mark.posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_ends_it_and_leaves_its_run_with_what_has_arrived(home: Path, name: str) -> None:
    number = getattr(signal, name)
    slack = seconds_of_an_idle_end(home, number)
    # The first solver's answer arrives, and all further calls are in flight.
    api, environ = HeldApi(held=EVERY_CALL[1:]), dict(os.environ)
    with api.reachable(environ), a_driver(home, environ) as (started, ready):
        settings, problem = load_settings(environ), make_problem("What is 6 * 7?")
        spec = plan_solve(problem, RunRequest(), pool=Pool(settings), settings=settings)
        os.write(started.commands, encode(Submit.of(1, "r", OpenRun(problem, spec))))
        assert api.all_arrived(2)
        anyio.run(until_recorded, environ, "r", has_an_answer)
        os.kill(ready.pid, number)
        assert has_ended(ready.pid, LEAVE_SECONDS + 0.5 + 5 * slack)
    driven, events = anyio.run(left, home)
    assert not driven
    assert [event.type for event in events].count("solver_replied") == 1
    assert StopRequested("shutdown") in events
    assert "run_finished" not in [event.type for event in events]


@pytest.mark.requirement("GONE-6")
@pytest.mark.posix
def test_it_shares_no_stream_and_no_session_with_its_server(home: Path) -> None:
    assert sys.platform != "win32"
    with a_driver(home, os.environ) as (_, ready):
        assert os.getsid(ready.pid) != os.getsid(0)
        assert os.getpgid(ready.pid) != os.getpgid(0)
