"""The rules of a problem, which hold before anything is spent."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.problem import (
    MAX_PROBLEM_BYTES,
    make_problem,
)
from atlas_mcp.errors import InvalidInput


def test_a_problem_keeps_its_text_as_it_is() -> None:
    assert make_problem("  What?\n") == make_problem("  What?\n")
    assert make_problem("  What?\n").text == "  What?\n"


@pytest.mark.parametrize("text", ["", " \n\t", "é" * (MAX_PROBLEM_BYTES // 2 + 1), "a\udfffb"])
def test_a_text_that_cannot_be_asked_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="`problem`"):
        make_problem(text)


def test_the_longest_text_is_taken() -> None:
    assert make_problem("x" * MAX_PROBLEM_BYTES)
