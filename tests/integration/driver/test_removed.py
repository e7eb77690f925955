"""The driver of an installation that is gone once it has begun."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import anyio
import pytest

import atlas_mcp
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.detached.messages import Done, Follow, Ready, Shown, Submit, answer_on, encode
from atlas_mcp.runs.engine import OpenRun
from atlas_mcp.runs.request import RunRequest, plan_solve
from atlas_mcp.system.outliving import start_outliving
from atlas_mcp.testing.atlas_api import AtlasPlay
from atlas_mcp.testing.messages_api import MessagesApi
from tests.support.ends import Ends
from tests.support.processes import bare_environ, reachable
from tests.support.systems import posix

DRIVER = "from atlas_mcp.driver.process import main; main()"


def installed(folder: Path) -> str:
    """Install the package in a folder, with its libraries; return where a Python looks for both."""
    (package,) = atlas_mcp.__path__
    shutil.copytree(package, folder / "atlas_mcp", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "libraries").symlink_to(sysconfig.get_path("purelib"))
    return os.pathsep.join([str(folder), str(folder / "libraries")])


async def state_of(home: Path, run_id: str) -> RunState:
    journal = SqliteJournal(home)
    try:
        return RunState.fold(await journal.read(run_id))
    finally:
        await journal.aclose()


@pytest.mark.every_day(0)
@posix
def test_it_begins_runs_and_ends_them(tmp_path: Path) -> None:
    place, environ, api = tmp_path / "place", bare_environ(tmp_path), MessagesApi(AtlasPlay())
    environ["PYTHONPATH"] = installed(place)
    # Without `-S` it would find the installation that the tests run from.
    python = [getattr(sys, "_base_executable", sys.executable), "-P", "-S"]
    home = Path(environ["ATLAS_HOME"])
    home.mkdir()
    with reachable(api, environ), (tmp_path / "log").open("wb") as log:
        settings = load_settings(environ)
        problem = make_problem("What is 6 * 7?")
        spec = plan_solve(problem, RunRequest(), pool=Pool(settings), settings=settings)
        process = start_outliving([*python, "-c", DRIVER], environ=environ, stderr=log.fileno())
        driver = Ends(process)
        with open(driver.answers, "rb", closefd=False) as lines:
            assert isinstance(answer_on(lines.readline()), Ready)
            place.rename(tmp_path / "gone")
            os.write(driver.commands, encode(Submit.of(1, "r", OpenRun(problem, spec))))
            assert answer_on(lines.readline()) == Done(1, True)
            os.write(driver.commands, encode(Follow(2, "r")))
            shown = (one for one in map(answer_on, lines) if isinstance(one, Shown))
            assert any(one.done for one in shown)
            driver.end_commands()
            assert list(lines) == []
        driver.close()

    state = anyio.run(state_of, home, "r")
    assert state.finished is not None
    assert state.finished.answer == "42"
    assert (tmp_path / "log").read_text() == ""
