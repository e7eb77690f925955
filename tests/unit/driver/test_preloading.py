"""Libraries are imported ahead of their first call; one that cannot be ends nothing."""

from __future__ import annotations

import sys

import pytest

from atlas_mcp.driver.preloading import preload


def test_a_library_is_there_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    sys.modules.pop("colorsys", None)
    preload(["no_such_library", "colorsys"])
    assert "colorsys" in sys.modules
    assert "no_such_library cannot be imported" in caplog.text
