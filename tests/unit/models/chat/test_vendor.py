"""Vendors of Chat Completions: whose key goes where, and what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from atlas_mcp.errors import ConfigError
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.chat.presets import PRESETS, preset_of
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.gate import Gated
from tests.support.pools import HERE, THERE, pool


@pytest.mark.parametrize("vendor", [preset.vendor for preset in PRESETS if preset.key_env])
async def test_a_vendors_key_goes_to_no_other_address(tmp_path: Path, vendor: str) -> None:
    entries = {"own": {"model": f"{vendor}/m"}, "else": {"model": f"{vendor}/m", "base_url": THERE}}
    own, elsewhere = pool(tmp_path, entries).solvers(None)

    preset = preset_of(vendor)
    assert preset is not None
    assert endpoint_of(own.spec).api_key_env == preset.key_env
    assert (endpoint_of(elsewhere.spec).api_key_env, endpoint_of(elsewhere.spec).base_url) == (
        None,
        THERE,
    )


def test_a_missing_client_library_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)

    with pytest.raises(ConfigError, match=r'-m pip install "openai'):
        pool(tmp_path, {"x": {"model": "ollama/m"}}).solvers(None)


async def test_entries_that_say_different_things_of_one_endpoint_are_different_models(
    tmp_path: Path,
) -> None:
    entry = {"model": "openai/m", "base_url": HERE}
    made = pool(tmp_path, {"a": entry, "b": {**entry, "schema": "strict"}, "c": entry})
    a, b, c = [await made.model(solver.spec) for solver in made.solvers(None)]

    assert isinstance(a, Gated)
    assert isinstance(b, Gated)
    assert isinstance(a.model, OpenAICompatible)
    assert a is c
    assert a.model is not b.model
    # A rate limit is the endpoint's, whatever is said of it.
    assert a.gate is b.gate

    await made.aclose()
