"""A tree becomes a formula with what it depends on, unless it is too large or not known."""

from __future__ import annotations

import pytest

from atlas_mcp.algebra.calculation import is_installed
from atlas_mcp.algebra.formulas import Refused, built
from atlas_mcp.atlas.comparing.trees import as_json
from tests.support.trees import tree

pytestmark = [
    # A worker takes seconds to import sympy.
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="sympy is not installed"),
]


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("x**2 + 1", set[str]()),
        ("1/x", {"nonzero x"}),
        ("x/x", {"nonzero x"}),
        ("x**0", {"nonzero x"}),
        ("sqrt(x)*sqrt(x)", {"root x"}),
        ("tan(x)", {"nonzero cos(x)"}),
        ("ln(x - 1)", {"log x - 1"}),
        ("1/log(x)", {"log x", "nonzero log(x)"}),
        ("1/sqrt(2) + ln(3)", set[str]()),
        ("fact(n)", {"factorial n"}),
        ("2**x", set[str]()),
        ("x**n", {"root x"}),
    ],
)
def test_a_formula_comes_with_what_decides_whether_it_has_a_value(
    text: str, conditions: set[str]
) -> None:
    found = built(as_json(tree(text)))

    assert {f"{one.kind} {one.part}" for one in found.conditions} == conditions


def test_the_names_are_those_that_were_written_whatever_cancels() -> None:
    assert built(as_json(tree("x - x + y**2 + pi + e*i"))).names == {"x", "y"}


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9**9",
        "2**(10**9)",
        "fact(10**9)",
        "fact(fact(30))",
        "binom(10**9, 50)",
        "(x + 1)**100000",
        "((x + y)**50)**50",
        "1/0",
        "ln(0)",
        "1/(2 - 2)",
        "f(x)",
        "floor(x)",
        "log(5, 1)",
        "log(5, -2)",
        "root(5, 0)",
        "root(5, x)",
        "sin(x, y)",
        "exp(exp(exp(exp(9))))",
    ],
)
def test_what_is_too_large_or_not_known_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        built(as_json(tree(text)))


def test_a_tree_that_is_nested_too_deep_is_refused() -> None:
    deep = as_json(tree("x"))
    for _ in range(100):
        deep = ["function", "sin", deep]

    with pytest.raises(Refused, match="deep"):
        built(deep)


@pytest.mark.parametrize("deep", [["matrix", ["number", "1"]], ["word", "cat"]])
def test_a_kind_of_node_that_is_not_known_is_refused(deep: list[object]) -> None:
    with pytest.raises(Refused):
        built(deep)
