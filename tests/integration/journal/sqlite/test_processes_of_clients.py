"""Callers and drivers of several processes: at once, and after one was killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import anyio.to_thread
import pytest

from atlas_mcp.journal.clients import Caller
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.testing.journal_conformance import first_record

CHILD = """
import json, os, sys
from pathlib import Path
import anyio
from atlas_mcp.journal.clients import Caller
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.testing.journal_conformance import first_record

async def main():
    journal = SqliteJournal(Path(sys.argv[1]))
    print("open", flush=True)
    for line in sys.stdin:
        done = []

        async def ask(digest, name):
            run_id = f"{os.getpid()}-{digest}-{name}"
            caller = Caller(run_id, run_id, digest, 1.0)
            joined = await journal.join(caller, after_cut=False, since=1e12)
            if joined is None:
                await journal.open_run(run_id, first_record())
            done.append(joined or run_id)

        async with anyio.create_task_group() as tasks:
            for name in range(10):
                tasks.start_soon(ask, line.strip(), name)
        await journal.announce_driver(os.getpid(), "1.0")
        print(json.dumps(done), flush=True)

anyio.run(main)
"""
"""A process that asks each line of its input ten times at once, and prints the askers' runs."""

Child = subprocess.Popen[str]


@contextmanager
def children(home: Path, count: int) -> Generator[list[Child]]:
    """Run processes with an open journal; they are killed at the end of the block."""
    with ExitStack() as stack:
        started: list[Child] = []
        for _ in range(count):
            child = subprocess.Popen(
                [sys.executable, "-c", CHILD, str(home)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(child.communicate)
            stack.callback(child.kill)
            started.append(child)
        for child in started:
            assert child.stdout is not None
            assert child.stdout.readline() == "open\n"
        yield started


def ask(child: Child, digest: str) -> None:
    assert child.stdin is not None
    child.stdin.write(f"{digest}\n")
    child.stdin.flush()


def answer(child: Child) -> set[str]:
    assert child.stdout is not None
    return set(json.loads(child.stdout.readline()))


def test_of_identical_requests_in_several_processes_one_opens_a_run(tmp_path: Path) -> None:
    with children(tmp_path, 3) as asking:
        runs: list[set[str]] = []
        for digest in "abcde":
            for child in asking:
                ask(child, digest)
            runs.append(set[str]().union(*map(answer, asking)))

    assert [len(joined) for joined in runs] == [1] * 5
    assert len(set[str]().union(*runs)) == 5


async def test_a_process_that_was_killed_waits_for_no_run_and_drives_none(tmp_path: Path) -> None:
    await anyio.to_thread.run_sync(kill_one_that_waits, tmp_path, "d")

    journal = SqliteJournal(tmp_path)
    (run,) = await journal.list_runs()
    assert not run.driven
    assert await journal.wanted([run.run_id], promises=True) == {run.run_id: False}
    assert await journal.drivers() == ()
    again = Caller("again", "new", "d", 2.0)
    assert await journal.join(again, after_cut=True, since=0.0) == run.run_id
    await journal.aclose()


def kill_one_that_waits(home: Path, digest: str) -> None:
    with children(home, 1) as (child,):
        ask(child, digest)
        assert len(answer(child)) == 1


@pytest.mark.may_block("the test starts processes itself")
async def test_a_process_waits_as_long_as_it_lives(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    with children(tmp_path, 1) as (child,):
        ask(child, "d")
        (run_id,) = answer(child)

        assert await journal.wanted([run_id], promises=False) == {run_id: True}
        (driver,) = await journal.drivers()
        assert driver.pid == child.pid
        assert [run.owner for run in await journal.list_runs()] == [driver.owner]
        child.kill()
        child.wait()

        assert await journal.wanted([run_id], promises=False) == {run_id: False}
        assert await journal.drivers() == ()
    await journal.aclose()


async def test_a_caller_whose_process_was_killed_before_its_run_was_open_is_not_joined(
    tmp_path: Path,
) -> None:
    gone = SqliteJournal(tmp_path)
    await gone.join(Caller("a", "never", "d", 1.0), after_cut=False, since=0.0)
    await gone.aclose()

    journal = SqliteJournal(tmp_path)
    two = Caller("b", "run", "d", 2.0)
    assert await journal.join(two, after_cut=False, since=0.0) is None
    await journal.open_run("run", first_record())
    assert await journal.wanted(["never"], promises=True) == {}
    await journal.aclose()
