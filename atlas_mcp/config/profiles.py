"""Profiles: named sets of values that hold where no value is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlas_mcp.config.variables import table_of

PAPER_MODEL = "anthropic/claude-sonnet-4-6"
"""Solver and orchestrator of the ATLAS paper's main results (arXiv 2606.01667, June 2026)."""

PROFILES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "paper": {
        "orchestrator": {"model": PAPER_MODEL},
        "solvers": {"sonnet": {"model": PAPER_MODEL}},
        "budget": {"max_explores": 8, "max_parallel": 1, "prefetch": 0},
    }
}
"""The values of `profile = NAME`. `paper`: one explore a turn, none before the first turn, eight
at most, one model, as published."""


def with_profile(merged: dict[str, Any]) -> dict[str, Any]:
    """Return the content with the values of its profile added; values that are set win."""
    named = merged.get("profile")
    profile = (PROFILES.get(named) if isinstance(named, str) else None) or {}
    laid = {**merged}
    for section, values in profile.items():
        laid[section] = {**values, **table_of(merged.get(section, {}), section)}
    if "solvers" in merged:
        # A pool of the operator's own is not added to.
        laid["solvers"] = merged["solvers"]
    return laid
