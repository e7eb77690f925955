"""The units that are known, by their symbols and by their names."""

from __future__ import annotations

from fractions import Fraction

import pytest

from atlas_mcp.atlas.comparing.amounts import unit_table


def test_dimensions_are_in_one_order() -> None:
    assert unit_table.dimensions_of("m2 kg s-2") == (("kg", 1), ("m", 2), ("s", -2))
    assert unit_table.dimensions_of("m") == (("m", 1),)


@pytest.mark.parametrize(
    ("symbol", "other", "factor"),
    [
        ("km", "m", 1000),
        ("MW", "mW", 10**9),
        ("h", "min", 60),
        ("ft", "in", 12),
        ("L", "mL", 1000),
    ],
)
def test_units_of_one_kind_differ_by_a_factor(symbol: str, other: str, factor: int) -> None:
    first, second = unit_table.symbols()[symbol], unit_table.symbols()[other]

    assert first.kind == second.kind
    assert first.factor / second.factor == Fraction(factor)


@pytest.mark.parametrize(
    ("symbol", "name"), [("km", "kilometres"), ("µg", "microgram"), ("W", "watts"), ("s", "second")]
)
def test_a_name_is_the_unit_of_its_symbol(symbol: str, name: str) -> None:
    assert unit_table.names()[name] == unit_table.symbols()[symbol]


def test_metres_and_minutes_are_of_two_kinds() -> None:
    symbols = unit_table.symbols()

    assert symbols["m"].kind != symbols["min"].kind
