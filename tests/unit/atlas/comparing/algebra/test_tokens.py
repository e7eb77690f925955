"""Words of expressions."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.algebra.nodes import NotReadable
from atlas_mcp.atlas.comparing.algebra.tokens import MAX_TOKENS, tokens_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2x + 1", ["2", "x", "+", "1", ""]),
        ("ab", ["a", "b", ""]),
        ("x**2", ["x", "^", "2", ""]),
        ("x²", ["x", "2", ""]),
        ("3 × 4 ÷ 5", ["3", "×", "4", "/", "5", ""]),
        ("asin(x)", ["arcsin", "(", "x", ")", ""]),
        ("x_1 − x₂", ["x_1", "-", "x_2", ""]),
        ("π", ["pi", ""]),
        ("f'", ["f'", ""]),
    ],
)
def test_an_expression_is_cut_into_words(text: str, words: list[str]) -> None:
    assert [token.text.replace("*", "×") for token in tokens_of(text)] == words


@pytest.mark.parametrize("text", ["5 km", "x2", "007", "hello", "x = 1", "x__y", "1" * 201])
def test_what_is_no_word_for_sure_is_not_read(text: str) -> None:
    with pytest.raises(NotReadable):
        tokens_of(text)


def test_an_expression_of_too_many_words_is_not_read() -> None:
    assert len(tokens_of("+" * MAX_TOKENS)) == MAX_TOKENS + 1
    with pytest.raises(NotReadable):
        tokens_of("+" * (MAX_TOKENS + 1))
