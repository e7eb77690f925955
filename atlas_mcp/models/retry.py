"""Trying a model again when it was unavailable, without losing count of what the attempts cost.

Owns the wait between attempts and the sums over them. Never retries what would fail again, and
never waits past the deadline of its caller.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

import anyio

from atlas_mcp.atlas.holds import input_tokens_at_most
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.model_spec import DEFAULT_IMAGE_TOKENS
from atlas_mcp.atlas.usage import FREE, NO_CHARGE, Charge, Cost, Price, Usage, add_costs
from atlas_mcp.errors import ConfigError, ModelDown, ModelError, ModelUnavailable
from atlas_mcp.models.prices import price_of

if TYPE_CHECKING:
    from atlas_mcp.models.base import Model, OnTokens, OnUsage

ATTEMPTS = 6
"""Attempts in all, the first included. Our own choice: with the delays below it outlasts about half
a minute of overload, where the vendor's client (2 retries) gives up after two seconds."""

FIRST_DELAY = 1.0
"""Seconds before the second attempt; doubles with each. Our own choice: twice the vendor client's
(`INITIAL_RETRY_DELAY` of anthropic 2.12.0), as several solvers of one run fail together."""

LONGEST_DELAY = 20.0
"""Seconds the doubling stops at. Our own choice: a run has other things to do than wait longer."""

JITTER = 0.25
"""Part of a delay that is random, so that calls that failed together do not come back together. As
in the vendor's client (anthropic 2.12.0)."""

LONGEST_RETRY_AFTER = 300.0
"""Seconds of `retry-after` that are obeyed; a vendor that asks for more is taken to be down. Our
own choice: rate limits are counted by the minute, and nobody waits longer for one explore."""

