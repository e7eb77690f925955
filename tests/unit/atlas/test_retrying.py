import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.retrying import RetryPolicy, chance_of
from atlas_mcp.errors import ConfigError


def test_delays_double_up_to_a_ceiling() -> None:
    policy = RetryPolicy(first_delay=1, longest_delay=5, jitter=0)

    delays = [policy.delay(failed, None, chance=0.5) for failed in (1, 2, 3, 4, 5000)]
    assert delays == [1, 2, 4, 5, 5]


@pytest.mark.parametrize(("chance", "delay"), [(0.0, 8.0), (0.5, 7.0), (1.0, 6.0)])
def test_jitter_takes_from_a_delay(chance: float, delay: float) -> None:
    policy = RetryPolicy(first_delay=8, longest_delay=8, jitter=0.25)

    assert policy.delay(1, None, chance=chance) == delay


@given(
    failed=st.integers(min_value=1, max_value=10_000),
    retry_after=st.none() | st.floats(min_value=0, max_value=1e6),
    chance=st.floats(min_value=0, max_value=1),
)
def test_a_delay_is_finite_and_never_below_what_the_vendor_asks(
    failed: int, retry_after: float | None, chance: float
) -> None:
    delay = RetryPolicy().delay(failed, retry_after, chance=chance)

    assert math.isfinite(delay)
    assert delay >= (retry_after or 0)


def test_chance_differs_between_calls_attempts_and_runs_and_is_the_same_in_a_replay() -> None:
    drawn = [
        chance_of(call, attempt, opened_at)
        for call in ("solver-1", "solver-2")
        for attempt in (1, 2)
        for opened_at in (1.0, 2.5)
    ]

    assert len(set(drawn)) == len(drawn)
    assert all(0 <= one < 1 for one in drawn)
    assert chance_of("solver-1", 1, 1.0) == drawn[0]


@pytest.mark.parametrize(
    "bad",
    [
        lambda: RetryPolicy(attempts=0),
        lambda: RetryPolicy(jitter=1.5),
        lambda: RetryPolicy(first_delay=-1),
        lambda: RetryPolicy(longest_delay=math.inf),
        lambda: RetryPolicy(longest_retry_after=math.nan),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(bad: Callable[[], RetryPolicy]) -> None:
    with pytest.raises(ConfigError, match="retry `"):
        bad()
