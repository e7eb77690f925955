"""Formulas and equations of chemistry."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import NOTHING_ASKED, Asked
from atlas_mcp.atlas.comparing.texts import text_key
from atlas_mcp.atlas.comparing.wording import chemistry

FORMED = Asked("Which substance is formed?")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\mathrm{CO_2}", "CO2"),
        ("CO₂", "$CO_2$"),
        (r"\ce{CO2}", "CO2"),
        (r"\text{Mg(OH)}_2", "Mg(OH)2"),
        ("PO4^3-", "PO_4^{3-}"),
        ("PO₄³⁻", "PO_4^{3-}"),
        ("K^+", "K+"),
        ("Al3+", "Al^{3+}"),
        ("NH4+", "NH_4^+"),
        ("[Cu(NH3)4]^{2+}", "[Cu(NH_3)_4]^{2+}"),
        ("MgSO4·7H2O", r"MgSO_4 \cdot 7H_2O"),
        ("¹³C", "^{13}C"),
        ("C-13", "{}^{13}_{6}C"),
        ("2Mg + O2 -> 2MgO", r"2\mathrm{Mg} + O_2 \rightarrow 2\mathrm{MgO}"),
        ("O2 + 2Mg = 2MgO", "2Mg+O2→2MgO"),
        ("H2(g) + I2(g) <=> 2HI(g)", "H_2(g) + I_2(g) ⇌ 2HI(g)"),
        ("Cu^2+ + 2e^- -> Cu", "Cu²⁺ + 2e⁻ → Cu"),
    ],
)
def test_formulas_are_the_same_in_every_dress(one: str, other: str) -> None:
    key = text_key(one, FORMED)
    assert key == text_key(other, FORMED)
    assert key.startswith("chemistry:")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HF", "Hf"),
        ("CO", "Co"),
        ("NO", "No"),
        ("CO", "CO2"),
        ("H2O", "H2O2"),
        ("H2O", "H20"),
        ("O2-", "O^{2-}"),
        ("Fe2+", "Fe3+"),
        ("Cl", "Cl-"),
        ("¹²C", "¹³C"),
        ("C2H5OH", "CH3OCH3"),
        ("CuSO4", "CuSO4·5H2O"),
        ("2H2 + O2 -> 2H2O", "H2 + O2 -> 2H2O"),
        ("2H2 + O2 -> 2H2O", "2H2O -> 2H2 + O2"),
        ("N2 + 3H2 -> 2NH3", "N2 + 3H2 <=> 2NH3"),
        ("NaCl(aq)", "NaCl(s)"),
    ],
)
def test_other_substances_are_apart(one: str, other: str) -> None:
    assert text_key(one, FORMED) != text_key(other, FORMED)


@pytest.mark.parametrize(
    "text", ["Xx2", "H2Oo", "(H2O", "H2O)", "water", "2 Pa", "", "H0", "3", "^99_7C"]
)
def test_what_is_no_formula_is_left(text: str) -> None:
    assert chemistry.read(text, FORMED) is None


@pytest.mark.parametrize(
    ("text", "read"),
    [("H_2O", True), ("C_1", False), ("CO", False), ("P → I", False), ("I2", False)],
)
def test_without_a_question_only_an_unmistakable_formula_is_read(text: str, *, read: bool) -> None:
    assert (chemistry.read(text, NOTHING_ASKED) is not None) == read


def test_the_table_has_all_elements() -> None:
    assert len(set(chemistry.ELEMENTS)) == 118
    assert chemistry.ELEMENTS.index("Fe") == 25
