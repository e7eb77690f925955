"""Formulas of logic: their truth tables, and their forms."""

from __future__ import annotations

from atlas_mcp.atlas.comparing.gathered.formulas import (
    MAX_VARIABLES,
    Formula,
    normal,
    table_of,
    text_of,
)

P, Q = Formula("name", "p"), Formula("name", "q")


def negated(formula: Formula) -> Formula:
    return Formula("not", parts=(formula,))


def test_formulas_that_say_the_same_have_one_table() -> None:
    implies = Formula("implies", parts=(P, Q))

    assert table_of(implies) == table_of(Formula("or", parts=(negated(P), Q)))
    assert table_of(implies) != table_of(Formula("implies", parts=(Q, P)))


def test_a_table_of_too_many_variables_is_not_made() -> None:
    found = Formula("name", "x0")
    for place in range(1, MAX_VARIABLES + 1):
        found = Formula("and", parts=(found, Formula("name", f"x{place}")))

    assert table_of(found) is None


def test_the_order_of_what_is_joined_does_not_count_in_a_form() -> None:
    assert text_of(Formula("and", parts=(P, Q))) == text_of(Formula("and", parts=(Q, P)))
    assert text_of(Formula("implies", parts=(P, Q))) != text_of(Formula("implies", parts=(Q, P)))


def test_a_denial_goes_inwards() -> None:
    every = Formula("all", "", (Formula("atom", "x=1"),))

    assert normal(negated(every)) == Formula("some", "", (Formula("atom", "x≠1"),))
    assert not every.is_open
    assert negated(P).is_open
