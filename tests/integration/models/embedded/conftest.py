"""A stand-in for llama.cpp, in its place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.embedded_runtimes import RUNTIME, Runtime


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    folder = tmp_path / "runtime"
    folder.mkdir()
    monkeypatch.setenv("FAKE_LLAMA", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(RUNTIME))
    monkeypatch.setattr(sys, "path", [str(RUNTIME), *sys.path])
    return Runtime(folder)
