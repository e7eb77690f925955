"""`atlas-mcp runs`: going on with runs, ending, following, handing over and removing them."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.from_thread
import pytest
from typing_extensions import override

from atlas_mcp.atlas.events import Record, RunFinished
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.journal.base import LiveRequest
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.runs import service as service_module
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.retention import DAY_SECONDS
from atlas_mcp.runs.service import RunService
from atlas_mcp.testing.atlas_api import AtlasPlay, candidate_text, explores, synthesis_text
from atlas_mcp.testing.journal_conformance import first_record
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, Fault, MessagesApi, serve, status
from atlas_mcp.texts import printable
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from tests.support.held_apis import EVERY_CALL, HeldApi
from tests.support.live_runs import driven
from tests.support.old_journals import BROKEN_OFF, lease_to_older, old_home
from tests.support.processes import COMMAND, PATIENCE
from tests.support.shells import Here, Shell
from tests.support.systems import posix
from tests.support.terminals import on_a_terminal

if TYPE_CHECKING:
    pass

QUESTION = "6 * 7?"
STALL = Fault("stall", seconds=3_600)
FOUND = ApiReply(text=candidate_text("42"))


def printed_view(done: subprocess.CompletedProcess[str]) -> RunView:
    return RunView.model_validate_json(done.stdout)


def one_found_one_open() -> AtlasPlay:
    """The first solver answers, the others never do."""
    return AtlasPlay(lambda number: STALL if number else FOUND)


@dataclass
class Elsewhere:
    """A service with a thread, a loop and a journal of its own: another process, but cheaper."""

    portal: anyio.from_thread.BlockingPortal
    service: RunService

    def start(self) -> str:
        """Start a run, and return its id once it has a candidate."""
        return self.portal.call(self._start)

    async def _start(self) -> str:
        live = driven(self.service, await self.service.solve(make_problem(QUESTION), RunRequest()))
        with anyio.fail_after(PATIENCE):
            while not live.state.votes:
                await live.changed(live.changes)
        return live.run_id

    def wait(self, run_id: str) -> RunView:
        return view_of(self.portal.call(self.service.wait, run_id, PATIENCE))


@contextmanager
def elsewhere(api: MessagesApi, monkeypatch: pytest.MonkeyPatch) -> Generator[Elsewhere]:
    monkeypatch.setenv("ANTHROPIC_API_KEY", API_KEY)
    with serve(api) as url, anyio.from_thread.start_blocking_portal() as portal:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        opening = open_service(load_settings(os.environ))
        with portal.wrap_async_context_manager(opening) as service:
            yield Elsewhere(portal, service)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The home of a process that ended while one of its run's two solvers had answered."""
    home = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ATLAS_HOME", str(home))
        with elsewhere(MessagesApi(one_found_one_open()), monkeypatch) as other:
            run_id = other.start()
    return home, run_id


@pytest.fixture
def interrupted(template: tuple[Path, str], tmp_path: Path) -> str:
    """The id of an interrupted run with one candidate."""
    home, run_id = template
    shutil.copytree(home, tmp_path / "atlas")
    return run_id


# Going on


@pytest.mark.requirement("CLI-9")
def test_an_interrupted_run_goes_on_and_no_answered_call_is_made_again(
    here: Here, interrupted: str
) -> None:
    api = MessagesApi(AtlasPlay())
    done = here("runs", "resume", interrupted, "--json", api=api)

    assert done.returncode == 0
    view = printed_view(done)
    assert (view.run_id, view.status, view.answer) == (interrupted, "answered", "42")
    assert [candidate.status for candidate in view.candidates] == ["ok", "ok"]
    assert api.requests == 2, "one solver and the orchestrator"
    assert any("billed" in warning for warning in view.agreement.warnings)
    assert f"run {interrupted}" in done.stderr


def test_a_cancelled_run_goes_on(here: Here, interrupted: str) -> None:
    cancelled = here("runs", "cancel", interrupted)
    resumed = here("runs", "resume", interrupted, api=MessagesApi(AtlasPlay()))

    assert (cancelled.returncode, resumed.returncode) == (0, 0)
    assert f"`atlas-mcp runs resume {interrupted}` goes on with it" in cancelled.stderr
    assert resumed.stdout == "42\n"
    assert "answered, decided" in resumed.stderr


