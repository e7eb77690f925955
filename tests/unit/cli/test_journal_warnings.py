"""What keeps the journal from being written is told once, by the run or by the log."""

from __future__ import annotations

import logging

import pytest

from atlas_mcp.cli.journal_warnings import causes_logged_once, note_shown
from atlas_mcp.errors import JournalError

LOGGER = logging.getLogger("atlas_mcp.runs.some.module")
FULL = "the disk is full; free some space"


def test_a_cause_that_a_run_has_told_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with causes_logged_once():
        LOGGER.error("run %s broke off: %s", "abc", JournalError(FULL))
        note_shown(f"The run broke off. {FULL}.")

    assert not caplog.messages


def test_a_cause_that_nobody_has_told_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with causes_logged_once():
        for name in ("abc", "def"):
            LOGGER.error("run %s broke off: %s", name, JournalError(FULL))
        assert not caplog.messages

    assert caplog.messages == [f"run abc broke off: {FULL}"]


def test_what_else_is_logged_waits_for_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with causes_logged_once():
        LOGGER.error("a line of %s", "another kind")

        assert caplog.messages == ["a line of another kind"]

    LOGGER.error("run %s broke off: %s", "abc", JournalError(FULL))
    assert caplog.messages[1:] == [f"run abc broke off: {FULL}"]


def test_modules_that_log_one_cause_are_heard_once(caplog: pytest.LogCaptureFixture) -> None:
    with causes_logged_once():
        for name in ("atlas_mcp.runs.following", "atlas_mcp.journal.base", "atlas_mcp.closing"):
            logging.getLogger(name).error("%s: it stopped", JournalError(FULL))

    assert caplog.messages == [f"{FULL}: it stopped"]


def test_a_command_without_a_handler_of_its_own_logs_a_cause_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with causes_logged_once():
        for _ in range(2):
            LOGGER.error("it stopped: %s", JournalError(FULL))
        assert capsys.readouterr().err == ""

    assert capsys.readouterr().err.count(FULL) == 1
