"""Dates have one key in every order and language, and those that cannot be told are not read."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.comparing.amounts.dates import read
from atlas_mcp.atlas.comparing.asked import Asked

YEAR = "In which year was it built?"
GERMAN = "Wann wurde der Vertrag unterzeichnet?"


@pytest.mark.parametrize(
    ("question", "same"),
    [
        (
            "",
            (
                *("July 4, 1776", "4 July 1776", "4th of July, 1776", "Jul 4, 1776", "1776-07-04"),
                *("July 4th, 1776", "the 4th of July 1776", "1776/07/04", "4 Jul. 1776"),
                *("on July 4, 1776", "4. Juli 1776", "4 juillet 1776", "4 de julio de 1776"),
            ),
        ),
        ("", ("Friday, 27 November 2026", "27 November 2026", "Fri, Nov 27, 2026")),
        ("", ("27.11.2026", "27/11/2026", "11/27/2026", "2026-11-27", "2026年11月27日")),
        (GERMAN, ("3.4.2026", "03.04.2026", "3. April 2026", "am 3. April 2026")),
        ("Which US date is it?", ("03/04/2026", "March 4, 2026")),
        ("", ("26 November", "November 26", "26th of November", "Nov. 26")),
        ("", ("November 2026", "Nov 2026", "November, 2026")),
        ("", ("44 BC", "44 BCE", "44 B.C.", "44 v. Chr.")),
        ("", ("AD 79", "79 AD", "79 CE")),
        (YEAR, ("1066 AD", "AD 1066", "in 1066", "the year 1066")),
        ("", ("19th century", "nineteenth century", "the 19th century", "19th-century")),
        ("", ("5th century BC", "fifth century BCE")),
        ("", ("1990s", "the 1990s", "1990's")),
        ("", ("2026-11-26T10:00:00Z", "2026-11-26 10:00 UTC", "2026-11-26T12:00+02:00")),
        ("", ("26 November 2026 at 2:30 pm", "2026-11-26 14:30")),
        ("Which day of the week is it?", ("Mon", "Monday", "monday")),
    ],
)
def test_the_same_date_has_one_key(question: str, same: tuple[str, ...]) -> None:
    keys = {text: read(text, Asked(question)) for text in same}
    assert len(set(keys.values())) == 1, keys
    assert None not in keys.values(), keys


def test_a_year_that_is_asked_for_is_a_number() -> None:
    assert read("1066 AD", Asked(YEAR)) == "number:1066"


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("", "2026-11-26", "2026-11-25"),
        ("", "26 November", "26 December"),
        ("", "26 November 2026", "26 November"),
        ("", "44 BC", "44 AD"),
        ("", "19th century", "18th century"),
        ("", "5th century BC", "5th century"),
        ("", "1990s", "1980s"),
        ("", "Thursday, 27 November 2026", "27 November 2026"),
        ("", "November 2026", "26 November 2026"),
        ("", "2026-11-26T10:00Z", "2026-11-26T10:00+02:00"),
        ("Give it in the format YYYY-MM-DD.", "2026-11-26", "26 November 2026"),
    ],
)
def test_other_dates_stay_apart(question: str, one: str, other: str) -> None:
    keys = [read(text, Asked(question)) for text in (one, other)]
    assert None not in keys
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("", "03/04/2026"),
        ("", "31 April 2026"),
        ("", "2026-13-01"),
        ("", "May"),
        ("", "in 1066"),
        ("", "1990"),
        ("", "last century"),
        ("", "Monday"),
        ("", "5 sheep 1066"),
        ("", "1/2"),
        ("", "11/26"),
        ("", "Nov 26, 26"),
        ("", "4 July 1776 or 5 July 1776"),
    ],
)
def test_what_is_no_date_for_certain_is_not_read(question: str, text: str) -> None:
    assert read(text, Asked(question)) is None
