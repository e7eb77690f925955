"""Intents are values, which an engine in another process can be given."""

from __future__ import annotations

import pickle

from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.runs.engine import ExploreFurther, ResumeRun


def test_a_resumption_says_whether_it_asks_for_more() -> None:
    assert not ResumeRun().asks_for_more
    assert ResumeRun(max_explores=9).asks_for_more
    assert ResumeRun.under(None, None, " check the second step ").asks_for_more
    assert not ResumeRun.under(None, None, "  ").asks_for_more


def test_an_intent_is_the_same_value_on_the_other_side_of_a_pipe() -> None:
    for intent in (
        ResumeRun(max_explores=9),
        ExploreFurther(make_problem("6 * 7?"), ExploreRequest(count=2)),
    ):
        assert pickle.loads(pickle.dumps(intent)) == intent
