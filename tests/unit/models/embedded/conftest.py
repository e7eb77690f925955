"""Fixtures of tests that pull weights."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.pulls import FAKE_PIP, PIECES, Hub, Pulled, Shelf, serving


@pytest.fixture
def hub() -> Generator[Hub]:
    with serving(Hub()) as running:
        yield running


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    made = Shelf(tmp_path / "shelf")
    made.folder.mkdir()
    (made.folder / "pip.py").write_text(FAKE_PIP, encoding="utf-8")
    for index, piece in enumerate(PIECES):
        made.put(index, piece)
    return made


@pytest.fixture
def pulled(tmp_path: Path) -> Pulled:
    return Pulled(tmp_path / "home" / "models")
