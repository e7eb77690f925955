"""Each way out while another program keeps the journal locked, until after the process has ended.

Nothing can be recorded any more. The process ends all the same, and what was stored before is
whole. One that drove the run says that something of it is missing. A server over stdio drives none:
its driver goes on until it can record the end, unless it is ended too.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
import pytest

from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs.detached.starting import LOG_NAME
from atlas_mcp.testing.home_processes import processes_of
from tests.e2e.test_ways import PATIENCE, WAYS_IN, Ended, Way, begun, candidates_of
from tests.support.locked_journals import locked
from tests.support.systems import posix
from tests.support.waiting import pause

pytestmark = [pytest.mark.every_day(0), posix, pytest.mark.timeout(300)]


def signalled(number: signal.Signals) -> Callable[[Way], None]:
    return lambda way: way.process.send_signal(number)


WAYS_OUT: dict[str, Callable[[Way], None]] = {
    "end of input": Way.close_input,
    "SIGINT": signalled(signal.SIGINT),
    "SIGTERM": signalled(signal.SIGTERM),
}

MISSING = "did not confirm its last records"

CELLS = {
    ("stdio", "end of input"): 0,
    ("stdio", "SIGINT"): 130,
    ("stdio", "SIGTERM"): 143,
    ("HTTP", "SIGTERM"): 0,
    ("HTTP", "SIGINT"): 0,
    ("command line", "SIGINT"): 130,
    ("command line", "SIGTERM"): 130,
}
"""The exit code of each."""


def end_locked(way_in: str, way_out: str, folder: Path) -> Ended:
    with begun(WAYS_IN[way_in], way_out, folder, ATLAS_SERVER_GRACE_S="0") as way:
        way.ask()
        way.until(lambda state: way.api.requests == 2 and len(candidates_of(state)) == 1)
        with locked(folder / "atlas"):
            WAYS_OUT[way_out](way)
            way.process.wait(PATIENCE)
        if way_in == "stdio":
            way.until(lambda state: state.finished is not None)
        return way.left()


@pytest.mark.parametrize(("way_in", "way_out"), CELLS, ids=lambda name: name.replace(" ", "_"))
@pytest.mark.requirement("PAID-7")
def test_a_process_ends_although_its_journal_is_locked_and_says_what_is_missing(
    tmp_path: Path, way_in: str, way_out: str
) -> None:
    ended = end_locked(way_in, way_out, tmp_path)

    assert (ended.code, ended.kept, ended.calls) == (CELLS[way_in, way_out], 1, 2), ended.err
    said = "\n".join(ended.err)
    assert way_in == "stdio" or MISSING in said, said
    assert "Traceback" not in said, said


async def driver_of(environ: Mapping[str, str]) -> int:
    journal = SqliteJournal(Path(environ["ATLAS_HOME"]))
    try:
        [driver] = await journal.drivers()
        return driver.pid
    finally:
        await journal.aclose()


async def until_ended(pid: int, home: Path) -> None:
    with anyio.fail_after(PATIENCE):
        while any(one.pid == pid for one in processes_of(home)):
            await pause()


@pytest.mark.requirement("PAID-7")
def test_a_driver_ends_although_its_journal_is_locked_and_says_what_is_missing(
    tmp_path: Path,
) -> None:
    home = tmp_path / "atlas"
    with begun(WAYS_IN["stdio"], "SIGTERM", tmp_path) as way:
        way.ask()
        way.until(lambda state: way.api.requests == 2 and len(candidates_of(state)) == 1)
        driver = anyio.run(driver_of, way.environ)
        with locked(home):
            os.kill(driver, signal.SIGTERM)
            anyio.run(until_ended, driver, home)
        way.close_input()
        ended = way.left()

    assert (ended.code, ended.kept, ended.calls) == (0, 1, 2), ended.err
    log = (home / LOG_NAME).read_text(encoding="utf-8")
    assert MISSING in log
    assert "Traceback" not in log
