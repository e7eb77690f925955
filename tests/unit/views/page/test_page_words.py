"""Limits and closed sets that the page has in its own language are those of the package."""

from __future__ import annotations

import re
from pathlib import Path

from atlas_mcp.atlas.budget import MAX_EXPLORES_CEILING
from atlas_mcp.atlas.explore import MAX_INSTRUCTION_CHARS, STRATEGIES
from atlas_mcp.atlas.explore_requests import MAX_COUNT
from atlas_mcp.atlas.questions import MAX_QUESTION_CHARS
from atlas_mcp.pages.reading import LONGEST_QUERY, MOST_RUNS

PAGE = Path(__file__).parents[4] / "ui/src"
LIMITS = (PAGE / "limits.ts").read_text(encoding="utf-8")


def test_the_page_offers_the_strategies_that_there_are() -> None:
    offered = re.findall(r'"([a-z_]+)"', LIMITS)

    assert tuple(offered) == STRATEGIES


def test_the_limits_of_the_page_are_those_of_the_server() -> None:
    written = re.findall(r"export const (\w+) = ([\d_]+);", LIMITS)

    assert {name: int(value) for name, value in written} == {
        "MAX_COUNT": MAX_COUNT,
        "MAX_EXPLORES_CEILING": MAX_EXPLORES_CEILING,
        "MAX_INSTRUCTION_CHARS": MAX_INSTRUCTION_CHARS,
        "MAX_QUESTION_CHARS": MAX_QUESTION_CHARS,
        "MOST_RUNS": MOST_RUNS,
        "LONGEST_QUERY": LONGEST_QUERY,
    }


def test_no_field_of_the_page_has_a_limit_of_its_own() -> None:
    """A field with a number of its own offers what the server refuses, once they differ."""
    fields = [path.read_text(encoding="utf-8") for path in PAGE.rglob("*.tsx")]

    assert [text for text in fields if re.search(r"\b(?:max|maxLength)=\{\d", text)] == []
