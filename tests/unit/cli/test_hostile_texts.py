"""Every command that shows a run shows its texts as text, whatever models and clients wrote."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import pytest
from typing_extensions import override

from atlas_mcp.program import main
from atlas_mcp.texts import printable
from tests.support.hostile_texts import ILL_SHAPED, RUNS
from tests.support.shown_runs import hostile, in_time, keep

COMMANDS = (
    ("runs", "show", "one"),
    ("runs", "show", "one", "--json"),
    ("runs", "show", "one", "--transcript"),
    ("runs", "list"),
    ("runs", "search", "maker"),
    ("runs", "compare", "one", "two"),
    ("stats",),
)


class Terminal(io.StringIO):
    """A terminal, which shows no colours."""

    @override
    def isatty(self) -> bool:
        return True


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home."""
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "dumb")
    return tmp_path


def shown(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a command on a terminal and return all that it printed."""
    terminal = Terminal()
    with monkeypatch.context() as patch:
        for name in ("stdout", "stderr"):
            patch.setattr(sys, name, terminal)
        code = main(command)
    assert code == 0, terminal.getvalue()
    return terminal.getvalue()


@pytest.mark.every_day(4)
@pytest.mark.parametrize("shaped", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_no_command_prints_a_character_that_steers_a_terminal(
    name: str, shaped: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = in_time(hostile(RUNS[name], shaped=shaped), time.time())
    keep(home, {"one": records, "two": records})

    for command in COMMANDS:
        text = shown(command, monkeypatch)

        assert printable(text) == text


@pytest.mark.every_day(0)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ILL_SHAPED)
def test_no_text_is_too_long_or_too_deep_to_be_shown(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = in_time(hostile(ILL_SHAPED[name]), time.time())
    keep(home, {"one": records, "two": records})

    for command in COMMANDS:
        text = shown(command, monkeypatch)

        assert printable(text) == text
