from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from atlas_mcp.models import file_locks as locks
from atlas_mcp.system.locks import is_current, open_lock, share_lock, try_lock
from tests.support.systems import held


@pytest.mark.parametrize("shared", [False, True])
def test_nobody_gets_a_lock_that_another_process_holds_alone(tmp_path: Path, shared: bool) -> None:
    lock = tmp_path / "lock"
    with os.fdopen(open_lock(lock)) as mine, held(lock) as process:
        assert not try_lock(mine.fileno(), shared=shared)
        process.terminate()
        process.wait()
        assert try_lock(mine.fileno(), shared=shared), "its holder has died"


def test_many_share_a_lock_and_nobody_has_it_alone_meanwhile(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with (
        os.fdopen(open_lock(lock)) as mine,
        os.fdopen(open_lock(lock)) as second,
        held(lock, shared=True),
        held(lock, shared=True),
    ):
        assert not try_lock(mine.fileno())
        assert try_lock(mine.fileno(), shared=True)
        share_lock(second.fileno())


def test_a_lock_that_was_given_back_can_be_had(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with held(lock):
        pass
    with held(lock, shared=True):
        pass
    with os.fdopen(open_lock(lock)) as mine:
        assert try_lock(mine.fileno())


def test_where_the_file_system_knows_no_locks_everybody_gets_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, *, shared: bool = False) -> bool:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(locks, "try_lock", refuse)
    with os.fdopen(open_lock(tmp_path / "lock")) as mine:
        assert locks.try_alone(mine.fileno())
        locks.share(mine.fileno())


def test_a_file_is_current_until_another_is_in_its_place(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    descriptor = open_lock(lock)
    assert is_current(descriptor, lock)
    other = tmp_path / "other"
    other.touch()
    assert not is_current(descriptor, other)
    os.close(descriptor)
    lock.unlink()
    with os.fdopen(open_lock(other)) as opened:
        assert not is_current(opened.fileno(), lock)
