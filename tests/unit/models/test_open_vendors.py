"""A vendor is opened once, when a model of it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import InvalidInput
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.open_vendors import OpenVendors
from atlas_mcp.models.registry import VENDORS, prefix_of

VERBS = ("spec", "missing", "connect", "check", "prepare")


@pytest.mark.parametrize("model", [f"{prefix}/demo" for prefix in VENDORS])
def test_every_line_leads_to_a_vendor(model: str, tmp_path: Path) -> None:
    settings = load_settings({"ATLAS_HOME": str(tmp_path)})
    vendors = OpenVendors(settings)

    assert all(callable(getattr(vendors.of(model), verb)) for verb in VERBS)
    assert vendors.of(model) is vendors.of(f"{prefix_of(model)}/other")


@pytest.mark.parametrize("name", ["xyz/m", "m", "openai/", "openai", ""])
def test_a_name_without_a_vendor_or_without_a_model_is_refused(name: str, tmp_path: Path) -> None:
    vendors = OpenVendors(Settings(home=tmp_path))

    assert vendors.find(name) is None
    with pytest.raises(InvalidInput, match="is of no known vendor"):
        vendors.of(name)


@pytest.mark.parametrize("model", ["scripted/demo", "ollama/m", "anthropic/claude-x", "local"])
def test_whether_an_orchestrator_is_helped_is_said_by_the_entry_of_any_vendor(
    model: str, tmp_path: Path
) -> None:
    vendors = OpenVendors(Settings(home=tmp_path))

    def helped(guard: bool | None) -> bool:
        return vendors.spec(model, SolverSettings(model=model, guard=guard)).guard

    assert (helped(True), helped(False)) == (True, False)
    assert helped(None) == (model == "local")
