"""How many cases a property test draws: few every day, all in CI, many more at night."""

from __future__ import annotations

import os

FULL = float(os.environ.get("ATLAS_DRAWS", "0.1"))
"""The part of its full number that a test draws; `.ci/run` sets 1 and `.ci/nightly` 10."""

FEW = 5
"""A test draws that many at least, if its full number is no smaller."""


def draws(full: int) -> int:
    """Return how many cases to draw where the full number is `full`."""
    return max(round(full * FULL), min(full, FEW))
