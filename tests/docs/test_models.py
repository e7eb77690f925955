"""What `docs/models.md` shows is loaded, or held against what it speaks of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from atlas_mcp.config.profiles import PAPER_MODEL
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.chat.presets import PRESETS
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.gate import COOL_DOWN, OPENS_AFTER, OPENS_AFTER_SECONDS
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.registry import VENDORS
from atlas_mcp.models.wire.accounts import FIRST_ANSWER, REFUSED_FOR

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def load(snippet: str, folder: Path) -> Settings:
    config = folder / "atlas.toml"
    config.write_text(snippet, encoding="utf-8")
    keys = {preset.key_env: "x" for preset in PRESETS if preset.key_env}
    environ = {"ATLAS_CONFIG": str(config), "ATLAS_HOME": str(folder), "QWEN_API_KEY": "x"}
    return load_settings({**environ, **keys, "ANTHROPIC_API_KEY": "x"})


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_every_configuration_is_a_pool_with_an_orchestrator(tmp_path: Path, snippet: str) -> None:
    settings = load(snippet, tmp_path)
    pool = Pool(settings)
    solvers = pool.solvers(None)

    assert [entry.name for entry in solvers] == list(settings.solvers)
    for spec in (*(entry.spec for entry in solvers), pool.orchestrator(solvers)):
        assert spec.price is not None, spec.model


def test_the_profile_of_the_paper_is_as_published(tmp_path: Path) -> None:
    """Source: facts of the ATLAS paper: serial explores, T = 8, one model."""
    settings = load(SNIPPETS[-1], tmp_path)
    pool = Pool(settings)
    solvers = pool.solvers(None)

    assert {entry.spec.model for entry in solvers} == {PAPER_MODEL}
    assert pool.orchestrator(solvers).model == PAPER_MODEL
    budget = settings.budget
    assert (budget.max_explores, budget.max_parallel, budget.prefetch) == (8, 1, 0)


def test_every_vendor_has_its_row_with_its_key() -> None:
    rows = {
        row[0]: row for row in re.findall(r"^\| `(\w+)` \| .*? \| (.*?) \|", PAGE, re.MULTILINE)
    }

    for vendor in set(VENDORS) - {"scripted"}:
        assert vendor in rows
    for preset in PRESETS:
        assert (preset.key_env or "none") in rows[preset.vendor][1]


def test_the_numbers_of_the_page_are_those_in_use() -> None:
    assert OPENS_AFTER == 6
    assert "failed six times in a row" in PAGE
    assert f"over {OPENS_AFTER_SECONDS:.0f} seconds" in PAGE
    assert f"{COOL_DOWN:.0f} seconds" in PAGE
    assert f"not tried again for {REFUSED_FOR:.0f} seconds" in PAGE
    assert f"{FIRST_ANSWER:.0f} seconds at most" in PAGE
