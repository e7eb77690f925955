"""The loop for a weak orchestrator: what it decides by rule, and what it leaves to the model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from atlas_mcp.atlas import guarded_prompts
from atlas_mcp.atlas.events import RunResumed
from atlas_mcp.atlas.explore import STRATEGIES, Outcome
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.resuming import resumption
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.atlas.workflows.guarded import is_settled, unused_strategies
from tests.support.played_runs import (
    Played,
    Saying,
    a_model,
    a_run,
    a_solver,
    failed,
    followed_by,
    found,
    in_turn,
    play,
    says,
)

WEAK = a_model("maker/weak", tools=False)


def guarded(*solvers: Any, **settings: Any) -> RunSpec:
    settings = {"orchestrator": WEAK, "max_explores": 4, **settings}
    return a_run(*solvers, workflow="guarded", **settings)


def explore(strategy: str = "direct", **more: Any) -> Saying:
    return says(json.dumps({"action": "explore", "strategy": strategy, **more}))


def answer(given: Any = "42") -> Saying:
    return says(json.dumps({"action": "answer", "explanation": "Both say so.", "answer": given}))


def played(*sayings: Saying, outcomes: tuple[Outcome, ...], **settings: Any) -> Played:
    return play(guarded(**settings), *sayings, solve=in_turn(*outcomes))


def strategies_of(run: Played) -> list[str]:
    return [one.explore.strategy for one in run.solves]


# One call where the candidates agree


def test_two_candidates_of_different_methods_that_agree_end_the_run_after_one_call() -> None:
    run = played(answer(), outcomes=(found("42"), found("42.0")))

    assert run.order == "sso"
    assert (run.end.status, run.end.stop_reason, run.end.answer) == ("answered", "decided", "42")
    assert strategies_of(run) == ["direct", "first_principles"]
    assert guarded_prompts.AGREED in run.told(1)


def test_the_reply_can_then_be_nothing_but_the_agreed_answer() -> None:
    run = played(answer(), outcomes=(found("42"), found("42.0")))

    schema = run.asks[0].request.schema
    assert schema is not None
    assert schema["properties"]["answer"] == {"enum": ["42", "42.0"]}
    assert schema["required"] == ["explanation", "answer"]


@pytest.mark.parametrize("agreed", ["x" * 201, [1, 2], {"a": 1}, 1.5])
def test_an_agreed_answer_that_a_grammar_had_better_not_name_is_asked_for_by_its_shape(
    agreed: Any,
) -> None:
    schema = guarded_prompts.synthesis_schema(
        Problem("?", answer_schema={"maxLength": 9}), [agreed]
    )

    assert schema["properties"]["answer"] == {"maxLength": 9}


def test_an_explore_that_cannot_change_the_tally_is_not_granted() -> None:
    run = played(explore("decompose"), answer(), outcomes=(found("42"),))

    assert run.order == "ssoo"
    assert guarded_prompts.SETTLED in run.told(2)
    assert run.end.stop_reason == "decided"


def test_an_orchestrator_that_will_not_answer_is_answered_for_by_those_that_agree() -> None:
    run = played(explore("decompose"), outcomes=(found("42"),))

    assert run.order == "ssooo"
    assert (run.end.status, run.end.answer) == ("answered", "42")
    assert "did not synthesize this answer" in (run.end.warning or "")


# Where they do not agree


def test_an_orchestrator_may_explore_while_candidates_differ() -> None:
    run = played(explore("decompose"), answer(), outcomes=(found("1"), found("2"), found("2")))

    assert run.order == "ssoso"
    assert strategies_of(run)[2] == "decompose"
    assert "Candidates 2 and 3 give the same answer." in run.told(2)


def test_a_lead_of_one_can_still_be_tied_and_is_not_settled() -> None:
    two_to_one = (found("1"), found("2"), found("2"), found("3"))

    run = played(explore("decompose"), explore("code_trace"), answer("2"), outcomes=two_to_one)

    assert run.order == "ssososo"
    assert run.end.stop_reason == "max_explores"


def test_a_lead_of_two_is_settled_though_another_answer_was_given() -> None:
    outcomes = (found("1"), found("2"), found("2"), found("2"))

    run = played(
        explore("decompose"), explore("code_trace"), answer("2"), outcomes=outcomes, max_explores=9
    )

    assert run.order == "ssososo"
    assert (run.end.stop_reason, run.end.answer) == ("decided", "2")


def test_an_orchestrator_may_answer_while_candidates_differ() -> None:
    run = played(answer("2"), outcomes=(found("1"), found("2")))

    assert run.order == "sso"
    assert (run.end.stop_reason, run.end.answer) == ("decided", "2")


def test_at_the_ceiling_it_answers_though_nothing_is_decided() -> None:
    outcomes = tuple(map(found, "1234"))

    run = played(explore(), explore(), answer("3"), outcomes=outcomes)

    assert run.order == "ssososo"
    assert (run.end.stop_reason, run.end.answer) == ("max_explores", "3")
    assert "No two candidates give the same answer. No explore is left." in run.told(3)
    assert "action" not in run.asks[2].request.schema["properties"]  # type: ignore[index]


# Strategies


def test_a_repeated_strategy_is_granted_with_the_next_unused_one_and_the_model_is_told() -> None:
    outcomes = (found("1"), found("2"), found("3"), found("4"))

    run = played(explore("direct"), explore("direct"), answer("3"), outcomes=outcomes)

    assert strategies_of(run) == list(STRATEGIES[:4])
    told = guarded_prompts.other_strategy("direct", "work_backwards")
    assert told in run.told(2)


def test_a_strategy_that_nobody_has_used_is_granted_as_it_is_asked_for() -> None:
    run = played(explore("estimate_then_verify"), answer("1"), outcomes=(found("1"), found("2")))

    assert strategies_of(run)[2] == "estimate_then_verify"
    assert "has been tried" not in run.told(2)


def test_once_every_strategy_has_been_used_all_may_be_used_again() -> None:
    outcomes = tuple(map(found, "123456789"))

    run = played(*[explore()] * 7, answer("1"), outcomes=outcomes, max_explores=9)

    assert strategies_of(run) == [*STRATEGIES, "direct", "direct"]
    assert unused_strategies(run.state) == STRATEGIES


def test_the_shape_offers_the_strategies_that_are_left() -> None:
    run = played(explore("decompose"), answer("1"), outcomes=(found("1"), found("2"), found("3")))

    for ask in (0, 1):
        schema = run.asks[ask].request.schema
        assert schema is not None
        offered = schema["anyOf"][0]["properties"]["strategy"]["enum"]
        assert offered == [one for one in STRATEGIES if one not in strategies_of(run)[: 2 + ask]]


# Methods


def test_candidates_of_one_strategy_and_one_model_do_not_settle_a_run() -> None:
    votes = play(a_run(workflow="majority:3"), solve=in_turn(found("42")))

    assert len(votes.state.groups) == 1
    assert not is_settled(votes.state)


def test_one_strategy_of_two_models_is_two_methods() -> None:
    two = a_run(a_solver("a"), a_solver("b"), workflow="majority:2")

    assert is_settled(play(two, solve=in_turn(found("42"))).state)


# Floors


@pytest.mark.parametrize(("effort", "least"), [("low", 2), ("medium", 3), ("high", 5)])
def test_the_floor_of_the_effort_holds_and_costs_no_call(effort: Any, least: int) -> None:
    run = played(answer(), outcomes=(found("42"),), effort=effort, max_explores=6)

    assert run.order == "s" * least + "o"
    assert len({*strategies_of(run)}) == least


def test_a_failed_explore_is_replaced_without_asking() -> None:
    outcomes = (found("42"), failed("malformed"), found("42"))

    run = played(answer(), outcomes=outcomes)

    assert run.order == "ssso"
    assert strategies_of(run) == ["direct", "first_principles", "work_backwards"]


def test_a_run_without_a_candidate_ends_at_its_ceiling_and_asks_nothing() -> None:
    run = played(answer(), outcomes=(failed("malformed"),))

    assert run.order == "ssss"
    assert (run.end.status, run.end.stop_reason) == ("failed", "no_candidates")


def test_without_first_explores_the_core_makes_those_of_the_floor() -> None:
    run = played(answer(), outcomes=(found("42"),), prefetch=0)

    assert run.order == "sso"


# The words


def test_candidates_are_shown_in_short() -> None:
    long = found("42", reasoning="y" * 700)

    run = played(answer(), outcomes=(long, failed("malformed")), max_explores=2)

    told = run.told(1)
    assert "y" * 600 + "…" in told
    assert "y" * 601 not in told
    assert '{"number": 2, "strategy": "first_principles", "failed": "malformed"}' in told
    assert "There is only one candidate." in told


def test_a_pool_of_several_solvers_is_named_in_the_shape_and_in_the_results() -> None:
    spec = guarded(a_solver("a"), a_solver("b"))

    run = play(spec, explore(solver="b"), answer("1"), solve=in_turn(*map(found, "123")))

    schema = run.asks[0].request.schema
    assert schema is not None
    assert schema["anyOf"][0]["properties"]["solver"]["enum"] == ["a", "b"]
    assert '"solver": "b"' in run.told(2)
    assert [one.explore.solver for one in run.solves] == ["a", "b", "b"]


def test_no_tool_is_offered_to_a_model_that_calls_tools() -> None:
    run = play(guarded(orchestrator=a_model("maker/weak")), answer(), solve=in_turn(found("42")))

    assert run.asks[0].request.tools == ()
    assert run.end.answer == "42"


# Going on


def test_a_run_resumed_for_more_evidence_may_explore_though_its_candidates_agree() -> None:
    first = played(answer(), outcomes=(found("42"),))
    events = resumption(first.state, max_explores=6)
    assert any(isinstance(event, RunResumed) for event in events)

    run = play(
        first.state.spec,
        answer(),
        explore("decompose"),
        answer(),
        solve=in_turn(found("42")),
        go_on_from=followed_by(first.records, *events),
    )

    assert run.order == "oso"
    assert strategies_of(run) == ["decompose"]
    assert run.end.answer == "42"
