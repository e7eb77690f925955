"""Texts on a page: whole as a rule, cut with a note where they are absurd."""

from __future__ import annotations

from atlas_mcp.views.page.bounded import MAX_TEXT_CHARS, MAX_TEXTS_CHARS, bound_of


def test_a_long_justification_is_shown_whole() -> None:
    assert bound_of("r1", ["x" * 30_000] * 20).shown("x" * 30_000) == "x" * 30_000


def test_a_text_that_is_cut_says_how_much_is_left_out_and_where_it_is() -> None:
    text = bound_of("r1", []).shown("x" * 1_000_000)

    assert text == (
        "x" * MAX_TEXT_CHARS + "\n[… 900,000 of 1,000,000 characters are left out here: "
        "`atlas-mcp runs show r1` has all of them]"
    )


def test_the_rest_of_a_run_that_is_not_here_is_in_its_file() -> None:
    text = bound_of("r1", [], here=False).shown("x" * 1_000_000)

    assert text.endswith("are left out here: the file of the run has all of them]")


def test_many_long_texts_are_bounded_together() -> None:
    bound = bound_of("r1", ["x" * 1_000_000] * 100)

    assert 100 * bound.chars <= MAX_TEXTS_CHARS


def test_characters_that_steer_are_shown() -> None:
    bound = bound_of("r1", [])

    assert bound.shown("a\x1b[31mb\u202ec\r\nd<script>") == "a\\u001b[31mb\\u202ec\nd<script>"


def test_an_answer_that_is_no_text_is_its_json() -> None:
    bound = bound_of("r1", [])

    assert bound.answer({"x": [1, "é"]}) == '{"x": [1, "é"]}'
    long = [7] * 100_000
    assert bound.value(long) is None
    assert bound.answer(long).endswith(
        "\n[… the rest is left out here: `atlas-mcp runs show r1` has all of them]"
    )


def test_no_text_is_none() -> None:
    assert bound_of("r1", []).optional("") is None
    assert bound_of("r1", []).optional("a") == "a"


def test_a_value_is_printable_at_every_level() -> None:
    value = {"a\x1b": ["\u202e", 1, None, {"b": "\x00"}]}

    assert bound_of("r1", []).value(value) == {"a\\u001b": ["\\u202e", 1, None, {"b": "\\u0000"}]}
