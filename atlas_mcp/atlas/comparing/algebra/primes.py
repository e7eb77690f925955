"""Whole numbers as products of primes, as far as these are small."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable

LARGEST_DIVISOR = 1_000
"""Largest number that is tried as a divisor; what is left then is taken for a prime where it must
be one, and the number is not read otherwise."""

MAX_FACTORED_BITS = 400
"""Bits of the largest number that is taken apart."""


@lru_cache(maxsize=512)
def factors_of(number: int) -> tuple[tuple[int, int], ...]:
    """Return the primes of a positive whole number, each with its power.

    Raises:
        NotReadable: A part of it has no small divisor, and may be none or several primes.
    """
    if number.bit_length() > MAX_FACTORED_BITS:
        raise NotReadable
    found: list[tuple[int, int]] = []
    left, divisor = number, 2
    while divisor <= LARGEST_DIVISOR and divisor * divisor <= left:
        power = 0
        while left % divisor == 0:
            left, power = left // divisor, power + 1
        if power:
            found.append((divisor, power))
        divisor += 1 if divisor == 2 else 2
    if left > LARGEST_DIVISOR**2:
        raise NotReadable
    if left > 1:
        found.append((left, 1))
    return tuple(found)


def powers_of(value: Fraction) -> dict[int, int]:
    """Return the primes of a positive number and their powers, those below the bar negative."""
    found = dict(factors_of(value.numerator))
    found.update({prime: -power for prime, power in factors_of(value.denominator)})
    return found
