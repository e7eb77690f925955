"""The commands that find runs again."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import anyio
import pytest

from atlas_mcp.cli.commands import Servers, run
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.testing.journal_conformance import ended_run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home of two runs, for the commands of this process."""

    async def fill() -> None:
        journal = SqliteJournal(tmp_path)
        await ended_run(journal, "one", 1.0, "seventeen")
        await ended_run(journal, "two", 2.0, "forty")
        await journal.aclose()

    anyio.run(fill)
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path))
    monkeypatch.setenv("ATLAS_CONFIG", os.devnull)
    return tmp_path


def no_server(*arguments: object, **options: object) -> int:
    raise AssertionError("no server is started")


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(words, Servers(no_server, no_server))  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.requirement("FIND-1")
def test_a_search_finds_runs_by_all_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, "runs", "search", "how", "many", "sevent")

    assert (code, err) == (0, "")
    assert out.startswith("one  ")
    assert "two" not in out


def test_a_search_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = command(capsys, "runs", "search", "--json", "--limit", "1", "how")

    found = json.loads(out)
    assert (found["total"], [one["run_id"] for one in found["runs"]]) == (2, ["two"])


def test_two_runs_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, "runs", "compare", "one", "two")
    _, data, _ = command(capsys, "runs", "compare", "one", "two", "--json")

    assert code == 0
    assert "seventeen" in out
    assert err.startswith("The two runs give different answers.")
    assert json.loads(data)["same_answer"] is False


@pytest.mark.parametrize("ids", [("one", "none"), ("\x1b[31m", "one")])
def test_an_unknown_run_is_an_error_of_use(
    capsys: pytest.CaptureFixture[str], ids: tuple[str, str]
) -> None:
    code, out, err = command(capsys, "runs", "compare", *ids)

    assert (code, out) == (2, "")
    assert "\x1b" not in err


def test_statistics_count_all_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, "stats")
    _, data, _ = command(capsys, "stats", "--json")

    assert code == 0
    assert re.match(r"2 runs since \d{4}-\d\d-\d\d, 2 answered", out)
    assert json.loads(data)["runs"] == 2
