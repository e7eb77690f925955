"""Properties of the exact form: what has one form has one value, and order does not count."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from atlas_mcp.atlas.comparing.algebra import expressions, nodes
from atlas_mcp.atlas.comparing.algebra.nodes import Node

_LEAVES = st.one_of(
    st.sampled_from([nodes.name("x"), nodes.name("y")]),
    st.integers(-3, 3).map(nodes.number),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: ("sum", *pair)),
        st.tuples(inner, inner).map(lambda pair: ("product", *pair)),
        st.tuples(inner, st.sampled_from([-2, -1, 0, 2, 3])).map(
            lambda pair: nodes.power(pair[0], nodes.number(pair[1]))
        ),
        inner.map(nodes.negative),
    ),
    max_leaves=8,
)
_POINTS = ({"x": Fraction(7, 3), "y": Fraction(-5, 11)}, {"x": Fraction(-2, 13), "y": Fraction(3)})


def value(node: Node, point: dict[str, Fraction]) -> Fraction | None:
    """Return the value at a point; `None` where there is none."""
    if node[0] == "number":
        return nodes.value_of(node)
    if node[0] == "name":
        return point[nodes.text_of(node)]
    values = [value(part, point) for part in nodes.parts_of(node)]
    known = [one for one in values if one is not None]
    if len(known) < len(values):
        return None
    if node[0] == "sum":
        return sum(known, Fraction(0))
    if node[0] == "power":
        exponent = int(known[1])
        return None if exponent <= 0 and not known[0] else known[0] ** exponent
    found = Fraction(1)
    for one in known:
        found *= one
    return found


def turned(node: Node) -> Node:
    """Return a tree with the parts of every sum and product in the opposite order."""
    if node[0] in ("number", "name"):
        return node
    parts = [turned(part) for part in nodes.parts_of(node)]
    return (node[0], *(reversed(parts) if node[0] in ("sum", "product") else parts))


@given(_TREES)
def test_the_order_of_sums_and_products_does_not_change_the_form(tree: Node) -> None:
    assert expressions.normal(tree) == expressions.normal(turned(tree))


@given(st.lists(_TREES, min_size=2, max_size=20))
def test_trees_of_one_form_have_one_value(trees: list[Node]) -> None:
    values: dict[str, list[set[Fraction | None]]] = {}
    for tree in trees:
        form = expressions.normal(tree)
        if form is not None:
            held = values.setdefault(form, [set() for _ in _POINTS])
            for found, point in zip(held, _POINTS, strict=True):
                found.add(value(tree, point))
    assert all(len(found - {None}) <= 1 for held in values.values() for found in held)


@given(_TREES)
def test_a_form_does_not_change_where_nothing_is_done_to_the_tree(tree: Node) -> None:
    same = ("product", nodes.number(1), ("sum", tree, nodes.number(0)))
    assert expressions.normal(tree) == expressions.normal(same)


@given(_TREES)
def test_another_number_beside_it_is_another_form(tree: Node) -> None:
    form = expressions.normal(tree)
    assume(form is not None)
    assert expressions.normal(("sum", tree, nodes.number(1))) != form
