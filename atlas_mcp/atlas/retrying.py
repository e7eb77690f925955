"""Retries of failed calls: decisions on the state of a run.

Owns the policy of retries and the texts for giving up. The waits are decided here and slept
elsewhere; jitter is derived from the call's name, so that a replay decides the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from zlib import crc32

from atlas_mcp.atlas.wording import seconds_text
from atlas_mcp.errors import ConfigError

ATTEMPTS = 6
"""Attempts in all, the first included. Our own choice: with the delays below it outlasts about half
a minute of overload, where the vendor's client (2 retries) gives up after two seconds."""

FIRST_DELAY = 1.0
"""Seconds before the second attempt; doubles with each. Our own choice: twice the vendor client's
(`INITIAL_RETRY_DELAY` of anthropic 2.12.0), as several solvers of one run fail together."""

LONGEST_DELAY = 20.0
"""Seconds the doubling stops at. Our own choice: a longer wait is of no use to a run."""

JITTER = 0.25
"""Part of a delay that is random, so that calls that failed together do not come back together. As
in the vendor's client (anthropic 2.12.0)."""

LONGEST_RETRY_AFTER = 300.0
"""Seconds of `retry-after` that are obeyed; a vendor that asks for more is taken to be down. Our
own choice: rate limits are counted by the minute, and one explore is not worth a longer wait."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The number of attempts of a call, and the waits between them.

    Attributes:
        attempts: Attempts in all, the first included.
        first_delay: Seconds before the second attempt; doubles with each.
        longest_delay: Seconds the doubling stops at.
        jitter: Part of a delay that is random, 0 to 1.
        longest_retry_after: Most seconds of a vendor's `retry-after` that are waited.
    """

    attempts: int = ATTEMPTS
    first_delay: float = FIRST_DELAY
    longest_delay: float = LONGEST_DELAY
    jitter: float = JITTER
    longest_retry_after: float = LONGEST_RETRY_AFTER

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ConfigError(f"retry `attempts` is {self.attempts!r}; it must be at least 1")
        if not 0 <= self.jitter <= 1:
            raise ConfigError(f"retry `jitter` is {self.jitter!r}; it must be from 0 to 1")
        for name in ("first_delay", "longest_delay", "longest_retry_after"):
            seconds: float = getattr(self, name)
            if not (math.isfinite(seconds) and seconds >= 0):
                raise ConfigError(f"retry `{name}` is {seconds!r}; it must be 0 or more seconds")

    def delay(self, failed: int, retry_after: float | None, *, chance: float) -> float:
        """Return the seconds to wait after `failed` failed attempts.

        Args:
            failed: The number of failed attempts.
            retry_after: Seconds that the vendor asks to wait, a floor: jitter is added to it and
                never taken from it. `None` where it asks for nothing.
            chance: The place of the delay in the range of the jitter, 0 to 1.
        """
        # The exponent is bounded because 2.0**1024 overflows.
        delay = min(self.first_delay * 2.0 ** min(failed - 1, 60), self.longest_delay)
        if retry_after is None:
            return delay * (1 - self.jitter * chance)
        return max(delay * (1 - self.jitter), retry_after) + delay * self.jitter * chance


def chance_of(call: str, attempt: int, opened_at: float) -> float:
    """Return a number from 0 to 1 that differs between calls, attempts and runs."""
    return crc32(f"{opened_at} {call} {attempt}".encode()) / 2**32


def why_no_further_attempt(
    policy: RetryPolicy, attempt: int, *, retry_after: float | None, wait: float, left: float
) -> str | None:
    """Return why a failed call is not made again; `None` where it is made again after `wait`.

    Args:
        policy: The policy of retries.
        attempt: The attempt that failed, from 1.
        retry_after: Seconds that the vendor asks to wait, if it does.
        wait: Seconds until the next attempt.
        left: Seconds until the call's deadline.
    """
    if attempt >= policy.attempts:
        return "" if attempt == 1 else f"gave up after {attempt} attempts"
    if retry_after is not None and retry_after > policy.longest_retry_after:
        return (
            f"not tried again: the vendor asks to wait {seconds_text(retry_after)}, "
            f"more than the {seconds_text(policy.longest_retry_after)} that are waited"
        )
    if wait >= left:
        return (
            f"not tried again: the next attempt is due in {wait:.1f} s, "
            f"after the deadline in {max(0.0, left):.1f} s"
        )
    return None
