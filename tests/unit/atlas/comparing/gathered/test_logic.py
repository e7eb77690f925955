"""Formulas of logic, of switching circuits and of sets."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.asked import NOTHING_ASKED, Asked
from atlas_mcp.atlas.comparing.gathered import logic


def read(text: str, asked: Asked) -> str | None:
    """Return the key of a formula; a name alone is not read."""
    return logic.read(text, asked, lambda part: f"part:{part}")


BOOLEAN = Asked("Which Boolean function does the circuit compute?")
SIMPLIFY = Asked("Simplify the Boolean expression A'B + A'B'.")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("p ∧ q", "q && p"),
        ("a ∨ b ∨ c", "(c || a) || b"),
        ("¬(a ∧ b)", "!a ∨ !b"),
        ("r → s", "~r ∨ s"),
        ("r -> s", "¬s ⇒ ¬r"),
        ("p ↔ q", "(p → q) ∧ (q → p)"),
        ("p xor ¬q", "¬(p ⊕ q)"),
        ("p ∧ (q ∨ r)", "(p ∧ q) ∨ (p ∧ r)"),
        ("(p ∧ q) → r", "p → (q → r)"),
        ("p_1 ∧ p_2", "p₂ ∧ p₁"),
        ("p ∧ not q", "¬q ∧ p"),
        ("p AND NOT q", "¬q ∧ p"),
        ("A ∩ B", "B ∩ A"),
        ("A ∖ B", r"A \ B"),
        ("(A ∪ B)^c", "A' ∩ B'"),
        (r"\overline{A ∩ B}", "A^c ∪ B^c"),
        ("A △ B", "(A ∖ B) ∪ (B ∖ A)"),
        ("∃y Q(y)", "∃z: Q(z)"),
        ("¬∀x P(x)", "∃x ¬P(x)"),
        ("∄x P(x)", "∀y, ¬P(y)"),
        ("∀x, P(x) → Q(x)", "∀x (¬P(x) ∨ Q(x))"),
        ("∀x ∈ ℝ ∃n ∈ ℕ: n > x", "∀y∈ℝ, ∃m∈ℕ, m>y"),
        ("∀x ∈ ℝ, x² > y", "∀z∈ℝ: z^2 > y"),
        ("∃x (P(x) and Q(x))", "∃x (Q(x) ∧ P(x))"),
    ],
)
def test_equivalent_formulas_have_one_key(one: str, other: str) -> None:
    assert read(one, NOTHING_ASKED) is not None
    assert read(one, NOTHING_ASKED) == read(other, NOTHING_ASKED)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("p ∧ q", "p ∨ q"),
        ("p → q", "q → p"),
        ("p ⊕ q", "p ∨ q"),
        ("¬(p ∧ q)", "¬p ∧ q"),
        ("p ∧ q", "p ∧ r"),
        ("p ∧ (q ∨ ¬q)", "p ∧ (r ∨ ¬r)"),
        ("P ∧ q", "p ∧ q"),
        ("A ∩ B", "A ∧ B"),
        ("A ∪ B", "A ∩ B"),
        ("A ∖ B", "B ∖ A"),
        ("¬A", "A^c ∪ A^c"),
        ("∀x P(x)", "∃x P(x)"),
        ("∀x ∃y (x < y)", "∃y ∀x (x < y)"),
        ("∀x P(x) → Q(x)", "∀x, P(x) → Q(x)"),
        ("∃x P(x)", "∃!x P(x)"),
        ("∀x ∈ ℝ, P(x)", "∀x ∈ ℕ, P(x)"),
        ("V ⊕ V", "V ⊕ V ⊕ V ⊕ V"),
    ],
)
def test_different_formulas_stay_apart(one: str, other: str) -> None:
    assert read(one, NOTHING_ASKED) is not None
    assert read(one, NOTHING_ASKED) != read(other, NOTHING_ASKED)


@pytest.mark.parametrize(
    "text",
    [
        *("A", "p", "A or B", "bread and butter", "not A", "p → q → r", "p ∧ q ∨", "(p ∧ q"),
        *("A → B → C", "~5", "p | q", "R & B", "A'B", "f'g + fg'", "p ⊕ q ∨ r", "A ∖ B ∪ C"),
        *("x ∈ A ∪ B", "pq ∧ r", "cat ∧ dog", "∀", "∀x", "∃x P(x", "¬", "5 ∧ 3", "A \\ B \\ C"),
    ],
)
def test_prose_and_doubtful_formulas_are_not_read(text: str) -> None:
    assert read(text, NOTHING_ASKED) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A'B", "BA'", True),
        ("A'B", "A·B'", False),
        ("AB + C", "C + BA", True),
        ("A'B + AB'", "A ⊕ B", True),
        (r"\overline{A}B", "A'B", True),
        ("(AB)'", "A' + B'", True),
        ("A + B", "AB", False),
    ],
)
def test_a_circuit_is_read_where_the_question_is_about_one(
    one: str, other: str, same: bool
) -> None:
    assert read(one, BOOLEAN) is not None
    assert (read(one, BOOLEAN) == read(other, BOOLEAN)) is same


@pytest.mark.parametrize(
    ("one", "other"), [("p v q", "q ∨ p"), ("p ^ q", "p & q"), ("not p", "¬p"), ("p ≡ q", "q ↔ p")]
)
def test_letters_and_words_are_signs_where_the_question_is_about_logic(
    one: str, other: str
) -> None:
    asked = Asked("Write the statement in propositional logic.")
    assert read(one, asked) == read(other, asked) is not None


@pytest.mark.parametrize("text", ["¬¬p", "p ∧ p", "(p ∨ p)"])
def test_a_formula_that_says_one_name_is_that_name(text: str) -> None:
    assert read(text, NOTHING_ASKED) == "part:p"


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("A'B + A'B'", "A'(B + B')", SIMPLIFY.question),
        ("¬q → ¬p", "p → q", "What is the contrapositive of p → q?"),
        ("¬(p ∨ q)", "¬p ∧ ¬q", "Write the formula in negation normal form."),
        ("¬(p ∧ q)", "¬p ∨ ¬q", "Push the negation inwards."),
        ("∀x ¬P(x)", "¬∃x P(x)", "Rewrite it without an existential quantifier."),
    ],
)
def test_the_form_counts_where_it_is_asked_for(one: str, other: str, question: str) -> None:
    asked = Asked(question)
    assert read(one, asked) is not None
    assert read(one, asked) != read(other, asked)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("u ∧ v", "Compute the wedge product."),
        ("A → B", "In which order are the stations visited?"),
        ("q ∧ p", "Apply the commutative law to p ∧ q."),
        ("U ⊕ W", "Write V as a direct sum of subspaces."),
    ],
)
def test_signs_of_another_algebra_are_not_read(text: str, question: str) -> None:
    assert read(text, Asked(question)) is None


@pytest.mark.parametrize(
    "text",
    [
        f"{'¬' * 150}p",
        f"{'(' * 90}p∧q{')' * 90}",
        " ∧ ".join("abcdefghijk"),
        f"∀x {'∀y ' * 40}P(x)",
        f"∃x {'a b ' * 40}",
        f"∃x {'a' * 190}",
    ],
)
def test_a_hostile_formula_is_not_read(text: str) -> None:
    assert read(text, NOTHING_ASKED) is None
