from __future__ import annotations

import os
from pathlib import Path

import pytest

from atlas_mcp.system import disk
from atlas_mcp.system.disk import flush_folder, replace
from atlas_mcp.system.limits import raise_open_files


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
