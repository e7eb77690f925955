"""A journal whose disk takes no writes: what is stored is shown, and nothing is begun."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest

from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.testing.journal_conformance import first_record, later_record
from tests.support.processes import COMMAND, bare_environ
from tests.support.systems import posix

pytestmark = [pytest.mark.every_day(0), posix]

FULL = 'ulimit -f 0; exec "$@"'
"""Runs a command that can make no file longer."""

READ_ONLY = """
mount --bind "$ATLAS_HOME" "$ATLAS_HOME" && mount -o remount,bind,ro "$ATLAS_HOME" && exec "$@"
"""
"""Runs a command, in a room of its own, for which its home is read-only."""


@pytest.fixture(params=["full", "read-only"])
def shell(request: pytest.FixtureRequest) -> list[str]:
    if request.param == "full":
        return ["sh", "-c", FULL, "sh"]
    room = ["unshare", "--user", "--map-root-user", "--mount"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*room, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("no room of its own can be had here")
    return [*room, "sh", "-c", READ_ONLY, "sh"]


async def _store(home: Path) -> None:
    journal = SqliteJournal(home)
    lease = await journal.open_run("stored", first_record())
    await journal.append(lease, [later_record(2)])
    await journal.aclose()


@pytest.mark.parametrize("left_behind", [False, True])
def test_what_is_stored_is_shown_where_nothing_can_be_written(
    shell: list[str], tmp_path: Path, left_behind: bool
) -> None:
    environ: Mapping[str, str] = bare_environ(tmp_path)
    home = Path(environ["ATLAS_HOME"])
    if left_behind:
        # As a process leaves it that was killed: all there is stands in the log.
        journal = SqliteJournal(tmp_path / "live")

        async def leave() -> None:
            await journal.open_run("stored", first_record())
            shutil.copytree(tmp_path / "live", home)
            await journal.aclose()

        anyio.run(leave)
        Path(f"{home / FILE_NAME}-shm").unlink()
    else:
        anyio.run(_store, home)

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*shell, *COMMAND, *command],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    listed, shown = run("runs", "list", "--json"), run("runs", "show", "stored", "--json")
    exported, resumed = run("runs", "export", "stored"), run("runs", "resume", "stored")

    for done in (listed, shown, exported):
        assert done.returncode != 2, done.stderr
        assert done.stderr.count("nothing can be recorded now") == 1
    assert json.loads(listed.stdout)["run_id"] == "stored"
    assert json.loads(shown.stdout)["run_id"] == "stored"
    assert len(exported.stdout.splitlines()) >= 2
    assert (resumed.returncode, resumed.stdout) == (2, "")
