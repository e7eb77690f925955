"""What tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.shell import Here, Shell, environment


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(environment(tmp_path), tmp_path)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Here:
    return Here(monkeypatch, capfd)
