"""Numbers of other bases are numbers where one is asked for, and digits where these are."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.amounts.bases import asked_base, read
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.texts import text_key

HEX = "Write 255 in hexadecimal."
BINARY = "Give the byte in binary."
NUMBER = "Which number is it?"
ROMAN = "Write 14 in Roman numerals."


@pytest.mark.parametrize(
    ("question", "same"),
    [
        (
            "",
            (
                "1101 (binary)",
                "1101 in base 2",
                "1101 (base two)",
                "1101₂",
                "0b1101",
                "1101_2",
                "1101_{2}",
                "(1101)_2",
                "0B1101",
                "0xD",
            ),
        ),
        (HEX, ("FF", "0xFF", "ff", "FF_16", "0xff", "FF₁₆")),
        (BINARY, ("1111 0000", "11110000", "0b11110000", "1111_0000", "11110000₂")),
        ("Convert 64 to octal.", ("100", "0o100", "100_8")),
        ("Write 10 in base 3.", ("101", "101_3")),
        ("Which CSS colour is it?", ("#FF0000", "#ff0000", "#f00")),
    ],
)
def test_the_same_digits_have_one_key(question: str, same: tuple[str, ...]) -> None:
    keys = {text: read(text, Asked(question)) for text in same}
    assert len(set(keys.values())) == 1, keys
    assert None not in keys.values(), keys


@pytest.mark.parametrize(
    ("question", "text", "number"),
    [
        (NUMBER, "0o17", "number:15"),
        (NUMBER, "0x1F", "number:31"),
        ("What is 0x1F in decimal?", "0x1F", "number:31"),
        (NUMBER, "XIV", "number:14"),
        ("In which year was it built?", "MCMXC", "number:1990"),
    ],
)
def test_where_a_number_is_asked_for_it_is_one(question: str, text: str, number: str) -> None:
    assert read(text, Asked(question)) == number


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (NUMBER, "0b10", "10"),
        ("Write ten in binary.", "1010", "10"),
        (BINARY, "00001111", "1111"),
        (HEX, "0xFF", "255"),
        (HEX, "FF", "F"),
        ("", "0x1F", "0xF1"),
        ("", "0x1F", "31"),
        ("Which CSS colour is it?", "#FF0000", "#00FF00"),
        ("", "IV", "VI"),
        ("", "IV", "4"),
        (ROMAN, "XIV", "14"),
        (ROMAN, "XIV", "XVI"),
        ("What is the symbol of vanadium?", "V", "5"),
        ("Which number comes first: what is its symbol?", "CD", "400"),
        ("", "x_2", "x"),
        ("", "12 base", "12"),
        ("", "12 (binary)", "12"),
        ("What is the colour code?", "10", "0x10"),
    ],
)
def test_other_digits_and_other_forms_stay_apart(question: str, one: str, other: str) -> None:
    assert text_key(one, Asked(question)) != text_key(other, Asked(question))


@pytest.mark.parametrize(
    ("question", "base"),
    [
        (HEX, 16),
        ("Convert FF in hexadecimal to decimal.", 10),
        ("Convert 12 from decimal to binary.", 2),
        ("Write it in base 7.", 7),
        ("What is the binary number 1010?", None),
        ("Round to two decimal places.", None),
        ("Write it in base 99.", None),
    ],
)
def test_the_base_of_a_question_is_the_last_it_names(question: str, base: int | None) -> None:
    assert asked_base(question) == base
