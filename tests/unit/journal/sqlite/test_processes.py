"""Whether the processes behind rows without a lease still live."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.journal.sqlite.process_locks import FOLDER, ProcessLock
from atlas_mcp.journal.sqlite.processes import UNKNOWN_SECONDS, Processes


def test_where_there_are_locks_they_tell_however_long_ago_the_row_was_changed(
    tmp_path: Path,
) -> None:
    processes = Processes(tmp_path, "ours", lambda: 1e9, has_locks=True)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "died").touch()
    lock = ProcessLock(tmp_path, "lives")

    assert processes.lives("lives", since=0.0)
    assert not processes.lives("died", since=1e9)
    assert not processes.lives("ended in order", since=1e9)
    assert not processes.lives("ended-in-order", since=1e9)

    lock.release()
    assert not processes.lives("lives", since=1e9)


def test_without_locks_a_process_lives_for_a_while_from_the_last_change(tmp_path: Path) -> None:
    now = 1e9
    processes = Processes(tmp_path, "ours", lambda: now, has_locks=False)

    assert processes.lives("other", since=now - UNKNOWN_SECONDS + 1)
    assert not processes.lives("other", since=now - UNKNOWN_SECONDS)


@pytest.mark.parametrize("has_locks", [True, False])
def test_this_process_lives(tmp_path: Path, *, has_locks: bool) -> None:
    assert Processes(tmp_path, "ours", lambda: 1e9, has_locks).lives("ours", since=0.0)
