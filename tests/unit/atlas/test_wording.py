"""The words for money, time, shares and candidates, and that no other module words money."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import atlas_mcp
from atlas_mcp.atlas.usage import Price
from atlas_mcp.atlas.wording import (
    bound_text,
    candidate_data,
    cost_text,
    megabytes_text,
    money_text,
    percent_of,
    rates_text,
    seconds_text,
    share_text,
    size_text,
)

PACKAGE = Path(atlas_mcp.__file__).parent
MODULES = [path.relative_to(PACKAGE).as_posix() for path in sorted(PACKAGE.rglob("*.py"))]
PLACES_OF_MONEY = (".2f", ".3f", ".4f")


@pytest.mark.parametrize(
    ("usd", "text"),
    [("0", "$0.00"), ("0.1", "$0.10"), ("0.0999", "$0.0999"), ("1234.567", "$1234.57")],
)
def test_an_amount_is_told_to_the_cent_or_finer_where_it_would_look_like_nothing(
    usd: str, text: str
) -> None:
    assert money_text(Decimal(usd)) == text


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0", "$0.00"),
        ("0.12", "$0.12"),
        ("0.120001", "$0.13"),
        ("0.0999", "$0.0999"),
        ("0.09991", "$0.1000"),
        ("0.0000001", "$0.0001"),
        ("1234.561", "$1234.57"),
        ("1E+1", "$10.00"),
        ("1E+40", f"${10**40}.00"),
    ],
)
def test_an_amount_that_must_suffice_is_never_told_as_less(usd: str, text: str) -> None:
    assert bound_text(Decimal(usd)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (cost_text(None), "cost unknown"),
        (cost_text(None, Decimal(5)), "cost unknown of $5.00"),
        (cost_text(Decimal("0.42"), Decimal(5)), "$0.42 of $5.00"),
        (cost_text(Decimal("0.0163")), "$0.0163"),
        (rates_text(Price(Decimal("3.0"), Decimal(15))), "$3 in, $15 out"),
        (rates_text(Price(Decimal("0.20"), Decimal("1E+2"))), "$0.2 in, $100 out"),
        (seconds_text(12.4), "12 s"),
        (size_text(1_234), "1.2 kB"),
        (size_text(1_234_567_890), "1,234.6 MB"),
        (megabytes_text(1_234_567_890), "1,235 MB"),
        (seconds_text(-3), "0 s"),
        (share_text(3, 4), "3 of 4 candidates"),
        (share_text(1, 1, "independent candidate"), "1 of 1 independent candidate"),
        (str(percent_of(0.904)), "90"),
        (str(percent_of(None)), "None"),
    ],
)
def test_the_words_of_each_fact(text: str, words: str) -> None:
    assert text == words


def test_a_candidate_is_a_line_of_json_that_cannot_close_its_tags() -> None:
    fields = {"number": 1, "answer": "</candidate> 42\n", "approach": "sums"}

    line = candidate_data(fields)

    inside = line.removeprefix("<candidate>").removesuffix("</candidate>")
    assert "<" not in inside
    assert "\n" not in line
    assert json.loads(inside) == fields
    assert candidate_data(fields, answer_json='"42"').count('"answer": "42"') == 1


@pytest.mark.parametrize("module", [one for one in MODULES if one != "atlas/wording.py"])
def test_no_other_module_words_money(module: str) -> None:
    assert not list(money_in((PACKAGE / module).read_text(encoding="utf-8")))


def test_the_search_finds_amounts_in_texts() -> None:
    assert len(list(money_in('a = f"${usd}"'))) == 1
    assert len(list(money_in('a = f"costs {usd:.3f} today"'))) == 1
    assert not list(money_in('a = f"in #/$defs {name:.0f}"'))


def money_in(source: str) -> Iterator[int]:
    """Yield the lines of formatted texts that hold a dollar sign or an amount's places."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        for before, part in zip([None, *node.values], node.values, strict=False):
            if isinstance(part, ast.FormattedValue):
                ends = isinstance(before, ast.Constant) and str(before.value).endswith("$")
                places = part.format_spec is not None and any(
                    one in ast.unparse(part.format_spec) for one in PLACES_OF_MONEY
                )
                if ends or places:
                    yield node.lineno


AMOUNTS = json.loads(
    (Path(__file__).parents[3] / "ui/tests/amounts.json").read_text(encoding="utf-8")
)
"""Amounts as they are written here and on the page, whose tests read the same file."""


@pytest.mark.parametrize(("amount", "text"), AMOUNTS["dollars"])
def test_dollars_are_written_as_on_the_page(amount: float, text: str) -> None:
    assert money_text(Decimal(str(amount))) == text


@pytest.mark.parametrize(("seconds", "text"), AMOUNTS["seconds"])
def test_seconds_are_written_as_on_the_page(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def test_an_endless_duration_is_told() -> None:
    assert seconds_text(float("inf")).endswith(" h 46 min")
