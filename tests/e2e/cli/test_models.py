"""`atlas-mcp models`, and embedded models of one's own, as a user meets them."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

import atlas_mcp.testing
from atlas_mcp.program import main
from atlas_mcp.testing.gguf import model_file
from atlas_mcp.testing.model_hub import ModelHub, serve_hub
from atlas_mcp.views.run_view import RunView
from tests.support.embedded_runtimes import import_first
from tests.support.systems import held

NAME = "maker/repo-GGUF/model.Q4_K_M.gguf"
CONTENT = model_file() + bytes(50_000)
RUNTIME = Path(*atlas_mcp.testing.__path__) / "llama"


@dataclass
class Program:
    """Runs the program in this process, with an empty home."""

    monkeypatch: pytest.MonkeyPatch
    capfd: pytest.CaptureFixture[str]
    folder: Path

    def __call__(self, *arguments: str, answers: str | None = None) -> tuple[int, str, str]:
        if answers is not None:
            (self.folder / "stdin").write_text(answers)
        given = self.folder / "stdin" if answers is not None else Path("/dev/null")
        with given.open() as stdin:
            self.monkeypatch.setattr(sys, "stdin", stdin)
            code = main(arguments)
        out, err = self.capfd.readouterr()
        return code, out, err

    @property
    def pulled(self) -> Path:
        return self.folder / "atlas" / "models" / "hub" / NAME


@pytest.fixture
def program(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Program:
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return Program(monkeypatch, capfd, tmp_path)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, program: Program) -> Generator[ModelHub]:
    with serve_hub(ModelHub(files={NAME: CONTENT})) as running:
        monkeypatch.setenv("HF_ENDPOINT", f"{running.address}/")
        yield running


def test_the_list_of_an_empty_home_is_the_catalogue(program: Program) -> None:
    code, people, err = program("models", "list")
    _, out, _ = program("models", "list", "--json")

    assert (code, err) == (0, "")
    rows = json.loads(out)
    assert [row["name"] for row in rows] == [
        "local/qwen2.5-coder-1.5b",
        "local/qwen2.5-coder-0.5b",
        "local/smollm2-135m",
    ]
    for row in rows:
        assert row["name"] in people
        assert (row["ready"], row["verified"]) == (False, None)
    assert "1,117.3 MB" in people
    assert "not pulled" in people
    assert "for trying things out" in people


@pytest.mark.requirement("CLI-13")
def test_a_file_of_the_hub_is_pulled_listed_and_removed(program: Program, hub: ModelHub) -> None:
    code, out, err = program("models", "pull", NAME)
    assert (code, out) == (0, f"{program.pulled}\n")
    assert f"local/{NAME}: 0 MB" in err
    assert program.pulled.read_bytes() == CONTENT

    _, listed, _ = program("models", "list", "--json")
    row = json.loads(listed)[-1]
    assert (row["name"], row["state"], row["ready"]) == (f"local/{NAME}", "in place", True)
    assert row["verified"] is not None
    _, pool, _ = program("solvers")
    assert f"local/{NAME}" in pool

    code, out, err = program("models", "rm", f"local/{NAME}", answers="n\n")
    assert (code, out) == (1, "")
    assert f"Remove {program.pulled} (50." in err
    assert "nothing was removed" in err
    assert program.pulled.exists()

    code, out, err = program("models", "rm", NAME, answers="y\n")
    assert (code, out) == (0, f"{program.pulled}\n")
    assert "freed" in err
    assert not (program.folder / "atlas" / "models" / "hub").exists()


def test_a_model_that_another_process_uses_is_not_removed(program: Program, hub: ModelHub) -> None:
    program("models", "pull", NAME)
    with held(program.pulled.with_name(f"{program.pulled.name}.use"), shared=True):
        code, out, err = program("models", "rm", NAME, "--yes")

    assert (code, out) == (1, "")
    assert "loaded by another process" in err
    assert program.pulled.exists()
    assert program("models", "rm", NAME, "--yes")[0] == 0


def test_private_files_are_opened_by_the_variable_that_is_theirs(
    program: Program, hub: ModelHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.token = "hf_secret"
    code, _, err = program("models", "pull", NAME)
    assert code == 2
    assert "set HF_TOKEN" in err

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    code, _, err = program("models", "pull", NAME)

    assert code == 0
    assert "hf_secret" not in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("pull", "nobody"), 2, "there is no embedded model 'nobody'"),
        (("pull", "maker/none/x.gguf"), 2, "has no maker/none with `x.gguf`"),
        (("pull", "local/~/x.gguf"), 2, "a file of yours"),
        (("rm", "local/~/x.gguf"), 2, "a file of yours"),
        (("rm", "local"), 2, "there is nothing of 'local'"),
    ],
)
def test_what_cannot_be_done_is_named(
    program: Program, hub: ModelHub, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = program("models", *arguments)

    assert (done[0], done[1]) == (code, "")
    assert said in done[2]


@pytest.mark.parametrize(
    ("solver", "said"),
    [
        ("local//none/x.gguf", "there is no file /none/x.gguf"),
        ("local/./other.gguf", "is no GGUF file"),
        ("local/maker/none/x.gguf", "has no maker/none with `x.gguf`"),
    ],
)
def test_a_solver_that_cannot_be_is_named_before_a_run_begins(
    program: Program, hub: ModelHub, monkeypatch: pytest.MonkeyPatch, solver: str, said: str
) -> None:
    monkeypatch.chdir(program.folder)
    (program.folder / "other.gguf").write_bytes(b"no model")

    code, out, err = program("solve", "--solver", solver, "What is 6 * 7?")

    assert (code, out) == (2, "")
    assert said in err
    assert program("runs", "list")[2] == "There are no runs yet.\n"


def test_a_file_of_ones_own_solves_and_nobody_is_told_where_it_is(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LLAMA", str(program.folder))
    import_first(RUNTIME, monkeypatch)
    file = program.folder / "mine.gguf"
    file.write_bytes(CONTENT)

    code, out, err = program(
        *("solve", "--json", "--solver", f"local/{file}", "--max-explores", "2", "What is 6 * 7?"),
    )

    view = RunView.model_validate_json(out)
    assert code == 0, err
    assert view.status == "answered"
    assert {(one.solver, one.status) for one in view.candidates} == {("local/mine.gguf", "ok")}
    assert str(file) not in out
    assert "loading local/mine.gguf" in err
