"""The start of a driver: its command, its environment and its log."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from atlas_mcp.runs.detached import starting
from atlas_mcp.runs.detached.messages import Ready, Unready, answer_on
from atlas_mcp.system.outliving import Outliving


def answers_of(started: Outliving) -> list[bytes]:
    """Return what a driver says from beginning to end, once it is told that its server is gone."""
    os.close(started.commands)
    with open(started.answers, "rb") as answers:  # noqa: PTH123 - a descriptor
        return answers.read().splitlines()


def test_the_function_that_is_started_is_there() -> None:
    module, function = starting.DRIVER
    __import__(module)
    assert callable(getattr(sys.modules[module], function))


def test_a_driver_begins_in_its_home_and_ends_with_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path))
    first = answer_on(answers_of(starting.start_driver_of(tmp_path, os.environ))[0])
    assert isinstance(first, Ready)
    assert first.pid != os.getpid()
    log = tmp_path / starting.LOG_NAME
    assert log.read_text() == ""
    if os.name == "posix":
        assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_driver_that_cannot_begin_says_why_and_logs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path))
    monkeypatch.setenv("ATLAS_BUDGET_MAX_EXPLORES", "many")
    answers = [
        answer_on(line) for line in answers_of(starting.start_driver_of(tmp_path, os.environ))
    ]
    (unready,) = [answer for answer in answers if isinstance(answer, Unready)]
    assert "ATLAS_BUDGET_MAX_EXPLORES" in unready.reason
    assert "ATLAS_BUDGET_MAX_EXPLORES" in (tmp_path / starting.LOG_NAME).read_text()


def test_a_long_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path))
    monkeypatch.setattr(starting, "MOST_LOG_BYTES", 10)
    log = tmp_path / starting.LOG_NAME
    log.write_text("a line of an earlier driver\n")
    answers_of(starting.start_driver_of(tmp_path, os.environ))
    assert log.read_text() == ""
    assert (tmp_path / "driver.log.1").read_text() == "a line of an earlier driver\n"


def test_a_log_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / starting.LOG_NAME).mkdir()
    with pytest.raises(OSError, match="must be a regular file"):
        starting.start_driver_of(tmp_path, os.environ)