LONGEST_TOLD = 10.0**9
"""Seconds of `retry-after` that are told: a century is as good as never."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a call is made again.

    Attributes:
        attempts: Attempts in all, the first included.
        first_delay: Seconds before the second attempt; doubles with each.
        longest_delay: Seconds the doubling stops at.
        jitter: Part of a delay that is random, 0 to 1.
        longest_retry_after: Most seconds of a vendor's `retry-after` that are waited.
        random: Gives numbers from 0 to 1; the source of the jitter.
    """

    attempts: int = ATTEMPTS
    first_delay: float = FIRST_DELAY
    longest_delay: float = LONGEST_DELAY
    jitter: float = JITTER
    longest_retry_after: float = LONGEST_RETRY_AFTER
    random: Callable[[], float] = field(default=random.random, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ConfigError(f"retry `attempts` is {self.attempts!r}; it must be at least 1")
        if not 0 <= self.jitter <= 1:
            raise ConfigError(f"retry `jitter` is {self.jitter!r}; it must be from 0 to 1")
        for name in ("first_delay", "longest_delay", "longest_retry_after"):
            seconds: float = getattr(self, name)
            if not (math.isfinite(seconds) and seconds >= 0):
                raise ConfigError(f"retry `{name}` is {seconds!r}; it must be 0 or more seconds")

    def delay(self, failed: int, retry_after: float | None) -> float:
        """Return the seconds to wait after `failed` failed attempts.

        The vendor's `retry_after` is a floor: jitter is added to it, never taken from it.
        """
        # The exponent is bounded because 2.0**1024 overflows.
        delay = min(self.first_delay * 2.0 ** min(failed - 1, 60), self.longest_delay)
        if retry_after is None:
            return delay * (1 - self.jitter * self.random())
        return max(delay * (1 - self.jitter), retry_after) + delay * self.jitter * self.random()


@dataclass(frozen=True, slots=True)
class Retry:
    """A failed attempt that is made again.

    Attributes:
        attempt: Which attempt failed, from 1.
        wait: Seconds until the next one.
        error: Why it failed, with the charge of this attempt alone.
    """

    attempt: int
    wait: float
    error: ModelUnavailable


OnRetry: TypeAlias = Callable[[Retry], None]
"""Told before each wait. Never blocks."""

MaySpend: TypeAlias = Callable[[Decimal], Awaitable[bool]]
"""Asked before another attempt, with the US dollars the failed one may have cost: whether the
budget bears them beside the next attempt."""


async def generate_with_retries(
    model: Model,
    request: ModelRequest,
    *,
    policy: RetryPolicy,
    price: Price | None = None,
    image_tokens: int = DEFAULT_IMAGE_TOKENS,
    on_tokens: OnTokens | None = None,
    on_usage: OnUsage | None = None,
    on_retry: OnRetry | None = None,
    may_spend: MaySpend | None = None,
) -> Reply:
    """Call `model`, again while it is unavailable, within the deadline of the surrounding scope.

    Args:
        model: Whom to ask.
        request: What to ask.
        policy: How often and how patiently.
        price: Dearest rates of the model, to bound what an attempt that broke off may have cost;
            looked up by the model's name if not given.
        image_tokens: Input tokens one picture counts at most, for the same bound.
        on_tokens: Called as a reply grows; starts again from zero with each attempt.
        on_usage: Called with what has been counted so far, over all attempts.
        on_retry: Called before each wait.
        may_spend: Asked before each wait, where the attempt may have cost anything. A no ends
            the attempts.

    Returns:
        The reply of the attempt that worked. Its charge includes the failed ones.

    Raises:
        ModelError: No attempt worked. Its charge is that of all attempts, and `complete` is false
            if the counts of any of them may be short.
    """
    spent = _Spent()
    bound = _Bound(request, price, image_tokens)
    for attempt in range(1, policy.attempts + 1):
        try:
            meter = None if on_usage is None else spent.meter(on_usage)
            reply = await model.generate(request, on_tokens=on_tokens, on_usage=meter)
        except ModelUnavailable as error:
            spent.add(error)
            if on_usage is not None:
                spent.meter(on_usage)(NO_CHARGE)
            wait = policy.delay(attempt, error.retry_after)
            give_up = _reason_to_give_up(policy, attempt, error, wait)
            if give_up is None and not await _affordable(error, bound, may_spend):
                give_up = "not tried again: the budget leaves no money for another attempt"
            if give_up is not None:
                raise spent.all_in(error, give_up) from error
            retry = Retry(attempt=attempt, wait=wait, error=error)
        except ModelError as error:
            spent.add(error)
            raise spent.all_in(error) from error
        else:
            return spent.all_in_reply(reply, model.name, bound)
        if on_retry is not None:
            on_retry(retry)
        await anyio.sleep(retry.wait)
    raise AssertionError("the last attempt returns or raises")  # pragma: no cover - see above


def most_uncounted(
    error: ModelError,
    request: ModelRequest,
    price: Price,
    *,
    image_tokens: int = DEFAULT_IMAGE_TOKENS,
) -> Decimal:
    """Return the US dollars one failed call may have cost beyond its counts, at most.

    Args:
        error: The failure of a single attempt.
        request: What was asked.
        price: Dearest rates of the model.
        image_tokens: Input tokens one picture counts at most.

    Returns:
        Zero if the counts are complete, else what the whole of `max_tokens` costs less what is
        counted.
    """
    if error.complete:
        return FREE
    counted = error.charge or NO_CHARGE
    read = counted.usage.input_tokens or input_tokens_at_most(request, image_tokens=image_tokens)
    most = price.of(input_tokens=read, output_tokens=request.max_tokens)
    return max(FREE, most - (counted.cost or FREE))


@dataclass(frozen=True, slots=True)
class _Bound:
    """What the attempts of one call may cost at most, each."""

    request: ModelRequest
    price: Price | None
    image_tokens: int

    def priced(self, model: str) -> _Bound:
        return self if self.price else replace(self, price=price_of(model))

    def uncounted(self, error: ModelError) -> Cost:
        """Return `most_uncounted`; `None` where the price is unknown."""
        if self.price is None:
            return None
        return most_uncounted(error, self.request, self.price, image_tokens=self.image_tokens)


async def _affordable(error: ModelError, bound: _Bound, may_spend: MaySpend | None) -> bool:
    uncounted = bound.uncounted(error)
    if uncounted is None or may_spend is None:
        return True
    lost = uncounted + ((error.charge or NO_CHARGE).cost or FREE)
    return lost == 0 or await may_spend(lost)


def _reason_to_give_up(
    policy: RetryPolicy, attempt: int, error: ModelUnavailable, wait: float
) -> str | None:
    if isinstance(error, ModelDown):
        return ""
    if attempt == policy.attempts:
        return "" if attempt == 1 else f"gave up after {attempt} attempts"
    if error.retry_after is not None and error.retry_after > policy.longest_retry_after:
        asked = min(error.retry_after, LONGEST_TOLD)
        return (
            f"not tried again: the vendor asks to wait {asked:.0f} s, "
            f"more than the {policy.longest_retry_after:.0f} s that are waited"
        )
    left = anyio.current_effective_deadline() - anyio.current_time()
    if wait >= left:
        return (
            f"not tried again: the next attempt is due in {wait:.1f} s, "
            f"after the deadline in {max(0.0, left):.1f} s"
        )
    return None


class _Spent:
    """The failed attempts of one call, in the order they were made."""

    def __init__(self) -> None:
        self._errors: list[ModelError] = []

    def add(self, error: ModelError) -> None:
        self._errors.append(error)

    def meter(self, on_usage: OnUsage) -> OnUsage:
        """Return what adds the failed attempts to the counts of the one under way."""
        before = self._charge()
        return lambda further: on_usage(before + further)

    def all_in(self, error: ModelError, reason: str | None = None) -> ModelError:
        """Return a copy of `error` that carries the charge of all attempts."""
        # A copy, since the caller of `on_retry` may hold the error with its own charge.
        whole = copy.copy(error)
        whole.charge = self._charge()
        whole.complete = all(one.complete for one in self._errors)
        if reason:
            whole.message = f"{error.message}; {reason}"
            whole.args = (whole.model, whole.message)
        return whole

    def all_in_reply(self, reply: Reply, model: str, bound: _Bound) -> Reply:
        """Return `reply` with the charge of the failed attempts before it."""
        if not self._errors:
            return reply
        charge = reply.charge + self._charge()
        if not all(error.complete for error in self._errors):
            bound = bound.priced(model)
            uncounted = add_costs(*(bound.uncounted(error) for error in self._errors))
            if uncounted is None:
                charge = replace(charge, cost=None)
            else:
                charge += Charge(uncertain=uncounted)
        return replace(reply, charge=charge)

    def _charge(self) -> Charge:
        return sum((_charge_of_failure(error) for error in self._errors), NO_CHARGE)


def _charge_of_failure(error: ModelError) -> Charge:
    charge = error.charge or NO_CHARGE
    # An attempt that counted nothing cost nothing that is known, whatever its price.
    counted_nothing = charge.usage == Usage(charge.usage.requests)
    return replace(charge, cost=FREE) if charge.cost is None and counted_nothing else charge
