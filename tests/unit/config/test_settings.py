"""The settings that hold where nothing is configured."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from atlas_mcp.models.configuration import load_settings


@pytest.mark.requirement("CONF-1")
def test_with_nothing_configured_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings({"XDG_CONFIG_HOME": str(tmp_path)})

    assert settings.budget.max_cost_usd == Decimal(5)
    assert (settings.budget.max_explores, settings.budget.prefetch) == (8, 2)
    assert settings.server.respond_within_s == 45
    assert settings.solvers == {}
    assert not settings.credentials
