"""The keys that a scripted model has a use for."""

from __future__ import annotations

from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.models.scripted.facts import FACTS


def test_what_it_ignores_is_known_to_the_configuration() -> None:
    known = set(EndpointSettings.model_fields)

    assert known > FACTS.useless_keys
    assert known - FACTS.useless_keys == {"tools", "images", "price", "parallel"}
