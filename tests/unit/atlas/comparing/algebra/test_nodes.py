"""Trees of expressions: how they are made, and what is in them."""

from __future__ import annotations

from fractions import Fraction

from atlas_mcp.atlas.comparing.algebra import nodes


def test_a_sum_or_a_product_of_one_part_is_that_part() -> None:
    assert nodes.total([nodes.name("x")]) == nodes.name("x")
    assert nodes.product([nodes.number(2)]) == nodes.number(2)
    assert nodes.total([nodes.name("x"), nodes.number(1)])[0] == "sum"


def test_the_negative_of_a_number_is_a_number() -> None:
    assert nodes.negative(nodes.number(Fraction(1, 2))) == nodes.number(Fraction(-1, 2))
    assert nodes.negative(nodes.name("x")) == ("product", nodes.number(-1), nodes.name("x"))


def test_constants_are_no_names_of_a_tree() -> None:
    node = nodes.product([nodes.name("pi"), nodes.function("sin", nodes.name("x"))])

    assert nodes.names_in(node) == {"x"}


def test_the_name_of_a_function_is_none_of_its_parts() -> None:
    node = nodes.function("log", nodes.name("x"), nodes.number(2))

    assert nodes.parts_of(node) == (nodes.name("x"), nodes.number(2))
    assert nodes.text_of(node) == "log"
    assert nodes.parts_of(nodes.number(2)) == ()
