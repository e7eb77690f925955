"""How long runs are kept: what the limits mean, and what is removed without being asked."""

from __future__ import annotations

import math

import pytest

from atlas_mcp.errors import InvalidInput
from atlas_mcp.runs.retention import DAY_SECONDS, MEGABYTE, Keep

NOW = 1_000_000.0


@pytest.mark.parametrize("limit", [-1.0, -0.001, -math.inf, math.nan])
def test_a_limit_below_nothing_is_refused_by_its_name(limit: float) -> None:
    with pytest.raises(InvalidInput, match=r"`keep_days`.*0 or more"):
        Keep(days=limit)
    with pytest.raises(InvalidInput, match=r"`max_size_mb`.*0 or more"):
        Keep(size_mb=limit)


def test_limits_are_in_days_and_megabytes() -> None:
    keep = Keep(days=2, size_mb=0.5)

    assert keep.idle_since(NOW) == NOW - 2 * DAY_SECONDS
    assert keep.size_bytes == MEGABYTE / 2
    assert not keep.everything
    assert Keep().everything
    assert (Keep().idle_since(NOW), Keep().size_bytes) == (None, None)
