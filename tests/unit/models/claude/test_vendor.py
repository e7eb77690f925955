"""The vendor of Claude models: whose key goes where, and what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from atlas_mcp.errors import ConfigError
from tests.support.pools import HERE, RATES, THERE, pool, spec_of


def test_a_gateway_gets_the_key_of_anthropic_unless_its_entry_names_one(tmp_path: Path) -> None:
    entries = {
        "named": {"model": "anthropic/m", "base_url": THERE, "api_key_env": "MY_KEY"},
        "not": {"model": "anthropic/m", "base_url": THERE},
    }
    made = pool(tmp_path, entries, keys={"MY_KEY": "k"})
    named, unnamed = made.entries(["named", "not"])

    assert made.readiness(named.spec) == "ready"
    assert made.readiness(unnamed.spec).startswith("no key: set ANTHROPIC_API_KEY, or name")
    made = pool(tmp_path, entries, keys={"MY_KEY": "k", "ANTHROPIC_API_KEY": "a"})
    assert [entry.name for entry in made.solvers(None)] == ["named", "not"]


def test_a_missing_key_is_named_before_a_run_opens(tmp_path: Path) -> None:
    made = pool(tmp_path, {"x": {"model": "mistral/m"}}, keys={})

    with pytest.raises(ConfigError, match=r"solver 'x'.*set MISTRAL_API_KEY"):
        made.solvers(None)

    spec = spec_of(tmp_path, model="mistral/m")
    assert made.readiness(spec) == "no key: set MISTRAL_API_KEY"


def test_a_claude_model_without_a_key_is_named_before_anything_is_spent(tmp_path: Path) -> None:
    other = {"model": "openai/m", "base_url": HERE, "price": RATES}
    claude = {"model": "anthropic/claude-haiku-5-5"}
    with pytest.raises(ConfigError, match=r"solver 'c' cannot be used: no key: set ANTHROPIC"):
        pool(tmp_path, {"o": other, "c": claude}, anthropic=False).solvers(None)
    made = pool(tmp_path, {"o": other}, orchestrator=claude, anthropic=False)

    with pytest.raises(ConfigError, match="orchestrator cannot be used: no key"):
        made.orchestrator(made.solvers(None))


def test_a_pool_of_claude_alone_needs_no_such_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)

    [solver] = pool(tmp_path).solvers(None)

    assert solver.spec.model.startswith("anthropic/")
