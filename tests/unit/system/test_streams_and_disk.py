from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from typing_extensions import override

from atlas_mcp.system import disk, raise_open_files
from atlas_mcp.system.consoles import prepare_streams
from atlas_mcp.system.disk import flush_folder, replace

TEXT = "漢字 ² ✓ \udcff"


class Console(io.TextIOWrapper):
    """A terminal with an old code page."""

    @override
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_every_text_can_be_written_to_a_pipe_and_to_a_console(
    encoding: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(io.BytesIO(), encoding=encoding)
    for stream in (pipe, console):
        monkeypatch.setattr(sys, name, stream)
        prepare_streams()
        stream.write(TEXT)
        stream.flush()

    written, shown = (stream.buffer.getvalue() for stream in (pipe, console))  # type: ignore[attr-defined]
    assert written == TEXT.encode("utf-8", "backslashreplace")
    assert shown == TEXT.encode(encoding, "backslashreplace")


def test_a_problem_on_a_pipe_is_read_as_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("6²?".encode()), "cp1252"))

    prepare_streams()

    assert sys.stdin.read() == "6²?"


def test_a_file_is_put_in_the_place_of_another(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")

    replace(tmp_path / "new", tmp_path / "old")
    flush_folder(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_text() == "new"


def test_a_file_that_another_has_open_is_replaced_once_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, whose refusals are played here."""
    tries: list[float] = []
    real = Path.replace

    def refuse_twice(source: Path, target: Path) -> Path:
        if len(tries) < 2:
            raise PermissionError(13, "Permission denied")
        return real(source, target)

    monkeypatch.setattr(Path, "replace", refuse_twice)
    monkeypatch.setattr(disk, "waits_for_readers", lambda: True)
    monkeypatch.setattr(disk.time, "sleep", tries.append)
    (tmp_path / "new").write_text("new")

    replace(tmp_path / "new", tmp_path / "old")

    assert len(tries) == 2
    assert (tmp_path / "old").read_text() == "new"


def test_the_limit_of_open_files_is_the_highest_there_is() -> None:
    assert raise_open_files() == raise_open_files() > 0
    limits = Path("/proc/self/limits")
    if limits.exists() and os.access(limits, os.R_OK):
        row = next(line for line in limits.read_text().splitlines() if "open files" in line)
        soft, hard = row.split()[3:5]
        assert soft == hard or int(soft) >= 1_048_576
