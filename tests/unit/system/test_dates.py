"""Whatever a clock says, there is a date for it."""

from __future__ import annotations

import math
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.system.dates import LAST_SECOND, moment


@given(st.floats())
def test_each_number_of_seconds_is_a_date_that_every_time_zone_can_tell(seconds: float) -> None:
    date = moment(seconds)

    for hours in (-14, 14):
        date.astimezone(timezone(timedelta(hours=hours))).isoformat(timespec="milliseconds")
    if 0 <= seconds <= LAST_SECOND:
        assert date.timestamp() == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize(
    ("seconds", "year"), [(math.nan, 1970), (-1, 1970), (math.inf, 9999), (1e12, 9999)]
)
def test_what_is_no_time_is_the_nearest_one(seconds: float, year: int) -> None:
    assert moment(seconds).year == year
