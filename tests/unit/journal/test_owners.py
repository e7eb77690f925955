"""Who is dead for certain."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from atlas_mcp.journal.owners import FOLDER, OwnerLock, is_dead

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks of files as POSIX has them")


def test_who_holds_its_lock_is_not_dead_for_as_long_as_it_does(tmp_path: Path) -> None:
    lock = OwnerLock(tmp_path, "owner")

    assert not is_dead(tmp_path, "owner")
    lock.release()
    assert not is_dead(tmp_path, "owner"), "it has left in order, and nothing is certain"


def test_of_several_who_ask_at_once_each_is_told_that_an_owner_is_dead(tmp_path: Path) -> None:
    """Else a run could not be claimed just because somebody else was looking at it."""
    import fcntl

    (tmp_path / FOLDER).mkdir()
    path = tmp_path / FOLDER / "owner"
    path.touch()
    with path.open("r+") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH | fcntl.LOCK_NB)

        assert is_dead(tmp_path, "owner")
