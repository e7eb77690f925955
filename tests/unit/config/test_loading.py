"""Built-in defaults, under the file, under the environment."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from atlas_mcp.models.configuration import load_settings


@pytest.mark.requirement("CONF-2")
def test_the_file_beats_the_default_and_the_environment_beats_the_file(toml: Path) -> None:
    toml.write_text("[budget]\nmax_explores = 3\nmax_parallel = 2\n")

    settings = load_settings({"ATLAS_CONFIG": str(toml), "ATLAS_BUDGET_MAX_EXPLORES": "5"})

    assert (settings.budget.max_explores, settings.budget.max_parallel) == (5, 2)


@pytest.mark.requirement("CONF-9")
def test_the_example_of_the_contract_is_taken(toml: Path) -> None:
    example = """
        [orchestrator]
        model = "anthropic/claude-sonnet-5-5"
        effort = "high"
        [solvers.sonnet]
        model = "anthropic/claude-sonnet-5-5"
        [solvers.qwen]
        model = "openai/qwen3-32b"
        base_url = "http://127.0.0.1:8000/v1"
        api_key_env = "QWEN_API_KEY"
        efforts = []
        schema = "strict"
        images = false
        quota = 8
        price = { input = 0.2, output = 0.6 }
        [budget]
        max_explores = 8
        max_parallel = 4
        prefetch = 2
        max_cost_usd = 5.0
        time_limit_s = 1800
        [server]
        respond_within_s = 45
    """
    toml.write_text(example)

    settings = load_settings({"ATLAS_CONFIG": str(toml), "QWEN_API_KEY": "k"})

    assert list(settings.solvers) == ["sonnet", "qwen"]
    assert settings.solvers["qwen"].quota == 8
    assert settings.solvers["qwen"].price is not None
    assert settings.solvers["qwen"].price.output == Decimal("0.6")


def test_home_is_where_the_variable_says(tmp_path: Path) -> None:
    nowhere = {"XDG_CONFIG_HOME": str(tmp_path)}

    assert load_settings({**nowhere, "ATLAS_HOME": str(tmp_path)}).home == tmp_path
    assert load_settings({**nowhere, "ATLAS_HOME": ""}).home.is_absolute()
    assert load_settings({**nowhere, "ATLAS_HOME": "~/x"}).home == Path.home() / "x"
