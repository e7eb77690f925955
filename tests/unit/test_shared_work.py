"""The folders of tests are in memory only where there is room, and no other place is asked for."""

from __future__ import annotations

import os

import pytest

from tests.support import shared_work
from tests.support.shared_work import TEMPORARY, keep_folders_in_memory


def test_folders_stay_in_the_place_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TEMPORARY, "/somewhere")
    keep_folders_in_memory()

    assert os.environ[TEMPORARY] == "/somewhere"


def test_folders_stay_on_the_disk_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TEMPORARY, raising=False)
    monkeypatch.setattr(shared_work, "ROOM_BYTES", 10**18)
    keep_folders_in_memory()

    assert TEMPORARY not in os.environ
