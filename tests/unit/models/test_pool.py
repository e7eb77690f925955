"""From names to models: which solvers and which orchestrator a run gets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from atlas_mcp.errors import ConfigError, InvalidInput
from atlas_mcp.models.scripted.model import Says, Scripted
from tests.support.pools import pool


def test_a_model_that_no_entry_names_can_be_asked_for_all_the_same(tmp_path: Path) -> None:
    [solver] = pool(tmp_path).solvers(["openrouter/meta/llama"])

    assert (solver.name, solver.spec.model) == ("openrouter/meta/llama", "openrouter/meta/llama")


@pytest.mark.parametrize("name", ["nobody/m", "openai/", "openai", "/m", "m"])
def test_a_name_of_no_known_vendor_is_refused_with_the_known_ones(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidInput, match=r"solvers") as caught:
        pool(tmp_path).solvers([name])

    assert repr(name) in str(caught.value)


def test_an_embedded_model_that_cannot_start_is_refused_before_a_run_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_mcp.models.embedded.llama_process.runtime_installed", lambda: False)

    with pytest.raises(ConfigError, match=r"solver 'local' cannot be used: llama\.cpp is not"):
        pool(tmp_path).solvers(["local"])


def test_without_a_key_for_the_default_the_first_solver_orchestrates(tmp_path: Path) -> None:
    made = pool(tmp_path, {"x": {"model": "mistral/m"}}, anthropic=False)
    solvers = made.solvers(None)

    assert made.orchestrator(solvers) == solvers[0].spec


def test_a_missing_key_of_the_orchestrator_is_named_before_a_run_opens(tmp_path: Path) -> None:
    made = pool(tmp_path, {"x": {"model": "ollama/m"}}, orchestrator={"model": "xai/m"}, keys={})

    with pytest.raises(ConfigError, match=r"orchestrator.*set XAI_API_KEY"):
        made.orchestrator(made.solvers(None))


def test_a_model_that_stands_in_for_another_needs_neither_key_nor_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    made = pool(tmp_path, {"x": {"model": "mistral/m"}}, keys={})
    made.models = {"mistral/m": Scripted(lambda request: Says())}

    assert [solver.name for solver in made.solvers(None)] == ["x"]
