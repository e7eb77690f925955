"""The line that asks a small model to write in the language of a problem.

A small model that reads English instructions answers in English, whatever they say of languages. It
follows a line in the language itself. Reviewed text: the tests hold a snapshot of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from atlas_mcp.atlas.comparing.amounts.number_questions import language

READ_CHARS = 2_000
"""Characters of a problem by which its language is judged."""

_LINES: Mapping[str, str] = {
    "de": "Antworte auf Deutsch, in jedem Feld.",
    "fr": "Réponds en français, dans chaque champ.",
    "es": "Responde en español, en cada campo.",
    "it": "Rispondi in italiano, in ogni campo.",
    "pt": "Responda em português, em cada campo.",
    "nl": "Antwoord in het Nederlands, in elk veld.",
    "ru": "Отвечай по-русски, в каждом поле.",
}


_USUAL = "Write in the language of the problem."

_NAMES_LANGUAGE = re.compile(
    r"\b(?:translat|übersetz|tradu[cz]|traduir|vertaa?l|перев[её])"
    r"|\b(?:английск|немецк|французск|испанск|итальянск|португальск|русск)\w{1,3}\b"
    r"|\b(?:english|englisch|anglais|ingl[eé]s|inglese|engels|german|deutsch|allemand|alem[aá]n"
    r"|alemão|tedesco|duits|french|französisch|français|franc[eé]s|francese|frans|spanish|spanisch"
    r"|espagnol|español|espanhol|spagnolo|spaans|italian|italienisch|italien|italiano|italiaans"
    r"|portuguese|portugiesisch|portugais|portugu[eêé]s|portoghese|dutch|niederländisch|néerlandais"
    r"|neerland[eé]s|olandese|nederlands|russian|russisch|russe|ruso|russo)(?:e[nmrs]?|a|ne)?\b",
    re.I,
)
"""Words of a question that may ask for an answer in another language than its own."""


def language_line(question: str) -> str:
    """Return the line for the language of a question, in that language where it is known.

    Empty where the question speaks of languages itself, and may ask for an answer in another.
    """
    begins = question[:READ_CHARS]
    if _NAMES_LANGUAGE.search(begins):
        return ""
    return _LINES.get(language(begins), _USUAL)


def with_language(text: str, question: str) -> str:
    """Return a system prompt that ends with the line for the language of a question."""
    return f"{text}\n\n{language_line(question)}".rstrip()
