"""Work that takes long is done once, and gives the event that follows from it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from atlas_mcp.algebra import calculation
from atlas_mcp.algebra.calculation import Verdict
from atlas_mcp.atlas.commands import CompareAnswers, ReadReply
from atlas_mcp.atlas.events import AnswersCompared
from atlas_mcp.runs.driving.work import SlowWork, compared
from tests.support.trees import tree

COMMAND = CompareAnswers((4, 7, 9), (tree("x"), tree("y/2"), tree("z")), ((0, 1), (1, 2)))


def test_work_is_taken_once() -> None:
    work = SlowWork("run")

    assert work.takes(COMMAND)
    assert work.takes(ReadReply(1))
    assert not work.takes(COMMAND)
    assert not work.takes(ReadReply(1))


async def test_a_verdict_is_told_by_the_numbers_of_explores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def compare(trees: Sequence[object], pairs: Sequence[tuple[int, int]]) -> Verdict:
        assert trees[1] == ["product", ["name", "y"], ["power", ["number", "2"], ["number", "-1"]]]
        assert pairs == COMMAND.pairs
        return Verdict(((1, 2), (0, 1)), "no time")

    monkeypatch.setattr(calculation, "compare", compare)

    assert await compared("run", COMMAND) == AnswersCompared((4, 7, 9), ((4, 7, 9),), "no time")
