"""Where settings come from, and how a wrong one is told."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from atlas_mcp.config import load_settings
from atlas_mcp.errors import ConfigError


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "atlas.toml"


def load(toml: Path, content: str = "", **environ: str) -> object:
    toml.write_text(content, encoding="utf-8")
    return load_settings({"ATLAS_CONFIG": str(toml), **environ})


def test_with_nothing_configured_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings({"XDG_CONFIG_HOME": str(tmp_path)})

    assert settings.budget.max_cost_usd == Decimal(5)
    assert (settings.budget.max_explores, settings.budget.prefetch) == (8, 2)
    assert settings.server.respond_within_s == 45
    assert settings.solvers == {}
    assert not settings.has_anthropic_credentials


def test_the_file_beats_the_default_and_the_environment_beats_the_file(toml: Path) -> None:
    toml.write_text("[budget]\nmax_explores = 3\nmax_parallel = 2\n")

    settings = load_settings({"ATLAS_CONFIG": str(toml), "ATLAS_BUDGET_MAX_EXPLORES": "5"})

    assert (settings.budget.max_explores, settings.budget.max_parallel) == (5, 2)


def test_a_solvers_scalar_is_set_by_its_name(toml: Path) -> None:
    toml.write_text('[solvers.my-haiku]\nmodel = "anthropic/claude-haiku-5-5"\n')

    settings = load_settings({"ATLAS_CONFIG": str(toml), "ATLAS_SOLVERS_MY_HAIKU_QUOTA": "4"})

    assert settings.solvers["my-haiku"].quota == 4


@pytest.mark.parametrize("source", ["file", "environment"])
def test_the_word_none_lifts_the_cap(toml: Path, source: str) -> None:
    toml.write_text('[budget]\nmax_cost_usd = "none"\n' if source == "file" else "")
    environ = {"ATLAS_BUDGET_MAX_COST_USD": "none"} if source == "environment" else {}

    settings = load_settings({"ATLAS_CONFIG": str(toml), **environ})

    assert settings.budget.max_cost_usd is None


def test_a_key_is_read_where_the_entry_says_and_shown_nowhere(toml: Path) -> None:
    toml.write_text('[solvers.x]\nmodel = "anthropic/m"\napi_key_env = "MY_KEY"\n')

    settings = load_settings({"ATLAS_CONFIG": str(toml), "MY_KEY": "secret-word"})

    assert settings.keys == {"MY_KEY": "secret-word"}
    assert "secret-word" not in repr(settings)


@pytest.mark.parametrize(
    ("content", "environ", "words"),
    [
        ("[budget]\nmax_explores = 0\n", {}, ["atlas.toml", "budget.max_explores", "1"]),
        ("[budget]\nmax_cost_usd = -1\n", {}, ["budget.max_cost_usd", "greater than 0"]),
        ("[budget]\nmax_explore = 3\n", {}, ["budget.max_explore", "not known"]),
        ("[budgets]\n", {}, ["budgets", "not known"]),
        ("[budget", {}, ["atlas.toml", "not TOML"]),
        ("[orchestrator]\neffort = 'huge'\n", {}, ["orchestrator.effort", "'low'"]),
        ("[solvers.x]\nquota = 1\n", {}, ["solvers.x.model", "required"]),
        ("", {"ATLAS_BUDGET_MAX_EXPLORES": "many"}, ["ATLAS_BUDGET_MAX_EXPLORES", "'many'"]),
        ("", {"ATLAS_BUDGET_MAX_EXPLORE": "3"}, ["ATLAS_BUDGET_MAX_EXPLORE", "MAX_EXPLORES"]),
        ("", {"ATLAS_SOLVERS_NOBODY_QUOTA": "3"}, ["ATLAS_SOLVERS_NOBODY_QUOTA", "none"]),
        (
            '[solvers.x]\nmodel = "anthropic/m"\napi_key_env = "NOT_SET"\n',
            {},
            ["solvers.x", "NOT_SET"],
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_is_accepted(
    toml: Path, content: str, environ: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(toml, content, **environ)

    for word in words:
        assert word in str(caught.value)


def test_a_file_that_is_named_and_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ATLAS_CONFIG"):
        load_settings({"ATLAS_CONFIG": str(tmp_path / "nowhere.toml")})


def test_a_file_that_is_no_text_is_an_error(toml: Path) -> None:
    toml.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings({"ATLAS_CONFIG": str(toml)})
