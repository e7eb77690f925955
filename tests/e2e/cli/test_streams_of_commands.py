"""What goes to which stream, whatever is written, whatever the stream is, and what it ends with."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_mcp.atlas.problem import MAX_PROBLEM_BYTES
from atlas_mcp.cli.commands import exit_code_of
from atlas_mcp.cli.signals import Interrupted
from atlas_mcp.errors import (
    AtlasError,
    ConfigError,
    HomeUnusable,
    InvalidInput,
    JournalCorrupt,
    UnknownRun,
)
from atlas_mcp.program import main
from atlas_mcp.testing.atlas_api import AtlasPlay, candidate_text, synthesis_text
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, MessagesApi, status
from atlas_mcp.views.run_view import RunView
from tests.support.processes import COMMAND, PATIENCE
from tests.support.shells import Here, Shell
from tests.support.systems import posix
from tests.support.terminals import on_a_terminal

CAUSE = "no credit is left"

FULL = Path("/dev/full")

FORGED = "42\n#9 other direct: 43 (99%)\r#9 other\x85#9 other\u2028#9 other"


# What is an answer, and what is evidence


def test_a_solve_without_an_answer_leaves_stdout_empty_and_tells_the_cause_once(here: Here) -> None:
    done = here("solve", "6 * 7?", api=MessagesApi(AtlasPlay(lambda n: status(402))))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count(CAUSE) == 1
    assert done.stderr.count(": failed, the call was rejected (") == 2


def test_candidates_are_what_an_explore_is_asked_for(here: Here) -> None:
    play = AtlasPlay(lambda n: status(402) if n else ApiReply(text=candidate_text("42")))
    done = here("explore", "6 * 7?", "--count", "3", api=MessagesApi(play))

    assert done.returncode == 0
    assert [line[:3] for line in done.stdout.splitlines() if line[0] == "#"] == ["#1 "]
    assert CAUSE not in done.stdout
    assert done.stderr.count(CAUSE) == 1
    assert "Note  2 explores (2, 3) failed (rejected): " in done.stderr


def test_what_a_run_that_is_shown_holds_is_data(here: Here) -> None:
    play = AtlasPlay(orchestrator=(ApiReply(text=synthesis_text(None, supported=False)),))
    run_id = RunView.model_validate_json(
        here("solve", "6 * 7?", "--json", api=MessagesApi(play)).stdout
    ).run_id

    shown = here("runs", "show", run_id)
    resumed = here("runs", "resume", run_id)

    assert shown.returncode == 0
    assert "#1 " in shown.stdout
    assert (resumed.returncode, resumed.stdout) == (1, "")
    assert "#1 " in resumed.stderr


def test_a_candidate_forges_no_other(here: Here) -> None:
    play = AtlasPlay(lambda n: ApiReply(text=candidate_text(FORGED)))
    done = here("explore", "6 * 7?", api=MessagesApi(play))

    assert [line[:3] for line in done.stdout.splitlines() if line.startswith("#")] == ["#1 "]


# What a command ends with


def kinds(base: type[AtlasError] = AtlasError) -> Iterator[type[AtlasError]]:
    yield base
    for kind in base.__subclasses__():
        yield from kinds(kind)


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda one: str(one))
def test_each_kind_of_error_has_its_exit_code(kind: type[AtlasError]) -> None:
    usage = (ConfigError, InvalidInput, UnknownRun, HomeUnusable, JournalCorrupt)
    expected = 130 if kind is Interrupted else 2 if issubclass(kind, usage) else 1

    assert exit_code_of(kind) == expected


@pytest.mark.parametrize(
    ("arguments", "config", "home"),
    [
        (("runs", "list"), "", "/dev/null"),
        (("solve", "--solver", "scripted/demo", "q"), "", "/dev/null/atlas"),
        (("solvers",), "[solvers", None),
        (("solve", "q"), "[budget]\nmax_explores = 'many'", None),
        (("runs", "cancel", "nowhere"), "", None),
        (("runs", "show", "nowhere.jsonl"), "", None),
        (("runs", "export", "\udcff"), "", None),
        (("solve", "q", "--image", "\0"), "", None),
        (("solve", "q", "--answer-schema", "\0"), "", None),
        (("solve", "\udcff"), "", None),
        (("explore", "--instruction", "\udcff", "--solver", "scripted/demo", "q"), "", None),
        (("models", "pull", "\0"), "", None),
    ],
)
@pytest.mark.requirement("CLI-5")
def test_usage_and_configuration_end_with_2_in_one_line(
    arguments: tuple[str, ...],
    config: str,
    home: str | None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "atlas.toml").write_text(config)
    monkeypatch.setenv("ATLAS_CONFIG", str(tmp_path / "atlas.toml"))
    monkeypatch.setenv("ATLAS_HOME", home or str(tmp_path / "home"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", API_KEY)

    code = main(arguments)

    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


# How a problem is written


DASHES = [
    "-5 + 3 = ?",
    "-x is 4; what is x?",
    "--json or not?",
    "-h = 4 - 1, so what is h?",
    "- 3 ?",
]


@pytest.mark.parametrize("problem", DASHES)
@pytest.mark.parametrize("before", [(), ("--",)], ids=["bare", "after --"])
def test_a_problem_may_begin_with_a_dash(problem: str, before: tuple[str, ...], here: Here) -> None:
    api = MessagesApi(AtlasPlay())
    done = here("explore", "--json", "--instruction", "-not an option", *before, problem, api=api)

    assert done.returncode == 0
    assert RunView.model_validate_json(done.stdout).candidates[0].instruction == "-not an option"
    assert problem in json.dumps(api.bodies[0], ensure_ascii=False)


@pytest.mark.parametrize("word", ["-5", "-x^2=4?", "--wat"])
@pytest.mark.parametrize("command", ["solve", "explore", "runs show", "runs cancel", "models pull"])
def test_a_word_that_may_be_an_option_is_refused_and_the_way_to_write_it_told(
    command: str, word: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main([*command.split(), word])

    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert "write `--` before" in err


@pytest.mark.requirement("CLI-15")
def test_a_near_option_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", "--max-cost", "3", "q"]) == 2

    assert "'--max-cost-usd'" in capfd.readouterr().err


def test_a_usage_error_steers_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for arguments in (["\x1b[2J"], ["solve", "q", "--\x9b[2J"], ["solve", "q", "\x1b[2Jx"]):
        assert main(arguments) == 2
        err = capfd.readouterr().err
        assert "\x1b" not in err
        assert "\x9b" not in err


def test_the_name_of_a_file_is_no_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, quoted in (("question.txt", "question.txt"), ("my q.txt", "'my q.txt'")):
        Path(name).write_text("6 * 7?")

        assert main(["solve", name]) == 2

        assert f"`- < {quoted}`" in capfd.readouterr().err


def test_a_problem_is_one_argument(capfd: pytest.CaptureFixture[str]) -> None:
    for words in (["What", "is", "6", "*", "7?"], ["What is", "6 * 7?"], ["-5 + 3", "= ?"]):
        assert main(["solve", *words]) == 2
        assert "between quotation marks" in capfd.readouterr().err


STDIN = {
    "nothing": (b"", "nothing came from stdin"),
    "white space": (b" \n", "nothing came from stdin"),
    "Latin-1": (b"Wie gro\xdf?", "not UTF-8 text (byte 8)"),
    "Latin-1, cut": (b"Wie gro\xdf? " * MAX_PROBLEM_BYTES, f"{MAX_PROBLEM_BYTES:,} bytes"),
    "UTF-16 without a mark": ("Wie groß?".encode("utf-16-le"), "save it as UTF-8"),
    "too much": (b"much " * MAX_PROBLEM_BYTES, f"{MAX_PROBLEM_BYTES:,} bytes"),
    "half of UTF-16": (b"\xff\xfea", "not UTF-8"),
}


@pytest.mark.parametrize("case", STDIN)
def test_a_stdin_that_holds_no_problem_is_told_in_one_line(
    case: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    given, says = STDIN[case]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))

    assert main(["solve", "-"]) == 2

    out, err = capfd.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert says in line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_problem_and_a_schema_may_be_marked_as_shells_do(
    encoding: str, here: Here, tmp_path: Path
) -> None:
    api = MessagesApi(AtlasPlay())
    stdin = io.TextIOWrapper(io.BytesIO("Wie groß ist 6 · 7?".encode(encoding)), "ascii")
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "string"}', encoding=encoding)
    done = here("explore", "-", "--answer-schema", str(schema), api=api, stdin=stdin)

    assert done.returncode == 0
    (block, *_) = api.bodies[0]["messages"][0]["content"]
    assert block["text"] == "<problem>\nWie groß ist 6 · 7?\n</problem>"


@posix
def test_a_schema_that_never_ends_or_is_too_deep_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    deep = tmp_path / "deep.json"
    deep.write_text('{"a":' * 100_000)
    for name in ("/dev/zero", str(deep), str(tmp_path)):
        assert main(["solve", "q", "--answer-schema", name]) == 2
        assert len(capfd.readouterr().err.splitlines()) == 1


# Streams that are full, closed, left, or know few characters


def in_a_shell(shell: Shell, line: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of a shell in which `atlas` is the program."""
    program = " ".join(f"'{word}'" for word in COMMAND)
    return subprocess.run(
        ["bash", "-c", f'atlas() {{ {program} "$@"; }}; {line}'],
        env={**shell.environ, "PYTHONUNBUFFERED": ""},
        cwd=shell.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


LOST = b"atlas-mcp: stdout cannot be written to: No space left on device"
CLOSED = b"atlas-mcp: stdout cannot be written to: Bad file descriptor"
UNREADABLE = b"atlas-mcp: `problem`: cannot be read from stdin: Bad file descriptor"

WAYS_OUT = {
    "nothing to write": ("atlas runs list --json > /dev/full", 0, b""),
    "help into a full disk": ("atlas --help > /dev/full", 1, LOST),
    "version into a full disk": ("atlas --version > /dev/full", 1, LOST),
    "a table into a full disk": ("atlas models list > /dev/full", 1, LOST),
    "people's disk is full": ("atlas runs show nowhere 2> /dev/full", 2, b""),
    "both are full": ("atlas --help > /dev/full 2>&1", 1, b""),
    "no stdout": ("atlas models list >&-", 1, CLOSED),
    "help without stdout": ("atlas --help >&-", 1, CLOSED),
    "nothing to write, and no stdout": ("atlas runs list --json >&-", 0, b""),
    "no stderr": ("atlas runs show nowhere 2>&-", 2, b""),
    "no stream at all": ("atlas models list <&- >&- 2>&-", 1, b""),
    "no stdin": ("atlas solve - <&-", 2, UNREADABLE),
    "a stdin that is only written to": ("atlas solve - 0> out", 2, UNREADABLE),
    "a reader that left": ("atlas models list | true; exit ${PIPESTATUS[0]}", 1, b""),
    "a reader of help that left": ("atlas --help | true; exit ${PIPESTATUS[0]}", 1, b""),
    "nobody reads for people": ("atlas runs show x 2>&1 | true; exit ${PIPESTATUS[0]}", 2, b""),
}


@pytest.mark.slow
@posix
@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
@pytest.mark.parametrize("case", WAYS_OUT)
def test_a_stream_that_takes_nothing_is_a_line_or_none(case: str, shell: Shell) -> None:
    line, code, says = WAYS_OUT[case]
    done = in_a_shell(shell, line)

    assert done.returncode == code
    assert done.stdout == b""
    assert done.stderr.startswith(says)
    assert len(done.stderr.splitlines()) == (1 if says else 0)


@pytest.mark.slow
@posix
@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
@pytest.mark.parametrize(
    ("streams", "code"), [("> /dev/full", 1), ("2> /dev/full", 0), (">&-", 1), ("2>&-", 0)]
)
@pytest.mark.requirement("PAID-11")
def test_an_answer_that_cannot_be_written_is_kept(streams: str, code: int, shell: Shell) -> None:
    with shell.reaching(MessagesApi(AtlasPlay())):
        done = in_a_shell(shell, f"atlas solve '6 * 7?' {streams}")
    (listed,) = [json.loads(line) for line in shell("runs", "list", "--json").stdout.splitlines()]

    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert listed["status"] == "answered"
    assert shell("runs", "show", listed["run_id"]).stdout.startswith("42\n")
    if code:
        assert f"`atlas-mcp runs show {listed['run_id']}`" in done.stderr.decode()


@pytest.mark.slow
@posix
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "cp1252:strict"])
def test_a_terminal_that_knows_few_characters_gets_all_that_it_can(
    encoding: str, shell: Shell
) -> None:
    shell.environ |= {
        "PYTHONIOENCODING": encoding,
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "LC_ALL": "C",
        "TERM": "xterm",
        "COLUMNS": "60",
    }
    play = AtlasPlay(
        lambda n: ApiReply(text=candidate_text("漢 😀 — ✓")),
        (ApiReply(text=synthesis_text("漢 😀 — ✓")),),
    )
    with shell.reaching(MessagesApi(play)):
        done = on_a_terminal(shell.environ, "solve", "6 * 7?")

    assert done.code == 0
    seen = done.terminal
    assert b"Traceback" not in seen
    assert b"\\u6f22 \\U0001f600 - +" in seen or b"\\u6f22 \\U0001f600 \x97 +" in seen


@pytest.mark.slow
@posix
def test_a_terminal_that_draws_nothing_gets_lines(shell: Shell) -> None:
    shell.environ["TERM"] = "dumb"
    with shell.reaching(MessagesApi(AtlasPlay())):
        done = on_a_terminal(shell.environ, "solve", "6 * 7?")

    assert done.code == 0
    assert b"\x1b" not in done.terminal
    assert b"#1 claude-sonnet-5-5 direct: started" in done.terminal
