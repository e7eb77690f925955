"""The arguments of a command: problems, schemas and files, and the errors in them."""

from __future__ import annotations

import io
from pathlib import Path

import click
import pytest

from atlas_mcp.cli.arguments import (
    ProblemCommand,
    decoded,
    is_file,
    problem_argument,
    problem_from_stdin,
    read_file,
    read_schema,
    usage_text,
)
from atlas_mcp.errors import InvalidInput


@click.command(cls=ProblemCommand)
@click.argument("problem")
@click.option("--count", type=int, default=1)
def ask(problem: str, count: int) -> tuple[str, int]:
    return problem, count


def asked(*words: str) -> object:
    return ask.main(args=list(words), prog_name="ask", standalone_mode=False)


@pytest.mark.parametrize(
    "words",
    [
        ("-5 + 3 = ?", "--count", "2"),
        ("--count", "2", "-5 + 3 = ?"),
        ("--count=2", "--", "-5 + 3 = ?"),
    ],
)
def test_a_problem_may_begin_with_a_dash(words: tuple[str, ...]) -> None:
    assert asked(*words) == ("-5 + 3 = ?", 2)


def test_a_problem_without_quotation_marks_is_told_so() -> None:
    with pytest.raises(click.UsageError, match="between quotation marks"):
        asked("How", "many?")


def test_an_unknown_option_is_told_with_the_way_to_write_a_dash() -> None:
    with pytest.raises(click.NoSuchOption) as caught:
        asked("-x")

    text = usage_text(caught.value)
    assert "write `--` before that" in text
    assert text.endswith("`ask --help` says what it takes.")


def test_the_name_of_a_file_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "problem.txt"
    path.write_text("6 * 7?")

    assert problem_argument("6 * 7?") == "6 * 7?"
    with pytest.raises(InvalidInput, match="is a file"):
        problem_argument(str(path))
    assert not is_file("\0")


@pytest.mark.parametrize(("given", "fault"), [("", "is empty"), ("x" * 400_001, "is longer than")])
def test_an_unusable_stdin_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: str, fault: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))

    with pytest.raises(InvalidInput, match=fault):
        problem_from_stdin()


def test_a_problem_comes_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("Wie spät?\n".encode())))

    assert problem_from_stdin() == "Wie spät?\n"


def test_a_schema_is_written_out_or_stands_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text('{"type": "integer"}')

    assert read_schema(None) is None
    assert read_schema(' {"type": "integer"}') == {"type": "integer"} == read_schema(str(path))
    with pytest.raises(InvalidInput, match="is not JSON"):
        read_schema("{")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_schema(str(tmp_path / "none.json"))


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")

    assert read_file(str(path), "file", at_most=5) == "12345"
    with pytest.raises(InvalidInput, match="longer than 4 bytes"):
        read_file(str(path), "file", at_most=4)


def test_bytes_that_are_no_text_are_refused() -> None:
    assert decoded("Wie spät?".encode("utf-16"), "problem", "it") == "Wie spät?"
    with pytest.raises(InvalidInput, match="it cannot be read"):
        decoded(b"\xff\xff\xff", "problem", "it")
