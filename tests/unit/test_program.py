"""The choice between the server and the command line."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from atlas_mcp import program
from atlas_mcp.cli import commands
from atlas_mcp.cli.commands import Servers


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return the calls that would start the program, and start nothing."""
    seen: list[object] = []

    def serve() -> int:
        seen.append("server")
        return 0

    def run(arguments: Sequence[str], servers: Servers) -> int:
        seen.append(list(arguments))
        assert servers.stdio is serve
        return 3

    monkeypatch.setattr(program, "serve_this_process", serve)
    monkeypatch.setattr(commands, "run", run)
    return seen


@pytest.mark.parametrize("arguments", [[], ["serve"]])
def test_without_a_command_it_is_a_server(started: list[object], arguments: list[str]) -> None:
    assert program.main(arguments) == 0
    assert started == ["server"]


def test_any_other_argument_is_the_command_line_s(started: list[object]) -> None:
    assert program.main(["serve", "--http"]) == 3
    assert started == [["serve", "--http"]]


def test_a_bug_in_a_command_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: Sequence[str], servers: Servers) -> int:
        raise KeyError("ours")

    monkeypatch.setattr(commands, "run", run)

    assert program.main(["runs", "list"]) == 1
    assert "ended by a bug (KeyError)" in capsys.readouterr().err
