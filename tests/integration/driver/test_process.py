"""The driver as a process: its first and last messages, its streams and its signals."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest

from atlas_mcp import __version__
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs.detached.messages import Ready, Submit, answer_on, encode
from atlas_mcp.runs.detached.starting import LOG_NAME, start_driver_of
from atlas_mcp.system.outliving import Outliving
from tests.support.opened_runs import opening


@contextmanager
def a_driver(home: Path) -> Generator[tuple[Outliving, Ready]]:
    """Yield a driver that has begun."""
    started = start_driver_of(home, os.environ)
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
    with a_driver(home) as (_, ready):
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


@pytest.mark.requirement("GONE-5")
@pytest.mark.posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_ends_it(home: Path, name: str) -> None:
    with a_driver(home) as (started, ready):
        submit = Submit.of(1, "r", opening())
        os.write(started.commands, encode(submit))
        os.kill(ready.pid, getattr(signal, name))
        assert has_ended(ready.pid)


@pytest.mark.requirement("GONE-6")
@pytest.mark.posix
def test_it_shares_no_stream_and_no_session_with_its_server(home: Path) -> None:
    assert sys.platform != "win32"
    with a_driver(home) as (_, ready):
        assert os.getsid(ready.pid) != os.getsid(0)
        assert os.getpgid(ready.pid) != os.getpgid(0)
