"""Values of constant expressions as decimals."""

from __future__ import annotations

import math

import pytest

from atlas_mcp.atlas.comparing.algebra.evaluation import value_of
from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.algebra.parsing import parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("√2", math.sqrt(2)),
        ("∛(-8)", -2.0),
        ("e^2", math.exp(2)),
        ("ln(10)", math.log(10)),
        ("log_2(10)", math.log2(10)),
        ("sin(1) + cos(1)", math.sin(1) + math.cos(1)),
        ("tan(45°)", 1.0),
        ("π/4", math.pi / 4),
        ("5!", 120.0),
        ("binom(5, 2)", 10.0),
        ("|1 - 3|", 2.0),
    ],
)
def test_a_constant_expression_has_its_value(text: str, value: float) -> None:
    assert float(value_of(parse(text))) == pytest.approx(value)


@pytest.mark.parametrize("text", ["x", "√(-2)", "1/0", "ln(0)", "9^9^9^9", "200!", "sin(10^9)"])
def test_what_has_no_real_value_or_a_large_one_is_not_worked_out(text: str) -> None:
    with pytest.raises(NotReadable):
        value_of(parse(text))
