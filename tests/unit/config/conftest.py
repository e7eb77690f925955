"""Fixtures of the tests of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """The path of a configuration file that is not there yet."""
    return tmp_path / "atlas.toml"
