"""Whole numbers as products of primes."""

from __future__ import annotations

from fractions import Fraction

import pytest

from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.algebra.primes import factors_of, powers_of


@pytest.mark.parametrize(
    ("number", "factors"),
    [(1, ()), (12, ((2, 2), (3, 1))), (997, ((997, 1),)), (2 * 997, ((2, 1), (997, 1)))],
)
def test_a_number_is_the_product_of_its_primes(
    number: int, factors: tuple[tuple[int, int], ...]
) -> None:
    assert factors_of(number) == factors


def test_primes_below_the_bar_have_negative_powers() -> None:
    assert powers_of(Fraction(8, 15)) == {2: 3, 3: -1, 5: -1}


@pytest.mark.parametrize("number", [1009 * 1013, 2**401])
def test_a_number_that_is_too_large_to_be_taken_apart_is_not_read(number: int) -> None:
    with pytest.raises(NotReadable):
        factors_of(number)
