"""What the orchestrator said in a turn."""

from __future__ import annotations

import json

import pytest

from atlas_mcp.views.orchestrator_words import words_in, words_of
from tests.support.page_documents import eventful


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("They differ.", "They differ."),
        ("<think>Hm.</think>They differ.", "They differ."),
        (json.dumps({"assessment": "They differ.", "action": "explore"}), "They differ."),
        (json.dumps({"explanation": "Both say so.", "answer": "42"}), "Both say so."),
        (json.dumps({"answer": "42"}), ""),
        ("Sets such as {1, 2} differ.", "Sets such as {1, 2} differ."),
        ("", ""),
    ],
)
def test_the_words_stand_beside_the_fields(reply: str, words: str) -> None:
    assert words_of(reply) == words


def test_a_turn_without_a_reply_has_none() -> None:
    run = eventful()

    assert words_in(run.state.turns[0]) == "Looking further."
    asked = next(state for state in run.live if state.turn_in_flight)
    assert words_in(asked.turns[0]) == ""