def test_an_answered_run_goes_on_under_a_larger_ceiling_and_rests_without_one(here: Here) -> None:
    run_id = printed_view(
        here("solve", QUESTION, "--json", "--max-explores", "2", api=MessagesApi(AtlasPlay()))
    ).run_id
    nothing = MessagesApi()
    further = MessagesApi(
        AtlasPlay(
            lambda number: ApiReply(text=candidate_text("43")),
            (explores({"strategy": "code_trace"}), ApiReply(text=synthesis_text("43"))),
        )
    )
    resting = here("runs", "resume", run_id, api=nothing)
    going_on = here("runs", "resume", run_id, "--max-explores", "3", "--json", api=further)

    assert (resting.returncode, resting.stdout, nothing.requests) == (0, "42\n", 0)
    assert going_on.returncode == 0
    view = printed_view(going_on)
    assert (view.answer, view.stop_reason) == ("43", "max_explores")
    assert [candidate.answer for candidate in view.candidates] == ["42", "42", "43"]
    assert further.requests == 3


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "a lower ceiling": (("--max-explores", "1"), "`max_explores`: is 1; this run has 8"),
    "a ceiling beyond all": (("--max-explores", "101"), "`max_explores`: is 101"),
    "a lower cap": (("--max-cost-usd", "0.5"), "`max_cost_usd`: is 0.5; this run has 5"),
    "no money": (("--max-cost-usd", "0"), "`max_cost_usd`: is 0.0; it takes US dollars above 0"),
    "all money": (
        ("--max-cost-usd", "1e308"),
        "`max_cost_usd`: is 1E+308; it takes US dollars above",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_limit_that_cannot_be_is_refused_and_the_run_stays_as_it_is(
    case: str, here: Here, interrupted: str
) -> None:
    options, says = REFUSED[case]
    done = here("runs", "resume", interrupted, *options)

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"atlas-mcp: {says}")
    assert printed_view(here("runs", "show", interrupted, "--json")).status == "interrupted"


def test_limits_of_a_run_that_is_going_stay_as_they_are(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    with elsewhere(MessagesApi(one_found_one_open()), monkeypatch) as other:
        run_id = other.start()
        done = here("runs", "resume", run_id, "--max-explores", "9")

    assert done.returncode == 2
    assert "still going under the limits it has" in done.stderr


@pytest.mark.parametrize("command", ["show", "resume", "cancel", "export"])
def test_an_unknown_run_is_told_by_its_id(command: str, here: Here) -> None:
    done = here("runs", command, "nowhere")

    assert (done.returncode, done.stdout) == (2, "")
    assert "'nowhere'" in done.stderr
    assert "runs list" in done.stderr


# Looking on while another process drives


def read_until(process: subprocess.Popen[bytes], text: bytes) -> bytes:
    """Return what a process says to people, up to the line with `text`."""
    assert process.stderr is not None
    said = b""
    while text not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return said


@contextmanager
def running(shell: Shell, *arguments: str) -> Generator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env=shell.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [("runs", "resume"), ("runs", "show", "--follow")], ids=lambda one: one[1]
)
def test_a_run_that_another_process_drives_is_followed_to_its_end(
    command: tuple[str, ...], shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = HeldApi(held=EVERY_CALL[1:])
    monkeypatch.setenv("ATLAS_HOME", shell.environ["ATLAS_HOME"])
    with elsewhere(api, monkeypatch) as other:
        run_id = other.start()
        try:
            with running(shell, *command, run_id) as process:
                said = read_until(process, b"#2 claude-sonnet-5-5 first_principles: started\n")
                api.gate.set()
                out, err = process.communicate(timeout=PATIENCE)
        finally:
            api.gate.set()
        view = other.wait(run_id)

    assert (process.returncode, out) == (0, b"42\n")
    assert said.startswith(f"run {run_id}\n".encode())
    assert b"#2 claude-sonnet-5-5 first_principles: 42 (80%)" in err
    assert b"answered, decided" in err
    assert (view.status, api.requests) == ("answered", 3), "nobody made a call twice"


@pytest.mark.slow
def test_who_stops_looking_leaves_the_run_to_the_process_that_drives_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = HeldApi(held=EVERY_CALL[1:])
    monkeypatch.setenv("ATLAS_HOME", shell.environ["ATLAS_HOME"])
    with elsewhere(api, monkeypatch) as other:
        run_id = other.start()
        try:
            with running(shell, "runs", "show", "--follow", run_id, "--json") as process:
                read_until(process, b": started")
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=PATIENCE)
        finally:
            api.gate.set()
        view = other.wait(run_id)

    assert (process.returncode, out) == (130, b"")
    assert err.splitlines()[-1] == (
        b"atlas-mcp: interrupted; runs that other processes drive go on"
    )
    assert view.status == "answered"


