"""Locks on files beside the weights."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from atlas_mcp.models import file_locks
from atlas_mcp.models.file_locks import open_lock, share, try_alone


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "x.lock"


def refuse(_: int) -> bool:
    raise OSError("no locks here")


@pytest.mark.posix
def test_one_process_holds_a_lock_alone_or_several_share_it(lock: Path) -> None:
    first, second, third = (open_lock(lock) for _ in range(3))
    try:
        share(first)
        share(second)
        assert not try_alone(third)
        os.close(first)
        os.close(second)
        assert try_alone(third)
    finally:
        os.close(third)


def test_a_file_system_without_locks_keeps_nobody_waiting(
    lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_locks, "try_lock", refuse)
    monkeypatch.setattr(file_locks, "share_lock", refuse)
    descriptor = open_lock(lock)
    try:
        share(descriptor)
        assert try_alone(descriptor)
    finally:
        os.close(descriptor)
