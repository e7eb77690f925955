"""Profiles lie under the values that are set."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from atlas_mcp.errors import ConfigError
from atlas_mcp.models.configuration import load_settings
from tests.support.config_files import load


@pytest.mark.parametrize("source", ["file", "environment"])
@pytest.mark.requirement("CONF-10")
def test_the_profile_of_the_paper_is_one_explore_a_turn_of_eight_with_its_model(
    toml: Path, source: str
) -> None:
    """Source: arXiv 2606.01667, the main results."""
    toml.write_text('profile = "paper"\n' if source == "file" else "")
    environ = {"ATLAS_PROFILE": "paper"} if source == "environment" else {}

    settings = load_settings({"ATLAS_CONFIG": str(toml), **environ})

    budget = settings.budget
    assert (budget.max_explores, budget.max_parallel, budget.prefetch) == (8, 1, 0)
    assert settings.orchestrator is not None
    assert settings.orchestrator.model == "anthropic/claude-sonnet-4-6"
    assert [entry.model for entry in settings.solvers.values()] == ["anthropic/claude-sonnet-4-6"]
    assert budget.max_cost_usd == Decimal(5), "what a profile leaves alone stays as it is"


def test_what_is_set_wins_over_the_profile(toml: Path) -> None:
    toml.write_text("""
        profile = "paper"
        [budget]
        max_explores = 4
        [orchestrator]
        effort = "low"
        [solvers.mine]
        model = "openai/m"
        base_url = "http://127.0.0.1:8000/v1"
    """)

    settings = load_settings({"ATLAS_CONFIG": str(toml), "ATLAS_BUDGET_PREFETCH": "1"})

    budget = settings.budget
    assert (budget.max_explores, budget.max_parallel, budget.prefetch) == (4, 1, 1)
    assert settings.orchestrator is not None
    assert settings.orchestrator.model == "anthropic/claude-sonnet-4-6"
    assert settings.orchestrator.effort == "low"
    assert list(settings.solvers) == ["mine"], "a pool of one's own is not added to"


@pytest.mark.parametrize("source", ["file", "environment"])
def test_an_unknown_profile_is_named_with_the_known_ones(toml: Path, source: str) -> None:
    environ = {"ATLAS_PROFILE": "papers"} if source == "environment" else {}

    with pytest.raises(ConfigError, match="'paper'") as caught:
        load(toml, 'profile = "papers"\n' if source == "file" else "", **environ)

    assert ("ATLAS_PROFILE" if environ else "profile") in str(caught.value)


@pytest.mark.parametrize("section", ["budget", "orchestrator"])
def test_a_section_under_a_profile_that_is_no_table_is_an_error_that_names_it(
    toml: Path, section: str
) -> None:
    with pytest.raises(ConfigError, match=section):
        load(toml, f'profile = "paper"\n{section} = 5\n')
