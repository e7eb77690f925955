"""The command line as a process: data on stdout, all else on stderr, what the exit code says."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from atlas_mcp import __version__
from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    ExploresSkipped,
    OrchestratorAsked,
    Planned,
    Record,
    RunOpened,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Candidate, Explore, SolverFailure
from atlas_mcp.atlas.messages import Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Charge, Price, Usage
from atlas_mcp.atlas.workflows.registry import choices
from atlas_mcp.cli.display import news, picture
from atlas_mcp.cli.terminal import Screen
from atlas_mcp.models.base import Notice
from atlas_mcp.program import main
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.testing.atlas_api import AtlasPlay, candidate_text, synthesis_text
from atlas_mcp.testing.messages_api import (
    API_KEY,
    ApiReply,
    Fault,
    MessagesApi,
    status,
)
from atlas_mcp.views.run_view import RunView
from tests.support.pictures import drawn as picture_file
from tests.support.processes import COMMAND, PATIENCE
from tests.support.shells import Here, Shell, environment
from tests.support.systems import posix
from tests.support.terminals import on_a_terminal

HELP = Path(__file__).parents[2] / "snapshots" / "help"
UPDATE = "ATLAS_UPDATE_SNAPSHOTS"
"""Set this variable to write the snapshots anew; then read the difference."""

STALL = Fault("stall", seconds=3_600)
MODEL = "anthropic/claude-sonnet-5-5"


@dataclass
class Solved:
    """A run that the program solved once, for all tests that look at it."""

    shell: Shell
    done: subprocess.CompletedProcess[str]
    api: MessagesApi

    @property
    def view(self) -> RunView:
        return RunView.model_validate_json(self.done.stdout)


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Solved]:
    folder = tmp_path_factory.mktemp("solved")
    shell = Shell(environment(folder), folder)
    api = MessagesApi(AtlasPlay())
    with shell.reaching(api):
        done = shell("solve", "--json", "--solver", MODEL, "What is\n6 [red]*[/] 7?")
        yield Solved(shell, done, api)


# solve and explore


@pytest.mark.requirement("CLI-2")
def test_solve_with_json_prints_one_run_view_and_nothing_else(solved: Solved) -> None:
    view = solved.view

    assert solved.done.returncode == 0
    assert (view.status, view.stop_reason, view.answer) == ("answered", "decided", "42")
    assert view.model_dump_json(indent=2) + "\n" == solved.done.stdout
    assert set(json.loads(solved.done.stdout)) == set(RunView.model_fields) - {"questions"}
    assert view.usage.requests == solved.api.requests == 3
    assert view.usage.input_tokens == solved.api.reported.input_tokens
    assert view.cost_usd is not None


def test_progress_without_a_terminal_is_plain_lines_on_stderr(solved: Solved) -> None:
    lines = solved.done.stderr.splitlines()

    assert "\x1b" not in solved.done.stderr
    assert "#1 claude-sonnet-5-5 direct: started" in lines
    assert any(re.fullmatch(r"#1 .* direct: 42 \(80%\) \(.* s, \d+ tokens\)", one) for one in lines)
    assert any(one.startswith("orchestrator: weighing 2 candidates, $0.00") for one in lines)
    assert API_KEY not in solved.done.stderr


@pytest.mark.slow
@pytest.mark.requirement("CLI-3")
def test_the_list_names_the_run_and_json_is_one_object_a_line(solved: Solved) -> None:
    people = solved.shell("runs", "list")
    program = solved.shell("runs", "list", "--json")

    assert people.returncode == program.returncode == 0
    assert people.stderr == program.stderr == ""
    assert solved.view.run_id in people.stdout
    assert "What is 6 [red]*[/] 7?" in people.stdout
    (line,) = program.stdout.splitlines()
    listed = json.loads(line)
    assert listed["run_id"] == solved.view.run_id
    assert (listed["status"], listed["workflow"]) == ("answered", "atlas")
    assert listed["problem"] == "What is 6 [red]*[/] 7?"


@pytest.mark.slow
def test_show_prints_the_run_again_for_people_and_for_programs(solved: Solved) -> None:
    people = solved.shell("runs", "show", solved.view.run_id)
    program = solved.shell("runs", "show", solved.view.run_id, "--json")

    assert people.returncode == program.returncode == 0
    assert program.stdout == solved.done.stdout
    assert program.stderr == ""
    assert people.stdout.splitlines()[0] == "42"
    assert f"#2 {MODEL} first_principles: 42 (80%)" in people.stdout
    assert "Two candidates agree by different methods." in people.stderr
    assert f"run {solved.view.run_id}" in people.stderr


@pytest.mark.slow
@pytest.mark.requirement("CLI-1")
def test_the_answer_alone_is_on_stdout(shell: Shell) -> None:
    (shell.folder / "schema.json").write_text('{"type": "integer"}')
    play = AtlasPlay(
        lambda n: ApiReply(text=candidate_text(42)), (ApiReply(text=synthesis_text(42)),)
    )
    api = MessagesApi(play)
    with shell.reaching(api):
        done = shell(
            *("solve", "--answer-schema", "schema.json", "--max-explores", "2", "-"),
            stdin="Wie groß ist 6 · 7?\n".encode(),
        )

    assert (done.returncode, done.stdout) == (0, "42\n")
    assert "Wie groß ist 6 · 7?" in json.dumps(api.bodies[0], ensure_ascii=False)
    assert "Two candidates agree by different methods." in done.stderr
    assert "answered, max_explores" in done.stderr


# In this process, since each start of another costs a second.


@pytest.mark.requirement("CLI-8")
def test_explore_prints_the_candidates_it_gathered(here: Here) -> None:
    api = MessagesApi(AtlasPlay())
    done = here(
        *("explore", "6 * 7?", "--count", "2", "--effort", "low", "--json"),
        *("--strategy", "code_trace", "--instruction", "Trace it."),
        api=api,
    )

    assert done.returncode == 0
    view = RunView.model_validate_json(done.stdout)
    assert (view.answer, view.status) == (None, "answered")
    assert [(c.strategy, c.effort, c.instruction) for c in view.candidates] == [
        ("code_trace", "low", "Trace it.")
    ] * 2
    assert api.requests == 2


def test_pictures_of_any_folder_go_to_solvers_and_orchestrator(here: Here, tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(picture_file("GIF"))
    api = MessagesApi(AtlasPlay())
    address = "https://example.org/a.png"
    done = here("solve", "What?", "--image", str(tmp_path / "a.gif"), "--image", address, api=api)

    assert (done.returncode, done.stdout) == (0, "42\n")
    data = base64.b64encode(picture_file("GIF")).decode()
    for body in api.bodies:
        blocks = body["messages"][0]["content"]
        assert [block["source"] for block in blocks if block["type"] == "image"] == [
            {"type": "base64", "media_type": "image/gif", "data": data},
            {"type": "url", "url": address},
        ]
    assert len(api.bodies) == 3


@pytest.mark.requirement("CLI-4")
def test_a_run_without_an_answer_ends_with_1_and_says_why(here: Here) -> None:
    done = here("solve", "6 * 7?", "--json", api=MessagesApi(AtlasPlay(lambda n: status(402))))

    assert done.returncode == 1
    view = RunView.model_validate_json(done.stdout)
    assert (view.status, view.stop_reason) == ("failed", "no_candidates")
    assert "no credit is left" in (view.explanation or "")


def test_no_supported_answer_ends_with_1_and_shows_the_evidence(here: Here) -> None:
    play = AtlasPlay(orchestrator=(ApiReply(text=synthesis_text(None, supported=False)),))
    done = here("solve", "6 * 7?", api=MessagesApi(play))

    assert (done.returncode, done.stdout) == (1, "")
    assert f"#1 {MODEL} direct: 42 (80%)" in done.stderr
    assert "no_supported_answer" in done.stderr


@pytest.mark.slow
@pytest.mark.requirement("CLI-6")
def test_an_interrupted_solve_ends_with_130_and_keeps_what_it_found(shell: Shell) -> None:
    api = MessagesApi(AtlasPlay(lambda n: STALL if n else ApiReply(text=candidate_text("42"))))
    with shell.reaching(api):
        process = subprocess.Popen(
            [*COMMAND, "solve", "--json", "6 * 7?"],
            env=shell.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            assert process.stderr is not None
            said = b""
            while b": 42 (80%)" not in said:
                line = process.stderr.readline()
                assert line, said
                said += line
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            process.communicate()
        listed = json.loads(shell("runs", "list", "--json").stdout)
        shown = RunView.model_validate_json(
            shell("runs", "show", "--json", listed["run_id"]).stdout
        )

    assert process.returncode == 130
    assert out == b""
    assert b"Traceback" not in err
    assert err.decode().splitlines()[-1] == (
        "atlas-mcp: interrupted; the evidence of the run is kept: "
        f"`atlas-mcp runs resume {listed['run_id']}` goes on with it"
    )
    assert listed["status"] == shown.status == "interrupted"
    assert [one.answer for one in shown.candidates if one.status == "ok"] == ["42"]


@pytest.mark.slow
@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_an_explore_that_is_terminated_or_loses_its_terminal_ends_with_130(
    name: str, shell: Shell
) -> None:
    process = subprocess.Popen(
        [*COMMAND, "explore", "--json", "--solver", "scripted/demo", "6 * 7?"],
        env=shell.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"run ")
        assert b": started" in process.stderr.readline()
        process.send_signal(getattr(signal, name))
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()

    assert (process.returncode, out) == (130, b"")
    assert err.startswith(b"atlas-mcp: interrupted")


# What is refused


REFUSED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "an empty problem": (("solve", " "), ("`problem`", "is empty")),
    "an empty problem on stdin": (("solve", "-"), ("`problem`", "is empty")),
    "an unknown solver": (("solve", "q", "--solver", "nobody"), ("`solvers`", "'nobody'")),
    "a negative cap": (("solve", "q", "--max-cost-usd", "-1"), ("`max_cost_usd`", "above 0")),
    "a cap that is no number": (("solve", "q", "--max-cost-usd", "nan"), ("`max_cost_usd`",)),
    "no time": (("explore", "q", "--time-limit-s", "0"), ("`time_limit_s`",)),
    "no explores": (("solve", "q", "--max-explores", "0"), ("`max_explores`", "1 to 100")),
    "too many explores": (("explore", "q", "--count", "21"), ("`count`", "1 to 20")),
    "an unknown workflow": (
        ("solve", "q", "--workflow", "magic"),
        ("`workflow`", choices()),
    ),
    "a schema that is not there": (
        ("solve", "q", "--answer-schema", "none.json"),
        ("`--answer-schema`", "none.json cannot be read"),
    ),
    "a schema that is not JSON": (
        ("solve", "q", "--answer-schema", "bad.json"),
        ("`--answer-schema`", "bad.json is not JSON"),
    ),
    "a schema that is no schema": (
        ("solve", "q", "--answer-schema", "thing.json"),
        ("`answer_schema`", "thing"),
    ),
    "a schema that is no text": (
        ("solve", "q", "--answer-schema", "binary"),
        ("`--answer-schema`", "binary"),
    ),
    "a picture that is not there": (
        ("solve", "q", "--image", "none.png"),
        ("`--image none.png`", "cannot be read"),
    ),
    "a picture that is none": (
        ("explore", "q", "--image", "bad.json"),
        ("`--image bad.json`", "no PNG, JPEG, GIF or WebP"),
    ),
    "a picture that is cut off": (
        ("solve", "q", "--image", "half.png"),
        ("`--image half.png`", "is cut off"),
    ),
    "a device for a picture": (
        ("solve", "q", "--image", "/dev/zero"),
        ("`--image /dev/zero`", "no regular file"),
    ),
    "a picture by plain http": (
        ("solve", "q", "--image", "http://example.org/a.png"),
        ("`--image http://example.org/a.png`", "https"),
    ),
    "too many pictures": (("solve", "q", *["--image", "a"] * 9), ("`--image`", "at most 8")),
    "a folder for a picture": (("explore", "q", "--image", "."), ("`--image .`", "it is a folder")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_line_that_names_the_argument_and_ends_with_2(
    case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments, says = REFUSED[case]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", API_KEY)
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    Path("bad.json").write_text("{")
    Path("thing.json").write_text('{"type": "thing"}')
    Path("binary").write_bytes(b"\xff\xfe\x00")
    Path("half.png").write_bytes(picture_file("PNG")[:50])

    code = main(arguments)

    out, err = capfd.readouterr()
    assert code == 2
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("atlas-mcp: ")
    for word in says:
        assert word in line


def test_the_process_itself_refuses_in_one_line_too(shell: Shell) -> None:
    done = shell("solve", "q", "--solver", "nobody")

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "'nobody'" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("solve",), "'PROBLEM'"),
        (("solve", "q", "--max-explores", "many"), "'--max-explores'"),
        (("solve", "q", "--explore-effort", "extreme"), "'--explore-effort'"),
        (("explore", "q", "--strategy", "magic"), "'--strategy'"),
        (("solve", "q", "--max-cost", "1"), "--max-cost"),
        (("fly",), "'fly'"),
    ],
)
def test_a_usage_error_names_the_option_and_ends_with_2(
    arguments: tuple[str, ...], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(arguments)

    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert says in err.splitlines()[-1]


@pytest.mark.slow
def test_an_unknown_run_ends_with_2_and_says_how_to_find_one(shell: Shell) -> None:
    done = shell("runs", "show", "nowhere")

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "'nowhere'" in line
    assert "runs list" in line


@pytest.mark.slow
def test_without_a_key_solve_names_the_ways_on_in_one_line(shell: Shell) -> None:
    done = shell("solve", "6 * 7?")

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    for way in ("ANTHROPIC_API_KEY", "base_url", "--solver local"):
        assert way in line


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_crash(solved: Solved) -> None:
    process = subprocess.Popen(
        [*COMMAND, "runs", "show", "--json", solved.view.run_id],
        env=solved.shell.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()

    assert process.wait(PATIENCE) == 1
    assert err == b""


# The pool, the help


@pytest.mark.requirement("CLI-12")
def test_the_pool_is_a_table_for_people_and_an_array_for_programs(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["solvers"]) == 0
    people, warned = capfd.readouterr()
    assert main(["solvers", "--json"]) == 0
    program, _ = capfd.readouterr()

    assert warned == ""
    rows = json.loads(program)
    (default,) = [row for row in rows if row["default"]]
    assert default["model"] == MODEL
    assert default["ready"] == "no key: set ANTHROPIC_API_KEY"
    assert default["price_usd_per_million_tokens"] == {"input": 2.5, "output": 10.0}
    assert {row["name"].partition("/")[0] for row in rows if not row["default"]} == {"local"}
    for row in rows:
        # What goes to no terminal is cut for none.
        assert row["name"] in people
        assert row["ready"] in people


COMMANDS: tuple[tuple[str, ...], ...] = (
    (),
    ("serve",),
    ("solve",),
    ("explore",),
    ("runs",),
    ("runs", "compare"),
    ("runs", "list"),
    ("runs", "search"),
    ("stats",),
    ("runs", "show"),
    ("runs", "resume"),
    ("runs", "ask"),
    ("runs", "cancel"),
    ("runs", "export"),
    ("runs", "prune"),
    ("solvers",),
    ("models",),
    ("models", "list"),
    ("models", "pull"),
    ("models", "rm"),
    ("view",),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: " ".join(one) or "atlas-mcp")
@pytest.mark.requirement("CLI-7")
def test_the_help_is_the_one_that_was_reviewed(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")

    assert main([*command, "--help"]) == 0

    out, err = capfd.readouterr()
    assert err == ""
    path = HELP / f"{'-'.join(('atlas-mcp', *command))}.txt"
    if os.environ.get(UPDATE):
        HELP.mkdir(parents=True, exist_ok=True)
        path.write_text(out, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == out, f"{UPDATE}=1 writes it anew"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: " ".join(one) or "atlas-mcp")
def test_the_help_shows_no_marks_of_its_source(
    command: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    """In a raw docstring click sees a backslash and a letter, and wraps the examples too."""
    assert main([*command, "--help"]) == 0

    assert "\\" not in capfd.readouterr().out


def test_every_option_says_what_it_is_for() -> None:
    import click

    from atlas_mcp.cli.commands import cli

    for name, command in cli.commands.items():
        for one in (command, *getattr(command, "commands", {}).values()):
            for option in one.params:
                if isinstance(option, click.Option):
                    assert option.help, f"{name} {one.name}: {option.opts}"


@pytest.mark.requirement("CLI-7")
def test_every_command_has_a_snapshot_of_its_help() -> None:
    from atlas_mcp.cli.commands import cli

    found = {()} | {(name,) for name in cli.commands}
    for name, command in cli.commands.items():
        found |= {(name, inner) for inner in getattr(command, "commands", ())}

    assert found == set(COMMANDS)


def test_the_version_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0

    assert __version__ in capfd.readouterr().out


# The live display


def halfway() -> LiveRun:
    """Return a run with one explore of each state, and the orchestrator at work."""
    model = ModelSpec(MODEL, price=Price(Decimal(2), Decimal(10)))
    spec = RunSpec("atlas", model, (SolverSpec("sonnet", model),), Budget())
    planned = tuple(
        Planned(number, Explore("sonnet", strategy))
        for number, strategy in enumerate(
            ("direct", "first_principles", "decompose", "code_trace", "work_backwards"), start=1
        )
    )
    found = Candidate("[bold]42[/bold]", "So.", "Adds.", 0.8)
    usage = Usage(1, 2_000, 1_234)
    events: list[Event] = [
        RunOpened(Problem("6 * 7?"), spec),
        ExploresPlanned("prefetch", planned),
        *(SolverStarted(number, Decimal("0.1")) for number in (1, 2, 3)),
        SolverFinished(1, found, Charge(usage, Decimal("0.0163"))),
        SolverFinished(
            2, SolverFailure("refused", "the model refused"), Charge(Usage(1), Decimal(0))
        ),
        ExploresSkipped((5,), "The money for explores was used up."),
    ]
    state = RunState.fold(
        Record(seq, 1_000.0 + seq, event) for seq, event in enumerate(events, start=1)
    )
    return LiveRun("abc", state, tokens={"solver-3": 4_321})


def drawn(live: LiveRun) -> str:
    stream = io.StringIO()
    Screen(stream, columns=110).print(picture(live, now=1_030.0))
    return stream.getvalue()


def test_the_picture_shows_every_explore_its_time_its_tokens_and_the_money() -> None:
    live = halfway()
    live.tell(Notice("next try in 3 s", 0.5, "`m`: \x1b[2J[/foo]overloaded"))

    lines = drawn(live).splitlines()

    def line(start: str) -> str:
        return next(" ".join(one.split()) for one in lines if start in one)

    assert line("#1 ") == "✓ #1 claude-sonnet-5-5 direct 3 s 1,234 [bold]42[/bold] (80%)"
    assert "✗" in line("#2 ")
    assert "failed, the model refused" in line("#2 ")
    assert "25 s 4,321 thinking" in line("#3 ")
    assert "waiting" in line("#4 ")
    assert "The money for explores was used up." in line("#5 ")
    assert r"next try in 3 s (`m`: \u001b[2J[/foo]overloaded)" in "\n".join(lines)
    assert "$0.0163 of $5.00" in line("$")


def test_the_picture_shows_the_orchestrator_at_work() -> None:
    live = halfway()
    said = UserTurn((Text("q"),))
    asked = OrchestratorAsked(1, said, (1, 2), Decimal("0.1"), 100, {}, None, "", ())
    live.state = live.state.apply(Record(live.state.seq + 1, 1_010.0, asked))

    assert "orchestrator weighs 1 candidate, 20 s" in drawn(live)


def test_news_of_an_answer_are_one_short_line_that_steers_nothing() -> None:
    """Also where the clock was set back meanwhile."""
    live = halfway()
    before = live.state
    found = Candidate("\x1b[31mno\n" * 500, "So.", "Adds.", 0.8)
    ended = SolverFinished(3, found, Charge(Usage(1, 20, 7), Decimal(0)))
    live.state = before.apply(Record(before.seq + 1, 5.0, ended))

    (line,) = news(before, live.state, live)

    assert line.startswith(r"#3 claude-sonnet-5-5 decompose: \u001b[31mno \u001b[31mno ")
    assert line.endswith("… (80%) (3 s, 7 tokens)")
    assert len(line) < 400


@pytest.mark.slow
@posix
def test_a_terminal_gets_the_table_and_keeps_its_cursor(shell: Shell) -> None:
    """On a pseudo-terminal, as a person would see it; stdout stays data."""
    shell.environ |= {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    with shell.reaching(MessagesApi(AtlasPlay())):
        done = on_a_terminal(shell.environ, "solve", "6 * 7?", stdout_is_piped=True)

    assert (done.code, done.stdout) == (0, b"42\n")
    seen = done.terminal.decode()
    for word in ("explore", "first_principles", "✓", "2 of 2 agree", "Why"):
        assert word in seen
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")
