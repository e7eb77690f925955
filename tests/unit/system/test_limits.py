"""What is said where no further file may be opened."""

from __future__ import annotations

import errno
import os

import pytest

from atlas_mcp.program import main
from atlas_mcp.system import limits
from atlas_mcp.system.limits import too_few_files


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_an_error_for_want_of_descriptors_names_the_limit(number: int) -> None:
    told = too_few_files(OSError(number, "Too many"))

    assert told is not None
    assert told.startswith(os.strerror(number))
    assert "ulimit -n" in told


def test_other_errors_are_not_of_it() -> None:
    for error in (OSError(errno.EACCES, "no"), KeyError("x"), ImportError("no name x"), OSError()):
        assert too_few_files(error) is None
    assert too_few_files(KeyError("x"), unnamed=True) is None


def test_one_that_does_not_say_why_is_of_it_where_no_file_can_be_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(files: int) -> bool:
        return False

    monkeypatch.setattr(limits, "_can_open", none)

    for error, unnamed in ((ImportError("x.so cannot be opened"), False), (KeyError("x"), True)):
        assert "ulimit -n" in (too_few_files(error, unnamed=unnamed) or "")
    assert too_few_files(KeyError("x")) is None
    assert too_few_files(OSError(errno.EACCES, "no"), unnamed=True) is None


def test_a_command_that_finds_none_left_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(arguments: list[str], servers: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("atlas_mcp.cli.commands.run", refused)

    assert main(["runs", "list"]) == 2
    assert "ulimit -n" in capsys.readouterr().err
