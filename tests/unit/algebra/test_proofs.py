"""Two expressions are the same where that is proved, and where both have a value in one place."""

from __future__ import annotations

import pytest

from atlas_mcp.algebra.calculation import is_installed
from atlas_mcp.algebra.formulas import ANY_CONSTANT, built
from atlas_mcp.algebra.proofs import are_same
from atlas_mcp.atlas.comparing.trees import as_json
from tests.support.trees import tree

pytestmark = [
    # A worker takes seconds to import sympy.
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="sympy is not installed"),
]


def same(a: str, b: str) -> bool:
    first, second = (built(as_json(tree(one))) for one in (a, b))
    found = are_same(first, second)
    assert are_same(second, first) == found
    return found


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("sin(2*x)", "2*sin(x)*cos(x)"),
        ("cos(2*x)", "1 - 2*sin(x)**2"),
        ("1/cos(x)**2", "1 + tan(x)**2"),
        ("tan(x)", "sin(x)/cos(x)"),
        ("sec(t)", "1/cos(t)"),
        ("cos(x)**4 - sin(x)**4", "cos(2*x)"),
        ("(exp(x) + exp(-x))/2", "cosh(x)"),
        ("exp(x)*exp(y)", "exp(x + y)"),
        ("2**(x + 1)", "2*2**x"),
        ("9**x", "3**(2*x)"),
        ("1/2**x", "2**(-x)"),
        ("x/exp(x)", "x*exp(-x)"),
        ("1/(x*exp(2*x))", "exp(-2*x)/x"),
        ("x**n*x", "x**(n + 1)"),
        ("1/(x - 1) - 1/(x + 1)", "2/(x**2 - 1)"),
        ("1/sqrt(x)", "sqrt(x)/x"),
        ("sqrt(18*x)", "3*sqrt(2*x)"),
        ("ln(5*x)", "ln(5) + ln(x)"),
        ("log(x)/log(10)", "ln(x)/ln(10)"),
        ("ln(3)/ln(9)", "1/2"),
        ("ln(sqrt(2) + 1)", "-ln(sqrt(2) - 1)"),
        ("sqrt(5 + 2*sqrt(6))", "sqrt(2) + sqrt(3)"),
        ("(1 + sqrt(5))/2", "2/(sqrt(5) - 1)"),
        ("cos(pi/5)", "(1 + sqrt(5))/4"),
        ("cos(pi/7)*cos(2*pi/7)*cos(3*pi/7)", "1/8"),
        ("exp(i*pi)", "-1"),
        ("4*arctan(1)", "pi"),
        ("log(64, 2)", "lg(10**6)"),
        ("log(x, 4)", "ln(x)/(2*ln(2))"),
        ("root(54, 3)", "3*root(2, 3)"),
        ("degrees(180)", "pi"),
        ("sin(degrees(15))", "(sqrt(6) - sqrt(2))/4"),
        ("binomial(n, 2)", "n*(n - 1)/2"),
        ("binomial(n, k)/2 + binomial(n, k)/2", "binomial(n, k)"),
        ("a*(b + c)", "c*a + b*a"),
    ],
)
def test_it_is_proved_where_it_is_so(a: str, b: str) -> None:
    assert same(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("x/x", "1"),
        ("(x**2 - 1)/(x - 1)", "x + 1"),
        ("sqrt(x**2)", "x"),
        ("sqrt(x**2)", "abs(x)"),
        ("sqrt(x)*sqrt(x)", "x"),
        ("sqrt(x)*sqrt(y)", "sqrt(x*y)"),
        ("ln(x**2)", "2*ln(x)"),
        ("ln(x*y)", "ln(x) + ln(y)"),
        ("tan(x)*cos(x)", "sin(x)"),
        ("sin(x)**2 + cos(x)**2", "1"),
        ("x - x + 3", "3"),
        ("asin(sin(x))", "x"),
        ("1/(1 + sqrt(x))", "(1 - sqrt(x))/(1 - x)"),
    ],
)
def test_what_has_a_value_in_other_places_is_another_answer(a: str, b: str) -> None:
    assert not same(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("sqrt(2)", "1.41421356237309504880168872"),
        ("pi", "22/7"),
        ("e", "2.718281828459045"),
        ("exp(pi*sqrt(163))", "262537412640768744"),
        ("sin(x)**2", "sin(x**2)"),
        ("(x + y)**2", "x**2 + y**2"),
        ("x", "y"),
        ("x*y", "x*z"),
        ("2*x", "3*x"),
        ("log(100)", "2"),
        ("log(x)", "ln(x)"),
        ("(-1)**(2*n)", "1"),
    ],
)
def test_what_is_not_equal_is_not_the_same(a: str, b: str) -> None:
    assert not same(a, b)


def test_a_decimal_is_the_fraction_that_it_is_written_as() -> None:
    assert same("0.5*x", "x/2")


def antiderivative(text: str) -> list[object]:
    return ["sum", as_json(tree(text)), ["name", ANY_CONSTANT]]


@pytest.mark.parametrize(
    ("a", "b", "is_same"),
    [
        ("sin(x)**2/2", "-cos(x)**2/2", True),
        ("sin(x)**2/2", "-cos(2*x)/4", True),
        ("ln(x)/2", "ln(2*x)/2", True),
        ("x*ln(x) - x", "x*(ln(x) - 1)", True),
        ("sin(x)**2/2", "cos(x)**2/2", False),
        ("x**2", "x**3", False),
    ],
)
def test_antiderivatives_are_the_same_up_to_a_constant(a: str, b: str, *, is_same: bool) -> None:
    assert are_same(built(antiderivative(a)), built(antiderivative(b))) == is_same


def test_an_antiderivative_without_its_constant_is_another_answer() -> None:
    assert not are_same(built(antiderivative("x**2")), built(as_json(tree("x**2"))))
