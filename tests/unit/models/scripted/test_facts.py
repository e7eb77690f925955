"""The keys that a scripted model has a use for."""

from __future__ import annotations

from atlas_mcp.models.scripted.facts import FACTS


def test_an_entry_may_say_what_the_model_is_and_never_where() -> None:
    assert FACTS.keys == {"tools", "images", "price", "parallel", "guard"}
