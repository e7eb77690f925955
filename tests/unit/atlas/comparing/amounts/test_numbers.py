"""Numbers in their dress have one key, and those that differ have two."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.amounts.numbers import read
from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.texts import text_key

PI = "What is pi?"
GERMAN = "Wie groß ist die Fläche des Kreises?"
TWO = "Give both numbers."
LOWEST = "Write the fraction in lowest terms."


@pytest.mark.parametrize(
    ("question", "same"),
    [
        (
            "",
            (
                "17",
                "+17",
                " 17 ",
                "17.0",
                "17.",
                "\uff11\uff17",
                "\u0661\u0667",
                "१७",
                "seventeen",
                "Seventeen",
            ),
        ),
        ("", ("-8", "\u22128", "\u20138", "\uff0d\uff18", "negative eight", "minus 8", "(-2)^3")),
        ("", ("2500", "2,500", "2 500", "2\u202f500", "2{,}500", "2'500", "2_500", "2.5e3")),
        ("", ("2.5\u00d710^3", "2.5 x 10^3", "2.5·10³", "2.5*10^{3}", "2.5 \u00d7 10^(3)", "2500")),
        ("", ("10^-2", "10^{-2}", "10⁻²", "0.01", ".01", "1e-2", "1/100", "1 / 100")),
        ("", ("2³", "2^3", "2^{3}", "8")),
        (
            "",
            ("¾", "3/4", "0.75", "6/8", "three quarters", "three-quarters", "(3)/(4)", "3\u20444"),
        ),
        ("", ("-2 1/2", "-5/2", "-2.5", "-2½", "(-5)/2", "5/(-2)", "minus two and a half")),
        ("", ("one hundred and five", "one hundred five", "105", "a hundred and five")),
        ("", ("1.2 billion", "1,200,000,000", "1.2e9", "1200 million")),
        ("", ("twelve thousand three hundred forty-five", "12,345", "12,34,5e0", "12 345")[:2]),
        ("", ("0.(3)", r"0.\overline{3}", "1/3", "0.333…", "one third")),
        ("", ("四十二", "42")),
        ("", ("三分之一", "1/3")),
        ("", ("half a million", "500,000")),
        ("", ("一千零五", "1005")),
        ("", ("12,34,567", "1234567")),
        ("", ("1.234.567,8", "1234567.8", "1,234,567.8")),
        ("", ("12.5%", "12.5 %", r"12.5\%", "12.5 percent", "12.50 per cent")),
        ("", ("two percent", "2%")),
        ("", ("5‰", "5 per mille")),
        ("", ("4th", "fourth", "the 4th", "the fourth")),
        ("", ("21st", "twenty-first")),
        ("", ("3rd place", "third place")),
        ("What is the probability of heads?", ("25%", "0.25", "1/4", "25 percent")),
        ("What percentage of the pupils is that?", ("25%", "25", "25 percent")),
        (GERMAN, ("3,14", "3.14")),
        (GERMAN, ("1.234,5", "1234,5", "1 234,5")),
        ("Wie viele Menschen leben dort?", ("12.345", "12345", "12 345")),
        ("Wie viele Beine hat eine Spinne?", ("acht", "8")),
        ("Wie alt ist sie?", ("einundzwanzig", "21")),
        ("Combien de jours y a-t-il dans le mois ?", ("vingt et un", "21")),
        ("¿Cuántos días son?", ("treinta y uno", "31")),
        ("What is 3/8 + 5/8?", ("8/8", "1")),
        ("What is the remainder?", ("00", "0", "000")),
        (LOWEST, (r"3/4", "¾", "3 / 4")),
        ("Write 5/2 as a mixed number.", ("2 1/2", "2½")),
        ("Write the number in scientific notation.", ("6.02e23", "6.02\u00d710^23", "6.020e23")),
    ],
)
def test_one_number_has_one_key_in_every_dress(question: str, same: tuple[str, ...]) -> None:
    keys = {text: text_key(text, Asked(question)) for text in same}
    assert len(set(keys.values())) == 1, keys
    assert not next(iter(keys.values())).startswith("words:"), keys


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("", "2³", "23"),
        ("", "①", "1"),
        ("", "1 2", "12"),
        ("", "12 34", "1234"),
        ("", "1,23", "123"),
        ("", "1,23", "1.23"),
        ("", "1,234", "1.234"),
        ("", "0,123", "123"),
        ("", "2.5e3", "2.5e-3"),
        ("", "1e400", "1e401"),
        ("", "1 3/2", "5/2"),
        ("", "twenty, one", "21"),
        ("", "two three", "23"),
        ("", "one hundred five", "150"),
        ("", "five", "fifth"),
        ("", "third", "1/3"),
        ("", "third", "thirteenth"),
        ("", "50%", "0.5"),
        ("", "50%", "50"),
        ("", "10%", "10‰"),
        ("", "五", "5"),
        ("", "四十二", "二十四"),
        ("", "007", "7"),
        ("How do they share the profit?", "50/50", "1"),
        ("What are the last two digits of 7^100?", "01", "1"),
        ("What is the number of the room?", "012", "12"),
        ("", "3.14159…", "3.14159"),
        ("", "2.718281828…", "2.718281828"),
        (TWO, "1 234", "1234"),
        (TWO, "1,234", "1234"),
        (TWO, "twenty one", "21"),
        (GERMAN, "1,234", "1234"),
        (GERMAN, "1.234", "1.2340"),
        ("What is the price? (German notation)", "10,00", "1000"),
        ("What is the probability?", "5%", "0.5"),
        ("What percentage is it?", "0.25", "25%"),
        ("In which section is it?", "3.10", "3.1"),
        ("What is the time signature?", "6/8", "3/4"),
        (LOWEST, "6/8", "3/4"),
        (LOWEST, "0.75", "3/4"),
        (LOWEST, "4/2", "2"),
        ("Write 3/4 as a decimal.", "0.75", "3/4"),
        ("Write 0.75 as a fraction.", "0.75", "3/4"),
        ("Write 1024 as a power of two.", "2^10", "1024"),
        ("Write 21 in words.", "twenty-one", "21"),
        ("Write 6.02 * 10^23 in scientific notation.", "60.2e22", "6.02e23"),
        ("Combien ?", "un milliard", "1000000"),
        ("Round 47 to the nearest ten.", "47", "50"),
        ("Round to the nearest ten.", "2", "-2"),
        ("Round to the nearest integer.", "1/3", "2/5"),
        ("Round to the nearest ten.", "50%", "54%"),
        ("A number rounded to the nearest ten is 10. What is it?", "14", "12"),
        ("Is it rounded to one decimal place?", "1/3", "0.3"),
        ("Round 3.14159 to two decimal places.", "3.14159", "3.14"),
        ("They share the cakes. How many are left?", "50%", "0.5"),
    ],
)
def test_numbers_that_differ_or_cannot_be_told_stay_apart(
    question: str, one: str, other: str
) -> None:
    assert text_key(one, Asked(question)) != text_key(other, Asked(question))


@pytest.mark.parametrize(
    ("question", "same"),
    [
        ("Round to two decimal places.", ("2/3", "0.67", "0.6666666")),
        ("Give it to 3 significant figures.", ("12300", "1.23e4")),
        ("Auf zwei Nachkommastellen gerundet: wie groß ist der Kreis?", ("3,14", "3.14159")),
        ("What percentage is it? Round to the nearest whole number.", ("33.33%", "33", "33%")),
    ],
)
def test_a_rounding_that_is_asked_for_is_done(question: str, same: tuple[str, ...]) -> None:
    assert len({read(text, Asked(question)) for text in same}) == 1


@pytest.mark.parametrize(
    "text",
    ["9**9**9**9", "9^9^9^9", "9^9999", "1e9999", "(" * 600, "1,,2", "-", "", "--5", "1/0", "0^-1"],
)
def test_what_is_no_number_or_a_huge_one_is_not_read(text: str) -> None:
    assert read(text, Asked()) is None
