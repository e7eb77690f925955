"""A stand-in for llama.cpp, in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.embedded_runtimes import RUNTIME, Runtime, import_first


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    folder = tmp_path / "runtime"
    folder.mkdir()
    monkeypatch.setenv("FAKE_LLAMA", str(folder))
    import_first(RUNTIME, monkeypatch)
    return Runtime(folder)
