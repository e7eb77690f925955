from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.cli.pull import pull_model
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import ConfigError


async def test_a_file_of_the_users_own_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is nothing to fetch"):
        await pull_model("local/~/weights.gguf", Settings(home=tmp_path))
