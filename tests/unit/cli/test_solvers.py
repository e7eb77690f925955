from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlas_mcp.cli.solvers import show_pool
from atlas_mcp.config.settings import Settings


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_without_a_chat_model_a_probe_finds_nothing_out_and_spends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await show_pool(Settings(home=tmp_path), probe=True, as_json=True)

    printed = capsys.readouterr()
    assert "There is nothing to find out" in printed.err
    assert {row["default"] for row in json.loads(printed.out)} == {True, False}
