"""The whole suite: the checks of every part, and those among them that a model must pass."""

from __future__ import annotations

from atlas_mcp.testing.model_conformance import NEEDED, Abilities, Check, ends, failures, replies

CHECKS: tuple[Check, ...] = tuple(
    sorted((*replies.CHECKS, *failures.CHECKS, *ends.CHECKS), key=lambda check: check.__name__)
)
"""All checks, in their order."""


def checks_for(abilities: Abilities) -> tuple[Check, ...]:
    """Return the checks that a model with these abilities must pass."""
    return tuple(
        check for check in CHECKS if getattr(abilities, NEEDED.get(check.__name__, "always"), True)
    )
