"""`atlas-mcp runs show`: the page of a run in a file, in the browser, and its transcript."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest

from atlas_mcp.cli import pages
from atlas_mcp.errors import InvalidInput
from atlas_mcp.testing.atlas_api import AtlasPlay
from atlas_mcp.testing.messages_api import MessagesApi
from tests.support.shells import Here
from tests.support.systems import posix

QUESTION = "6 * 7?"


@pytest.fixture
def run_id(here: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path / "atlas"))
    done = here("solve", QUESTION, "--json", api=MessagesApi(AtlasPlay()))
    return json.loads(done.stdout)["run_id"]


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was given."""
    found: list[str] = []

    def open_in_browser(address: str) -> bool:
        found.append(address)
        return True

    monkeypatch.setattr(pages, "open_in_browser", open_in_browser)
    return found


def document_in(page: str) -> dict[str, object]:
    place = r'<script id="atlas-document" type="application/json">(.*?)</script>'
    found = re.search(place, page, re.S)
    assert found is not None
    return json.loads(found[1])


def test_a_page_is_written_to_a_file_and_over_an_older_one(
    here: Here, run_id: str, tmp_path: Path
) -> None:
    for _ in range(2):
        done = here("runs", "show", run_id, "--html", str(tmp_path / "run.html"))

        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == f"the page of {run_id} written to {tmp_path / 'run.html'}\n"
        page = (tmp_path / "run.html").read_text(encoding="utf-8")
        assert document_in(page)["run_id"] == run_id


def test_a_page_is_printed(here: Here, run_id: str) -> None:
    done = here("runs", "show", run_id, "--html", "-")

    assert (done.returncode, done.stderr) == (0, "")
    assert document_in(done.stdout)["title"] == QUESTION


def test_a_page_that_cannot_be_written_is_a_fault_of_the_argument(
    here: Here, run_id: str, tmp_path: Path
) -> None:
    done = here("runs", "show", run_id, "--html", str(tmp_path / "nowhere" / "run.html"))

    assert done.returncode == 2
    assert "--html" in done.stderr
    assert "cannot be written: No such file or directory" in done.stderr


def test_a_page_is_opened_from_a_file_of_this_user(
    here: Here, run_id: str, addresses: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "atlas" / "pages" / f"{run_id}.html"

    done = here("runs", "show", run_id, "--open")

    assert (done.returncode, done.stdout) == (0, f"{path}\n")
    assert done.stderr == "The page is open in your browser, from the file above.\n"
    assert addresses == [path.as_uri()]
    assert document_in(path.read_text(encoding="utf-8"))["run_id"] == run_id


@posix
def test_an_opened_page_is_read_by_this_user_alone(
    here: Here, run_id: str, addresses: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "atlas" / "pages"
    folder.mkdir(mode=0o700)
    (folder / f"{run_id}.html").symlink_to(tmp_path / "elsewhere")

    here("runs", "show", run_id, "--open")

    assert stat.S_IMODE((folder / f"{run_id}.html").stat().st_mode) == 0o600
    assert not (tmp_path / "elsewhere").exists()


def test_without_a_browser_the_file_is_named(
    here: Here, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "open_in_browser", lambda address: False)  # type: ignore[misc]

    done = here("runs", "show", run_id, "--open")

    assert done.returncode == 0
    assert done.stderr == "There is no browser to open it in: open the file above in one.\n"


def test_old_pages_go_and_those_of_removed_runs_too(
    here: Here, run_id: str, addresses: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "atlas" / "pages"
    folder.mkdir()
    (folder / "old.html").write_text("")
    os.utime(folder / "old.html", (0, 0))

    here("runs", "show", run_id, "--open")
    assert [page.name for page in folder.iterdir()] == [f"{run_id}.html"]

    done = here("runs", "prune", "--keep-days", "0", "--yes")
    assert run_id in done.stdout
    assert list(folder.iterdir()) == []


def test_a_run_is_told_as_a_story(here: Here, run_id: str) -> None:
    done = here("runs", "show", run_id, "--transcript")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"# Run {run_id}\n")
    assert "## What happened" in done.stdout


def test_an_exported_run_has_a_page_without_commands(
    here: Here, run_id: str, tmp_path: Path
) -> None:
    exported = str(tmp_path / "run.jsonl")
    here("runs", "export", run_id, "--output", exported)

    page = here("runs", "show", exported, "--html", "-")
    story = here("runs", "show", exported, "--transcript")

    document = document_in(page.stdout)
    assert (document["run_id"], document["commands"], document["actions"]) == (run_id, [], [])
    assert f"# Run {run_id}" in story.stdout


@pytest.mark.parametrize("id_written", ["../../x", "a; echo b", "a.b", ""])
def test_an_exported_run_whose_id_is_none_is_refused(
    here: Here, run_id: str, tmp_path: Path, id_written: str
) -> None:
    exported = here("runs", "export", run_id).stdout
    (tmp_path / "run.jsonl").write_text(exported.replace(run_id, id_written, 1), encoding="utf-8")

    done = here("runs", "show", str(tmp_path / "run.jsonl"), "--open")

    assert done.returncode == 2
    assert "line 1" in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--html", "-", "--open"),
        ("--open", "--transcript"),
        ("--json", "--transcript"),
        ("--follow", "--open"),
    ],
)
def test_a_run_is_shown_in_one_form(here: Here, run_id: str, options: tuple[str, ...]) -> None:
    done = here("runs", "show", run_id, *options)

    assert (done.returncode, done.stdout) == (2, "")
    assert "a run is shown in one form" in done.stderr


def test_a_run_that_is_not_there_has_no_page(here: Here, run_id: str) -> None:
    done = here("runs", "show", "nosuchrun", "--transcript")

    assert done.returncode == 2
    assert "nosuchrun" in done.stderr


@posix
def test_a_file_that_cannot_be_written_whole_is_left_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("before")
    file.chmod(0o640)

    with pytest.raises(InvalidInput, match=r"page\.html cannot be written"):
        pages.write_file("half a pair: \ud800", str(file), "--html")

    assert file.read_text() == "before"
    pages.write_file("after", str(file), "--html")
    assert file.read_text() == "after"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [file]
