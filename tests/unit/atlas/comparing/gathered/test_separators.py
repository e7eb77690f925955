"""Where a text of several parts is cut."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.gathered.separators import MAX_DEPTH, Cut, cut, enclosed


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1, 2", Cut("comma", ("1", "2"))),
        ("1,2", Cut("comma", ("1", "2"), tight=True)),
        ("a, b, and c", Cut("comma", ("a", "b", "c"))),
        ("1,5; 2,5", Cut("semicolon", ("1,5", "2,5"))),
        ("1,5 und 2,5", Cut("and", ("1,5", "2,5"))),
        ("A → B → C", Cut("arrow", ("A", "B", "C"))),
        ("3 or 4", Cut("or", ("3", "4"))),
        ("- a\n- b", Cut("line", ("a", "b"))),
        ("(1, 2), (3, 4)", Cut("comma", ("(1, 2)", "(3, 4)"))),
        ("(1, 2)", None),
        ("(1, 2", None),
        ("alone", None),
    ],
)
def test_a_text_is_cut_outside_of_brackets(text: str, found: Cut | None) -> None:
    assert cut(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(1, 2)", ("(", "1, 2")),
        ("{ x }", ("{", "x")),
        ("(1)(2)", None),
        ("(1]", None),
        ("1", None),
        ("(" * (MAX_DEPTH + 1) + ")" * (MAX_DEPTH + 1), None),
    ],
)
def test_brackets_stand_around_the_whole(text: str, found: tuple[str, str] | None) -> None:
    assert enclosed(text) == found
