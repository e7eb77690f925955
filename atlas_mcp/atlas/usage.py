"""Charges of calls: requests, tokens and their cost in US dollars.

Owns the arithmetic and nothing else. Prices of named models live in `models.prices`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

Cost: TypeAlias = Decimal | None
"""US dollars; `None` for unknown, which is never the same as zero."""

FREE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Usage:
    """Counted requests and tokens, of one call or of a whole run.

    Attributes:
        requests: Calls that reached the vendor, retries included.
        input_tokens: All tokens read, both cache counts included.
        output_tokens: All tokens written, thinking included.
        cache_read_tokens: The part of `input_tokens` served from a cache.
        cache_write_tokens: The part of `input_tokens` written to a cache.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
        )


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Charge:
    """The consumption of one call, or of several together.

    Attributes:
        usage: The requests and tokens that were counted.
        cost: US dollars that `usage` costs; `None` where a price is unknown.
        uncertain: US dollars, at most, that may have been billed beyond `cost`, because the final
            counts never arrived.
    """

    usage: Usage = NO_USAGE
    cost: Cost = FREE
    uncertain: Decimal = FREE

    def __add__(self, other: Charge) -> Charge:
        return Charge(
            self.usage + other.usage,
            add_costs(self.cost, other.cost),
            self.uncertain + other.uncertain,
        )

    @property
    def shown_cost(self) -> Cost:
        """The cost as people see it: unknown where a bill is possible and nothing was counted."""
        return None if self.cost == FREE and self.uncertain > 0 else self.cost


NO_CHARGE = Charge()
"""Nothing consumed."""


@dataclass(frozen=True, slots=True)
class Price:
    """Rates of a model, US dollars per million tokens.

    Holds are computed from them, so where a vendor has tiers these are the highest ones. The cost
    of a finished call is computed from the vendor's tiers.

    Attributes:
        input: For tokens read.
        output: For tokens written.
        cache_read: For tokens read from a cache; `None` for the rate of input.
        cache_write: For tokens written to a cache; `None` for the rate of input.
    """

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None

    def of(self, *, input_tokens: int, output_tokens: int) -> Decimal:
        """Return the US dollars these tokens cost at most."""
        dearest = max(self.input, self.cache_read or FREE, self.cache_write or FREE)
        return (dearest * input_tokens + self.output * output_tokens) / 1_000_000

    def cost_of(self, usage: Usage) -> Decimal:
        """Return the US dollars that counted tokens cost."""
        read, written = usage.cache_read_tokens, usage.cache_write_tokens
        total = (
            self.input * (usage.input_tokens - read - written) + self.output * usage.output_tokens
        )
        total += (self.input if self.cache_read is None else self.cache_read) * read
        total += (self.input if self.cache_write is None else self.cache_write) * written
        return total / 1_000_000

    def output_tokens_for(self, dollars: Decimal) -> int | None:
        """Return how many output tokens `dollars` buy; `None` if output costs nothing."""
        if self.output == 0:
            return None
        return max(0, int(dollars * 1_000_000 / self.output))


def rounded(dollars: Decimal, places: int) -> float:
    """Return US dollars as a number for JSON; amounts of 10**12 and more are not rounded."""
    return float(round(dollars, places)) if dollars < 10**12 else float(dollars)


def add_costs(*costs: Cost) -> Cost:
    """Return the sum, `None` as soon as one of them is unknown."""
    total = FREE
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total
