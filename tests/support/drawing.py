"""How many cases a property test draws: few every day, more in CI, many at night."""

from __future__ import annotations

import os

FULL = float(os.environ.get("ATLAS_DRAWS", "0.1"))
"""The part of its full number that a test draws; `.ci/run` sets 0.4 and `.ci/nightly` 10."""

FEW = 5
"""A test draws that many at least, if its full number is no smaller."""

MANY = 50
"""A test draws that many at most, every day and in CI."""


def draws(full: int) -> int:
    """Return how many cases to draw where the full number is `full`."""
    count = max(round(full * FULL), min(full, FEW))
    return count if FULL >= 1 else min(count, MANY)
