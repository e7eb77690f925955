"""A poll shows each explore once."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.events import Planned
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.views.polling import new_explores


def an_end(number: int, seq: int) -> ExploreState:
    return ExploreState(Planned(number, Explore("demo")), "floor", ended_seq=seq)


@pytest.mark.requirement("SEEN-9")
def test_polls_that_follow_each_other_tell_of_each_explore_once() -> None:
    ended = [an_end(number, seq) for number, seq in ((3, 9), (1, 12), (2, 13), (6, 20), (5, 21))]
    since, told = 0, list[frozenset[int]]()
    while len(told) < 3:
        new, since = new_explores(ended, since)
        told.append(new)

    assert told == [{3, 1, 2, 6}, {5}, set()]
    assert since == 21
    # One that was told of and has to be made again joins anew.
    assert new_explores([*ended[1:], an_end(3, 30)], since) == ({3}, 30)
    assert new_explores(ended, 10_000) == (set(), 10_000)
    assert new_explores([], 0) == (set(), 0)
