"""What questions decide about numbers."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.amounts import number_questions
from atlas_mcp.atlas.comparing.answers import answer_key
from atlas_mcp.atlas.comparing.asked import Asked


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("How many sheep are there?", "en"),
        ("Wie viele Schafe sind es?", "de"),
        ("Combien de moutons y a-t-il ?", "fr"),
        ("¿Cuántas ovejas hay?", "es"),
        ("Сколько овец осталось?", "ru"),
        ("", "en"),
    ],
)
def test_the_language_of_a_question_is_told_by_its_words(question: str, language: str) -> None:
    assert number_questions.language(question) == language


@pytest.mark.parametrize(
    ("question", "form"),
    [
        ("Write 3/6 in lowest terms.", "lowest"),
        ("Write 1/2 as a decimal.", "decimal"),
        ("Give the decimal.", "decimal"),
        ("Give the decimal places of the sum.", ""),
        ("Write 12000 in scientific notation.", "scientific"),
        ("Write 12 in words.", "words"),
        ("What is 3 + 4?", ""),
    ],
)
def test_a_question_asks_for_the_form_of_a_number(question: str, form: str) -> None:
    assert number_questions.asked_form(question) == form


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("What percentage of the shops is closed?", True),
        ("How many are closed? In percent.", True),
        # A story about a percentage, and a question about something else.
        ("As a percentage, profits rose. How many shops are there?", False),
        ("What is the probability?", False),
    ],
)
def test_a_question_asks_for_an_answer_in_per_cent(question: str, asks: bool) -> None:
    assert number_questions.asks_percent(question) == asks


@pytest.mark.parametrize(
    ("first", "second", "question"),
    [
        ("ten", "10", "What is the English word for 10?"),
        ("ten", "10", "How is 10 spelled?"),
        ("first", "1st", "Which word is an adverb?"),
        ("second", "2nd", "Which is the SI unit of time?"),
        ("second", "2nd", "In which unit is time measured?"),
        ("fifth", "5th", "Which interval is it in music?"),
        ("2.50", "2.5", "Give the result to three significant figures."),
        ("5.0 g", "5.00 g", "State the mass with the correct number of significant figures."),
        ("08", "8", "Which department number of France is it?"),
        ("+49", "49", "What is the dialling prefix?"),
        ("05", "5", "What are the last two digits of 7^2005?"),
        ("0.5", "1/2", "Give the decimal."),
        ("90 min", "1 h 30 min", "Give the time in minutes."),
    ],
)
def test_a_question_tells_apart_what_has_one_value(first: str, second: str, question: str) -> None:
    asked = Asked(question)

    assert answer_key(first, asked) != answer_key(second, asked)


@pytest.mark.parametrize(
    ("first", "second", "question"),
    [
        ("ten", "10", "How many sheep are in the word problem?"),
        ("two", "2", "How many words are missing?"),
        ("three", "3", "How many letters does the word 'cat' have?"),
        ("three", "3", 'How often does the verb "to be" appear?'),
        ("second", "2nd", "In which position did she finish?"),
        ("2.50", "5/2", "Give the result to three significant figures."),
        ("2.50 m", "250 cm", "Give the length to three significant figures."),
        ("2.5", "2.50", "What is 5 divided by 2?"),
        ("+49", "49", "What is 7 times 7?"),
        ("90 min", "1 h 30 min", "How long does it take?"),
    ],
)
def test_a_question_leaves_together_what_has_one_value(
    first: str, second: str, question: str
) -> None:
    asked = Asked(question)

    assert answer_key(first, asked) == answer_key(second, asked)
