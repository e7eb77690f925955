"""`atlas-mcp view` as a process: a person looks at runs, does something, and ends it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.held_apis import EVERY_CALL, HeldApi
from tests.support.processes import COMMAND, PATIENCE
from tests.support.systems import BREAK, GROUP, posix

pytestmark = pytest.mark.every_day(0)


@contextmanager
def viewing(
    environ: Mapping[str, str], *arguments: str
) -> Generator[tuple[subprocess.Popen[bytes], str]]:
    """Start `view`; yield its process, and the address that it prints."""
    process = subprocess.Popen(
        [*COMMAND, "view", *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        creationflags=GROUP,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline().decode()
        found = re.search(r"the pages are at (http://127\.0\.0\.1:\d+\S*)", line)
        assert found is not None, line + process.stderr.read().decode()
        yield process, found[1]
    finally:
        process.kill()
        process.communicate()


def until(condition: Callable[[], bool]) -> None:
    """Return once a process has done something."""
    for _ in range(1_000 * PATIENCE):
        if condition():
            return
        time.sleep(0.001)
    raise AssertionError("it has not happened")


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
        return answer.read().decode()


def post(address: str, token: str, body: Mapping[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        address,
        json.dumps(body).encode(),
        {"content-type": "application/json", "x-atlas-token": token},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Return the exit code and the last words of a process to which a signal comes."""
    process.send_signal(BREAK)
    _, err = process.communicate(timeout=PATIENCE)
    return process.returncode, err.decode()


@pytest.mark.every_day(1)
def test_the_list_is_shown_until_a_signal(environ: dict[str, str]) -> None:
    with viewing(environ, "--no-open") as (process, address):
        page = get(address)
        code, err = ended(process)

    assert address.endswith("/runs")
    assert '"view": "runs"' in page
    assert (code, err) == (0, "atlas-mcp: the pages are closed\n")


@pytest.mark.requirement("PAGES-8")
def test_a_run_is_shown_and_one_that_goes_on_here_can_be_resumed(environ: dict[str, str]) -> None:
    api = HeldApi(held=EVERY_CALL)
    with api.reachable(environ):
        api.gate.set()
        solved = subprocess.run(
            [*COMMAND, "solve", "6 * 7?", "--json"],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
        run_id = json.loads(solved.stdout)["run_id"]
        api.gate.clear()
        with viewing(environ, run_id, "--no-open") as (process, address):
            page = get(address)
            found = re.search(r'"token": "([^"]+)"', page)
            assert found is not None
            api_address = address.replace("/runs/", "/api/runs/")
            done = post(f"{api_address}/resume", found[1], {"max_explores": 12})
            code, err = ended(process)

    assert address.endswith(f"/runs/{run_id}")
    assert done == {"ok": True, "run_id": run_id, "goes_on": True}
    assert code == 130
    assert f"`atlas-mcp runs resume {run_id}` goes on with it" in err
    assert found[1] not in err


@posix
def test_a_browser_is_opened_where_there_is_one(environ: dict[str, str], tmp_path: Path) -> None:
    script, seen = tmp_path / "browser.py", tmp_path / "seen"
    script.write_text(f"import pathlib, sys\npathlib.Path({str(seen)!r}).write_text(sys.argv[1])")
    with viewing({**environ, "BROWSER": f"{sys.executable} {script} %s"}) as (process, address):
        until(seen.exists)
        code, err = ended(process)
    with viewing(environ) as (alone, _):
        assert alone.stderr is not None
        told = alone.stderr.readline().decode()

    assert seen.read_text() == address
    assert (code, err) == (0, "atlas-mcp: the pages are closed\n")
    assert told == "No browser could be opened: open that address in one.\n"
