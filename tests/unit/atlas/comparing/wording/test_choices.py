"""Options that a question lists, and the answers that name them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.texts import text_key
from atlas_mcp.atlas.comparing.wording.choices import options

RIVERS = "Which river flows through Vienna? (A) Rhine (B) Danube (C) Elbe (D) Oder"
EVEN = "Which of these numbers are even? Select all that apply. A) 2 B) 3 C) 4 D) 6"
PRODUCT = "What is 7*8? A) 54 B) 56 C) 63 D) 64"
CODE = "Which Python function sorts a list? A) sorted B) Sorted C) order"


@pytest.mark.parametrize(
    ("question", "listed"),
    [
        (RIVERS, {"A": "Rhine", "B": "Danube", "C": "Elbe", "D": "Oder"}),
        ("Which is red?\nA. Rose\nB. Lily", {"A": "Rose", "B": "Lily"}),
        ("Choose one:\nA: x\nB: y", {"A": "x", "B": "y"}),
        ("Which of the following is odd?\n1) 2\n2) 3", {"1": "2", "2": "3"}),
        ("Wie heißt der Fluss? a) Main b) Donau c) Inn", {"A": "Main", "B": "Donau", "C": "Inn"}),
        ("Which is red? **A)** Rose **B)** Lily", {"A": "Rose", "B": "Lily"}),
        ("Find (a) the mean and (b) the median.", {}),
        ("Is it (a) injective, (b) surjective?", {}),
        ("Answer both parts. (A) How many? (B) How long?", {}),
        ("What is the distance of A and B?", {}),
        ("", {}),
    ],
)
def test_options_are_found_in_the_question(question: str, listed: Mapping[str, str]) -> None:
    assert options(question) == listed


@pytest.mark.parametrize(
    "answer",
    [
        "(B)",
        "b",
        "B.",
        "**B**",
        "Option B",
        "Answer: B",
        "The answer is (B) Danube.",
        r"\boxed{B}",
        r"$\text{B}$",
        r"\textbf{(B)}",
        "B. Danube",
        "(B) Danube",
        "**B.** Danube",
        "B: danube",
        "B is correct",
        "The correct option is B",
        "B - Danube",
        "Danube (B)",
        "Danube",
        "the Danube",
    ],
)
def test_a_choice_is_the_same_by_letter_and_by_text(answer: str) -> None:
    assert text_key(answer, Asked(RIVERS)) == text_key("B", Asked(RIVERS))


@pytest.mark.parametrize(
    "answer",
    [
        "A",
        "8",
        "B. Rhine",
        "Rhine",
        "A or B",
        "not B",
        "B is not correct",
        "The answer is not B",
        "A and B",
        "B?",
        "Danube or Rhine",
        "E",
    ],
)
def test_no_other_answer_is_that_choice(answer: str) -> None:
    assert text_key(answer, Asked(RIVERS)) != text_key("B", Asked(RIVERS))


@pytest.mark.parametrize(
    "answer", ["A and C", "C, A", "(A), (C)", "AC", "A & C", "2 and 4", "both A and C"]
)
def test_several_choices_are_a_set(answer: str) -> None:
    assert text_key(answer, Asked(EVEN)) == text_key("A, C", Asked(EVEN))


@pytest.mark.parametrize("answer", ["A", "A or C", "A, C, D", "A, D", "2 or 4", "24"])
def test_other_choices_are_another_set(answer: str) -> None:
    assert text_key(answer, Asked(EVEN)) != text_key("A, C", Asked(EVEN))


def test_the_text_of_an_option_is_read_as_any_text() -> None:
    asked = Asked(PRODUCT)

    assert text_key("56.0", asked) == text_key("B", asked) != text_key("C", asked)
    assert text_key("B. 56", asked) == text_key("B", asked) != text_key("B. 54", asked)


def test_options_of_one_value_are_told_apart_by_their_form() -> None:
    asked = Asked("Which is the decimal? A) 1/2 B) 0.5")

    assert text_key("0.5", asked) == text_key("B", asked) != text_key("1/2", asked)


def test_options_of_code_keep_their_case() -> None:
    asked = Asked(CODE)

    assert text_key("`sorted`", asked) == text_key("A", asked) != text_key("Sorted", asked)
    assert text_key("(a)", asked) == text_key("A", asked)


def test_a_letter_that_is_another_options_text_is_no_choice() -> None:
    asked = Asked("Which blood group is it? (A) B (B) A (C) O")

    assert text_key("(A)", asked) != text_key("A", asked) != text_key("(B)", asked)


def test_without_options_a_letter_is_a_letter() -> None:
    assert text_key("B", Asked("Which one is it?")) != text_key("b", Asked("Which one is it?"))


def test_numbered_names_behind_a_question_are_options() -> None:
    asked = Asked("Who painted it? 1) Monet 2) Manet 3) Edgar Degas")

    assert text_key("1", asked) == text_key("Monet", asked) != text_key("2)", asked)


@pytest.mark.parametrize(
    "question",
    [
        "Who is right in each of the two cases? 1) Anna 2) Ben 3) Carl",
        "What is the result? 1) 2+2 2) 3+3 3) 4+4",
        "How many are there? 1) Apples 2) Pears 3) Plums",
        "Who came? 1) find the first guest 2) find the last 3) find the others",
    ],
)
def test_numbered_parts_of_a_question_are_no_options(question: str) -> None:
    assert not options(question)
