"""Sections of the configuration that name models; an orchestrator may be one of the solvers."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.errors import ConfigError
from atlas_mcp.models.endpoint import endpoint_of
from tests.support.pools import HERE, pool


def test_an_orchestrator_may_be_a_solver_by_name(tmp_path: Path) -> None:
    entries = {"qwen": {"model": "ollama/qwen", "tools": True, "efforts": ["low"], "effort": "low"}}
    made = pool(tmp_path, entries, orchestrator={"model": "qwen"})
    solvers = made.solvers(None)

    assert made.orchestrator(solvers) == solvers[0].spec


def test_an_orchestrator_by_name_may_try_harder_and_write_more(tmp_path: Path) -> None:
    entries = {"qwen": {"model": "ollama/qwen", "effort": "low"}}
    orchestrator = {"model": "qwen", "effort": "max", "max_tokens": 4_096}
    made = pool(tmp_path, entries, orchestrator=orchestrator)
    [solver] = made.solvers(None)

    spec = made.orchestrator([solver])

    assert (spec.effort, spec.max_tokens) == ("max", 4_096)
    assert (solver.spec.effort, solver.spec.max_tokens) == ("low", 8_192)


def test_what_belongs_to_the_solver_is_refused_of_an_orchestrator_by_name(tmp_path: Path) -> None:
    made = pool(
        tmp_path,
        {"qwen": {"model": "ollama/qwen"}},
        orchestrator={"model": "qwen", "schema": "json"},
    )

    with pytest.raises(ConfigError, match=r"belongs to \[solvers.qwen\]"):
        made.orchestrator(made.solvers(None))


def test_an_orchestrator_of_its_own_is_used_as_it_declares(tmp_path: Path) -> None:
    made = pool(
        tmp_path,
        {"x": {"model": "ollama/m"}},
        orchestrator={"model": "openai/m", "base_url": HERE, "tools": True},
    )

    spec = made.orchestrator(made.solvers(None))

    assert (spec.model, endpoint_of(spec).base_url, spec.tools) == ("openai/m", HERE, True)
    assert spec.effort == "high"


def test_an_entry_of_no_known_vendor_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[solvers.x\] model: 'nobody/m'.*'ollama/…'"):
        pool(tmp_path, {"x": {"model": "nobody/m"}}).solvers(None)