# Ending


@pytest.mark.requirement("CLI-10")
def test_a_run_that_another_process_drives_is_cancelled_there(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    with elsewhere(MessagesApi(one_found_one_open()), monkeypatch) as other:
        run_id = other.start()
        done = here("runs", "cancel", run_id, "--json")
        view = other.wait(run_id)

    assert done.returncode == 0
    assert printed_view(done) == view
    assert (view.status, view.stop_reason) == ("cancelled", "cancelled")
    assert [(c.answer, c.error and c.error.partition(":")[0]) for c in view.candidates] == [
        ("42", None),
        (None, "cancelled"),
    ]
    assert view.next is not None


def test_a_cancelled_run_keeps_what_was_found(here: Here, interrupted: str) -> None:
    done = here("runs", "cancel", interrupted, "--json")

    assert done.returncode == 0
    view = printed_view(done)
    assert view.status == "cancelled"
    assert [c.answer for c in view.candidates if c.status == "ok"] == ["42"]


def test_a_run_that_has_ended_is_left_as_it_was(here: Here) -> None:
    solved = here("solve", QUESTION, "--json", api=MessagesApi(AtlasPlay()))
    run_id = printed_view(solved).run_id
    done = here("runs", "cancel", run_id, "--json")

    assert (done.returncode, done.stdout) == (0, solved.stdout)


@pytest.mark.slow
def test_a_process_that_does_not_answer_is_told_of_and_ends_with_1(
    here: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(service_module, "CANCEL_SECONDS", 1.0)
    with anyio.from_thread.start_blocking_portal() as portal:
        frozen = SqliteJournal(tmp_path / "atlas")
        portal.call(frozen.open_run, "frozen", first_record())
        done = here("runs", "cancel", "frozen", "--json")
        wanted = portal.call(frozen.take_requests)
        portal.call(frozen.aclose)

    assert done.returncode == 1
    assert printed_view(done).status == "running"
    assert "has not answered" in done.stderr
    assert wanted == {"frozen": LiveRequest("user")}


def test_runs_of_an_older_version_that_still_drives_one_are_shown_and_not_changed(
    here: Here, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    older = lease_to_older(old_home(tmp_path / "atlas"))
    shown = here("runs", "list", "--json")
    refused = here("runs", "cancel", BROKEN_OFF, "--json")
    older.release()

    assert (shown.returncode, len(shown.stdout.splitlines())) == (0, 2)
    assert "what is stored is shown: the journal" in caplog.text
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"drives runs of it: `{BROKEN_OFF}`" in refused.stderr


@pytest.mark.requirement("CLI-16")
def test_runs_of_a_process_whose_server_is_gone_are_named_in_the_list_and_below_it(
    here: Here, tmp_path: Path
) -> None:
    with anyio.from_thread.start_blocking_portal() as portal:
        driver = SqliteJournal(tmp_path / "atlas")
        portal.call(driver.open_run, "goeson", first_record())
        portal.call(driver.announce_driver, 123, "1.0")
        served = here("runs", "list")
        served_data = here("runs", "list", "--json")
        portal.call(driver.note_alone)
        alone = here("runs", "list")
        as_data = here("runs", "list", "--json")
        portal.call(driver.aclose)
        ended = here("runs", "list")

    assert "1 run goes on in a process whose server is gone (pid 123, since 2" in alone.stderr
    assert ": goeson; `atlas-mcp runs cancel ID` ends it\n" in alone.stderr
    assert [one.stderr for one in (served, served_data, as_data, ended)] == [""] * 4
    assert alone.stdout == served.stdout
    before, after = (json.loads(one.stdout) for one in (served_data, as_data))
    assert before.pop("server_gone_since") is None
    assert after.pop("server_gone_since").startswith("2")
    assert before == after


# Handing over


@dataclass(frozen=True)
class Exported:
    """A run as the journal shows it, in JSON and to people, and as a file."""

    run_id: str
    status: str
    program: str
    people: str
    text: str


def exported(here: Here, run_id: str) -> Exported:
    program = here("runs", "show", run_id, "--json").stdout
    people = here("runs", "show", run_id)
    done = here("runs", "export", run_id)
    assert (done.returncode, done.stderr) == (0, "")
    status = json.loads(program)["status"]
    return Exported(run_id, status, program, people.stdout + people.stderr, done.stdout)


@pytest.mark.parametrize("ends", ["answered", "failed", "cancelled", "interrupted"])
@pytest.mark.requirement("PAID-10")
def test_another_machine_shows_an_exported_run_as_it_was(
    ends: str, here: Here, interrupted: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_id = interrupted
    if ends in ("answered", "failed"):
        play = AtlasPlay() if ends == "answered" else AtlasPlay(lambda number: status(402))
        run_id = printed_view(here("solve", QUESTION, "--json", api=MessagesApi(play))).run_id
    elif ends == "cancelled":
        here("runs", "cancel", interrupted)
    run = exported(here, run_id)
    (tmp_path / "run.jsonl").write_text(run.text, encoding="utf-8")

    monkeypatch.setenv("ATLAS_HOME", str(tmp_path / "another"))
    program = here("runs", "show", str(tmp_path / "run.jsonl"), "--json")
    people = here("runs", "show", str(tmp_path / "run.jsonl"))

    assert run.status == ends
    assert (program.returncode, people.returncode) == (0, 0)
    # The page is that of a run of the journal there.
    page = f"atlas-mcp runs show {run_id} --open"
    assert program.stdout == run.program.replace(f'"{page}"', "null")
    # There is nothing to go on with over there.
    resume = f"`atlas-mcp runs resume {run_id}` goes on with it\n"
    assert people.stdout + people.stderr == run.people.replace(resume, "").replace(
        f"Page: {page}\n", ""
    )
    assert (resume in run.people) == (ends in ("cancelled", "interrupted"))
    assert not (tmp_path / "another").exists()


def test_a_file_holds_what_stdout_does_and_nothing_that_opens_an_account(
    here: Here, interrupted: str, tmp_path: Path
) -> None:
    printed = here("runs", "export", interrupted)
    written = here("runs", "export", interrupted, "-o", str(tmp_path / "run.jsonl"))

    assert (written.returncode, written.stdout) == (0, "")
    assert f"{interrupted} written to" in written.stderr
    text = (tmp_path / "run.jsonl").read_text(encoding="utf-8")
    assert text == printed.stdout
    for secret in (API_KEY, "x-api-key", "authorization", os.environ["ANTHROPIC_BASE_URL"]):
        assert secret not in text.lower()
    heading, *records = [json.loads(line) for line in text.splitlines()]
    assert heading["run_id"] == interrupted
    assert [record["seq"] for record in records] == list(range(1, heading["records"] + 1))


def test_a_damaged_file_is_one_line_that_names_the_place(
    here: Here, interrupted: str, tmp_path: Path
) -> None:
    text = here("runs", "export", interrupted).stdout
    path = tmp_path / "run.jsonl"
    lines = text.splitlines(keepends=True)
    damages = {
        "".join(lines[:3]) + lines[3][:20]: "line 4 is cut off or damaged",
        "".join(lines[:-1]): f"holds {len(lines) - 2} records where its heading says",
        text.replace('"version":1', '"version":9', 1): "is of version 9, this atlas-mcp reads 1",
        "".join([*lines[:2], *lines[3:]]): "line 3 holds record 3, where 2 should be",
        "# Notes\n": "line 1 is not the heading of an exported run",
    }

    for damaged, says in damages.items():
        path.write_text(damaged, encoding="utf-8")
        done = here("runs", "show", str(path), "--json")

        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"atlas-mcp: `{path}`: {says}")


def test_files_that_cannot_be_read_or_written_are_named(
    here: Here, interrupted: str, tmp_path: Path
) -> None:
    (tmp_path / "latin.txt").write_bytes(b"gr\xfc\xdf")
    for name, says in (("none.jsonl", "No such file"), ("latin.txt", "is not UTF-8")):
        done = here("runs", "show", str(tmp_path / name))
        assert done.returncode == 2
        assert name in done.stderr
        assert says in done.stderr

    done = here("runs", "export", interrupted, "--output", str(tmp_path / "none" / "run.jsonl"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "`--output`" in done.stderr
    assert "No such file" in done.stderr


def test_a_file_may_be_named_like_a_run_and_the_run_goes_first(
    here: Here, interrupted: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    here("runs", "export", interrupted, "-o", "backup")
    here("runs", "cancel", interrupted)
    here("runs", "export", interrupted, "-o", "cancelled")
    Path(interrupted).write_text(Path("backup").read_text())

    assert printed_view(here("runs", "show", "backup", "--json")).status == "interrupted"
    assert printed_view(here("runs", "show", "cancelled", "--json")).status == "cancelled"
    assert printed_view(here("runs", "show", interrupted, "--json")).status == "cancelled"
    assert printed_view(here("runs", "show", f"./{interrupted}", "--json")).status == "interrupted"


def test_a_file_is_not_followed(here: Here, interrupted: str, tmp_path: Path) -> None:
    path = str(tmp_path / "run.jsonl")
    here("runs", "export", interrupted, "-o", path)
    done = here("runs", "show", "--follow", path)

    assert (done.returncode, done.stdout) == (2, "")
    assert "`--follow`" in done.stderr


# Removing


def fill(home: Path, idle_days: Mapping[str, float], *, problem: str = "x" * 30_000) -> None:
    """Make runs that ended so many days ago, of some 30 kB each."""

    async def make() -> None:
        journal = SqliteJournal(home)
        for run_id, days in idle_days.items():
            at = time.time() - days * DAY_SECONDS
            lease = await journal.open_run(run_id, first_record(problem, at=at))
            await journal.append(lease, [Record(2, at, RunFinished("answered", "decided", "42"))])
            await journal.release(lease)
        await journal.aclose()

    anyio.run(make)


def listed(here: Here) -> set[str]:
    lines = here("runs", "list", "--json", "--limit", "1000").stdout.splitlines()
    return {json.loads(line)["run_id"] for line in lines}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A journal of three runs, ten days apart."""
    fill(tmp_path / "atlas", {"today": 0, "old": 10, "oldest": 20})
    return tmp_path / "atlas"


def test_a_dry_run_lists_what_would_go_and_removes_nothing(here: Here, home: Path) -> None:
    done = here("runs", "prune", "--keep-days", "5", "--dry-run")

    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["oldest", "old"]
    assert done.stderr.startswith("2 runs beyond the limits, 6")
    assert listed(here) == {"today", "old", "oldest"}


def test_runs_are_removed_without_a_question_where_it_was_answered_before(
    here: Here, home: Path
) -> None:
    done = here("runs", "prune", "--keep-days", "15", "--yes")

    assert (done.returncode, done.stdout) == (0, "oldest\n")
    assert "1 run beyond the limits" in done.stderr
    assert listed(here) == {"today", "old"}


def test_runs_beyond_the_size_go_from_the_oldest_on(here: Here, home: Path) -> None:
    done = here("runs", "prune", "--max-size-mb", "0.05", "--yes")

    assert (done.returncode, done.stdout) == (0, "oldest\nold\n")
    assert listed(here) == {"today"}


@pytest.mark.parametrize(
    ("answer", "code", "left"), [("y\n", 0, {"today"}), ("n\n", 1, None), ("\n", 1, None)]
)
@pytest.mark.requirement("CLI-11")
def test_the_question_names_the_number_and_nothing_goes_without_a_yes(
    answer: str, code: int, left: set[str] | None, here: Here, home: Path
) -> None:
    done = here("runs", "prune", "--keep-days", "5", stdin=io.StringIO(answer))

    assert done.returncode == code
    assert "Remove 2 runs for good? [y/N]" in done.stderr
    assert ("nothing was removed" in done.stderr) == (code == 1)
    assert listed(here) == (left or {"today", "old", "oldest"})


def test_where_nobody_can_be_asked_nothing_is_removed(here: Here, home: Path) -> None:
    done = here("runs", "prune", "--keep-days", "5", stdin=io.StringIO(""))

    assert (done.returncode, done.stdout) == (2, "")
    assert "`--yes`" in done.stderr
    assert listed(here) == {"today", "old", "oldest"}


class Resuming(io.StringIO):
    """Somebody who goes on with a run before saying yes to its removal."""

    def __init__(self, home: Path, run_id: str) -> None:
        super().__init__("y\n")
        self.home, self.run_id = home, run_id

    @override
    def readline(self, size: int | None = -1, /) -> str:
        async def go_on() -> None:
            journal = SqliteJournal(self.home)
            lease = await journal.claim(self.run_id)
            end = Record(3, time.time(), RunFinished("answered", "decided", "43"))
            await journal.append(lease, [end])
            await journal.aclose()

        with anyio.from_thread.start_blocking_portal() as portal:
            portal.call(go_on)
        return super().readline(-1 if size is None else size)


def test_a_run_that_changed_while_the_question_stood_is_kept(here: Here, home: Path) -> None:
    done = here("runs", "prune", "--keep-days", "5", stdin=Resuming(home, "oldest"))

    assert (done.returncode, done.stdout) == (0, "old\n")
    assert listed(here) == {"today", "oldest"}


@pytest.mark.requirement("CLI-11")
def test_a_run_that_is_going_is_never_removed(here: Here, home: Path) -> None:
    with anyio.from_thread.start_blocking_portal() as portal:
        driver = SqliteJournal(home)
        portal.call(driver.claim, "oldest")
        done = here("runs", "prune", "--keep-days", "0", "--max-size-mb", "0", "--yes")
        portal.call(driver.aclose)

    assert done.stdout == "old\ntoday\n"
    assert listed(here) == {"oldest"}


def test_the_space_of_removed_runs_is_given_back(here: Here, tmp_path: Path) -> None:
    home = tmp_path / "atlas"
    fill(home, {"kept": 0, **{f"run{number}": 10 for number in range(30)}})
    before = (home / FILE_NAME).stat().st_size

    done = here("runs", "prune", "--keep-days", "5", "--yes")

    assert len(done.stdout.splitlines()) == 30
    assert before > 30 * 30_000
    assert (home / FILE_NAME).stat().st_size < before / 5


def test_without_a_limit_nothing_is_removed(here: Here, home: Path) -> None:
    done = here("runs", "prune", "--yes")

    assert (done.returncode, done.stdout) == (2, "")
    assert "`--keep-days`" in done.stderr
    assert "--max-size-mb" in done.stderr
    assert listed(here) == {"today", "old", "oldest"}


@pytest.mark.parametrize("options", [("--keep-days", "-1"), ("--max-size-mb", "nan")])
def test_a_limit_that_is_none_is_refused(options: Sequence[str], here: Here, home: Path) -> None:
    done = here("runs", "prune", "--yes", *options)

    assert (done.returncode, done.stdout) == (2, "")
    assert "takes 0 or more" in done.stderr
    assert listed(here) == {"today", "old", "oldest"}


def test_the_limits_may_stand_in_the_file_and_options_go_before_them(
    here: Here, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "atlas.toml").write_text("[journal]\nkeep_days = 15\n")
    monkeypatch.setenv("ATLAS_CONFIG", str(tmp_path / "atlas.toml"))

    configured = here("runs", "prune", "--dry-run")
    asked = here("runs", "prune", "--dry-run", "--keep-days", "5")
    monkeypatch.setenv("ATLAS_JOURNAL_KEEP_DAYS", "100")
    overridden = here("runs", "prune", "--dry-run")

    def names(done: subprocess.CompletedProcess[str]) -> list[str]:
        return [line.split()[0] for line in done.stdout.splitlines()]

    assert (names(configured), names(asked), names(overridden)) == (
        ["oldest"],
        ["oldest", "old"],
        [],
    )
    assert "0 runs beyond the limits" in overridden.stderr


# On a terminal, in a pipe


def test_the_list_in_a_pipe_keeps_ids_and_problems_whole(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    fill(tmp_path / "atlas", {"abcdefghjkmnpq": 0, "rstuvwxyz23456": 1})
    done = here("runs", "list", "--limit", "2")

    heading, first, second = done.stdout.splitlines()
    assert heading.split() == ["run", "opened", "status", "workflow", "problem"]
    assert first.startswith("abcdefghjkmnpq  ")
    assert second.endswith("  " + "x" * 120)
    assert done.stderr == "The newest 2; --limit shows more.\n"


def written_to_a_terminal(shell: Shell, *arguments: str, columns: int) -> str:
    """Return what the program writes to a terminal of so many columns."""
    shell.environ |= {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "30"}
    done = on_a_terminal(shell.environ, *arguments)
    assert done.code == 0
    return done.terminal.decode()


STEERS = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e\x7f\b[red]"
"""Clears a terminal, names its window, rings, paints, turns the writing about, takes back."""


@pytest.mark.slow
@posix
@pytest.mark.requirement("CLI-14")
def test_nothing_that_a_model_writes_steers_a_terminal(shell: Shell) -> None:
    async def make() -> None:
        journal = SqliteJournal(Path(shell.environ["ATLAS_HOME"]))
        lease = await journal.open_run("evil", first_record(f"{STEERS} 漢字"))
        end = RunFinished("answered", "decided", STEERS, STEERS, 0.5, STEERS, warning=STEERS)
        await journal.append(lease, [Record(2, 2.0, end)])
        await journal.aclose()

    anyio.run(make)
    shown = written_to_a_terminal(shell, "runs", "show", "evil", columns=120)
    table = written_to_a_terminal(shell, "runs", "list", columns=80)

    painted = re.compile(r"\x1b\[[0-9;]*m")
    for said in (shown, table):
        assert (
            r"\u001b[2J\u001b]0;title\u0007\u009b31m\u202e\u007f\u0008[red]" in said
            or table is said
        )
        plain = painted.sub("", said).replace("\r\n", "\n")
        assert printable(plain) == plain
    assert shown.count(r"\u001b[2J") == 4
    _, line = table.splitlines()
    assert line.startswith("evil  ")
    assert line.endswith("…")
    assert len(line) <= 80


def test_programs_get_what_a_model_wrote_as_it_is(here: Here) -> None:
    """Data is not for people to look at; what people look at stays readable."""
    play = AtlasPlay(
        lambda number: ApiReply(text=candidate_text(STEERS)),
        (ApiReply(text=synthesis_text(STEERS)),),
    )
    done = here("solve", QUESTION, api=MessagesApi(play))

    # A backspace in JSON is LaTeX whose backslash was not doubled: nobody writes the other.
    assert done.stdout == STEERS.replace("\b", r"\b") + "\n"
    assert printable(done.stderr) == done.stderr
    assert r"\u001b[2J" in done.stderr


@pytest.mark.slow
def test_data_leaves_in_utf8_whatever_the_locale(shell: Shell) -> None:
    shell.environ["PYTHONIOENCODING"] = "ascii"
    fill(Path(shell.environ["ATLAS_HOME"]), {"kept": 0}, problem="Wie groß ist 6 · 7? 漢")

    done = shell("runs", "list")

    assert done.returncode == 0
    assert "Wie groß ist 6 · 7? 漢" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_output_that_cannot_be_written_is_one_line_and_ends_with_1(shell: Shell) -> None:
    fill(Path(shell.environ["ATLAS_HOME"]), {"kept": 0})
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "runs", "show", "kept", "--json"],
            env=shell.environ,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == b"atlas-mcp: stdout cannot be written to: No space left on device\n"
