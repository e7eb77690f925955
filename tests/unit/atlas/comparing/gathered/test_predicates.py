"""Formulas with quantifiers."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.gathered import predicates
from atlas_mcp.atlas.comparing.gathered.formulas import NotReadError


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("∀x P(x)", "∀y P(y)", True),
        ("¬∀x P(x)", "∃x ¬P(x)", True),
        ("∀x∃y R(x,y)", "∃y∀x R(x,y)", False),
        ("∀x P(x)", "∃x P(x)", False),
        ("∀x R(x,y)", "∀x R(x,z)", False),
    ],
)
def test_formulas_are_the_same_up_to_bound_names(first: str, second: str, same: bool) -> None:
    keys = {predicates.key(text, as_written=False) for text in (first, second)}

    assert (len(keys) == 1) == same


def test_a_form_that_is_asked_for_counts() -> None:
    keys = {predicates.key(text, as_written=True) for text in ("¬∀x P(x)", "∃x ¬P(x)")}

    assert len(keys) == 2


@pytest.mark.parametrize("text", ["∀x", "for all", "∀x P(x"])
def test_what_is_no_whole_formula_is_not_read(text: str) -> None:
    with pytest.raises(NotReadError):
        predicates.key(text, as_written=False)
