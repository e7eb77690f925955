"""Closed sets that the page has in its own language are those of the package."""

from __future__ import annotations

import re
from pathlib import Path

from atlas_mcp.atlas.explore import STRATEGIES

SOURCE = Path(__file__).parents[4] / "ui/src/run/strategies.ts"


def test_the_page_offers_the_strategies_that_there_are() -> None:
    offered = re.findall(r'"([a-z_]+)"', SOURCE.read_text(encoding="utf-8"))

    assert tuple(offered) == STRATEGIES
