"""The line that asks for an answer in the language of the problem."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.answer_language import READ_CHARS, language_line, with_language

USUAL = "Write in the language of the problem."


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("Wie viele Beine haben drei Spinnen?", "Antworte auf Deutsch, in jedem Feld."),
        ("Combien de pattes ont trois araignées ?", "Réponds en français, dans chaque champ."),
        ("¿Cuántas patas tienen tres arañas?", "Responde en español, en cada campo."),
        ("Quante zampe hanno tre ragni?", "Rispondi in italiano, in ogni campo."),
        (
            "Quantas patas têm três aranhas? Qual é a resposta?",
            "Responda em português, em cada campo.",
        ),
        (
            "Hoeveel poten hebben drie spinnen en een kat?",
            "Antwoord in het Nederlands, in elk veld.",
        ),
        ("Сколько лап имеют три паука?", "Отвечай по-русски, в каждом поле."),
        # Names of places, figures and elements are no names of languages.
        ("Quelle est l'aire d'un triangle ?", "Réponds en français, dans chaque champ."),
        ("Welche Zahl hat das Germanium?", "Antworte auf Deutsch, in jedem Feld."),
        ("Was ist die Hauptstadt von Deutschland?", "Antworte auf Deutsch, in jedem Feld."),
        ("How many legs have three spiders?", USUAL),
        ("3 * 8", USUAL),
        ("", USUAL),
    ],
)
def test_a_question_is_answered_in_its_language(question: str, line: str) -> None:
    assert language_line(question) == line


@pytest.mark.parametrize(
    "question",
    [
        "Translate 'Wie heißt die Hauptstadt?' into English.",
        "Wie heißt der Hund auf Englisch?",
        "Comment dit-on le chat en anglais ?",
        "Übersetze: the cat sat on the mat.",
        "¿Cómo se dice el gato en alemán?",
    ],
)
def test_a_question_about_languages_is_left_to_say_in_which(question: str) -> None:
    assert language_line(question) == ""


def test_a_system_prompt_ends_with_the_line_where_there_is_one() -> None:
    assert with_language("Choose.", "How many?") == f"Choose.\n\n{USUAL}"
    assert with_language("Choose.", "In French, please: how many?") == "Choose."


def test_only_the_beginning_of_a_problem_is_read() -> None:
    assert language_line("3 * 8 " * READ_CHARS + "Wie viel ist das?") == USUAL
