"""Bounds of growth."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import NOTHING_ASKED, Asked
from atlas_mcp.atlas.comparing.gathered import complexity

COSTS = Asked("What is the worst-case running time of this algorithm?")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("O(n log n)", r"\mathcal{O}(n \log n)"),
        ("O(n log n)", "O(log(n) * n)"),
        ("O(nlogn)", r"O(n\cdot\log_2 n)"),
        ("O(n lg n)", "O(n ln n)"),
        ("O(n^2)", "O(3n² + 5n + 2)"),
        ("O(n^2)", "O(n(n - 1)/2)"),
        ("O(1)", "O(7)"),
        ("O(log n)", "O(log(n^3))"),
        ("O(n log n)", "O(log(n!))"),
        ("O(n√n)", "O(n^{3/2})"),
        ("O(n^1.5)", "O(n sqrt(n))"),
        ("O((log n)^2)", "O(log^2 n)"),
        ("O(|V| + |E|)", "O(E + V)"),
        ("O((V + E) log V)", "O(V log V + E log V)"),
        ("O(n + m)", "O(2m + n + 1)"),
        ("O(mn)", "O(n·m)"),
        ("O(2^n)", "O(2^n + n^5)"),
        ("O(n!)", "O(n! + 2^n)"),
        ("O(2^n)", "O(2^{n+3})"),
        ("O(4^n)", "O(2^(2n) + 3^n)"),
        ("O(rows * cols)", "O(cols * rows)"),
        ("O(max(n, m))", "O(max(m, n))"),
        ("Θ(n)", r"\Theta(2n)"),
        ("Ω(n)", "Omega(n)"),
        ("O(n)", "O(n) time."),
        ("Big-O(n)", "O(n)"),
    ],
)
def test_bounds_of_the_same_growth_have_one_key(one: str, other: str) -> None:
    assert complexity.read(one, COSTS) is not None
    assert complexity.read(one, COSTS) == complexity.read(other, COSTS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("O(n)", "Θ(n)"),
        ("O(n)", "o(n)"),
        ("Ω(n)", "ω(n)"),
        ("O(n)", "Õ(n)"),
        ("O(n)", "O(m)"),
        ("O(n)", "O(N)"),
        ("O(n + m)", "O(nm)"),
        ("O(n + m)", "O(n)"),
        ("O(2^n)", "O(3^n)"),
        ("O(2^n)", "O(2^(2n))"),
        ("O(2^n)", "O(n^2)"),
        ("O(n log n)", "O(log n)"),
        ("O(log log n)", "O(log^2 n)"),
        ("O(n^{log_2 3})", "O(n^{log_3 2})"),
        ("O(log_b n)", "O(log n)"),
        ("O(n^2 log n)", "O(n^2)"),
        ("O(V + E log V)", "O((V + E) log V)"),
        ("O(n!)", "O(n^n)"),
    ],
)
def test_bounds_of_different_growth_stay_apart(one: str, other: str) -> None:
    assert complexity.read(one, COSTS) is not None
    assert complexity.read(one, COSTS) != complexity.read(other, COSTS)


@pytest.mark.parametrize(
    "text",
    [
        *("O(log n^2)", "O(log nm)", "O(n/2m)", "O(n2)", "O(log n!)", "O()", "O(n", "n log n"),
        *("O(n) or O(m)", "O(0)", "-O(n)", "OH(n)", "O(n) space", "O(n; m)", "O(1/0)"),
    ],
)
def test_what_can_be_read_in_two_ways_is_not_read(text: str) -> None:
    assert complexity.read(text, COSTS) is None


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("O(2n)", "O(n)", "Which group preserves the form?"),
        ("O(2)", "O(3)", "Which group is it?"),
        ("O(x^2 + x^3)", "O(x^3)", "Give the error term of the expansion at 0."),
        ("O(n)", "O(2n)", "Give the big-O bound with its constant factor."),
    ],
)
def test_constant_factors_count_where_growth_is_not_asked_for(
    one: str, other: str, question: str
) -> None:
    asked = Asked(question)
    assert complexity.read(one, asked) != complexity.read(other, asked)


@pytest.mark.parametrize(("one", "other"), [("O(n²+n)", "O(n^2)"), ("O(log_2 n)", "O(log n)")])
def test_a_bound_of_obvious_growth_needs_no_question(one: str, other: str) -> None:
    assert complexity.read(one, NOTHING_ASKED) == complexity.read(other, NOTHING_ASKED) is not None


@pytest.mark.parametrize(
    "text",
    [
        f"O({'(' * 50}n{')' * 50})",
        "O((((9^99)^99)^99)^99)",
        "O(9^9^9^9)",
        "O((a+b+c+d+e+f)^12)",
        "O((n+1)^9999999)",
        "O(" + "n" * 2_000 + ")",
    ],
)
def test_a_hostile_bound_is_not_read(text: str) -> None:
    assert complexity.read(text, COSTS) is None
