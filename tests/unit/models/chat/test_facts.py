"""The facts about vendors of Chat Completions are those of their presets."""

from __future__ import annotations

from atlas_mcp.models.chat.facts import FACTS
from atlas_mcp.models.chat.presets import PRESETS
from atlas_mcp.models.registry import VENDORS


def test_the_key_of_each_preset_is_read() -> None:
    assert set(FACTS.key_variables) == {preset.key_env for preset in PRESETS} - {None}


def test_its_variables_are_those_of_vendors_in_the_registry() -> None:
    assert {*FACTS.addresses, *FACTS.header_variables} <= VENDORS.keys()
