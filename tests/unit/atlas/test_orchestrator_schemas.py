from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.answer_schema import answer_error
from atlas_mcp.atlas.orchestrator_schemas import (
    decision_schema,
    explore_arguments_schema,
    synthesis_schema,
)
from atlas_mcp.atlas.problem import Problem
from tests.support.played_runs import a_model, a_run, a_solver

SYNTHESIS: dict[str, Any] = {
    "explanation": "Both say so.",
    "answer": "42",
    "supported": True,
    "confidence_percent": 90,
    "dissent": None,
    "same_answers": [[1, 3]],
}


def accepts(schema: dict[str, Any], value: Any) -> bool:
    return answer_error(value, schema) is None


def test_an_explore_names_only_what_the_pool_of_the_run_has() -> None:
    one = explore_arguments_schema(a_run(a_solver("a")))
    assert accepts(one, {"strategy": "direct"})
    assert not accepts(one, {"strategy": "direct", "solver": "a"})
    assert not accepts(one, {"strategy": "direct", "effort": "high"})

    thinker = a_solver("b", spec=a_model(efforts=("low", "high")))
    several = explore_arguments_schema(a_run(a_solver("a"), thinker))
    assert accepts(several, {"solver": "b", "strategy": "direct", "effort": "high"})
    assert not accepts(several, {"solver": "c", "strategy": "direct"})
    assert not accepts(several, {"strategy": "direct"}), "which solver is for it to say"
    assert not accepts(several, {"solver": "b", "strategy": "direct", "effort": "max"})


@pytest.mark.parametrize("name", sorted(SYNTHESIS))
def test_a_synthesis_says_all_of_it(name: str) -> None:
    schema = synthesis_schema(Problem("q"), a_run())

    assert accepts(schema, SYNTHESIS)
    assert accepts(schema, SYNTHESIS | {"answer": None, "supported": False})
    assert not accepts(schema, {key: value for key, value in SYNTHESIS.items() if key != name})


def test_an_answer_has_the_shape_that_the_problem_asks_for() -> None:
    problem = Problem("q", answer_schema={"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}})
    schema = synthesis_schema(problem, a_run())

    assert accepts(schema, SYNTHESIS | {"answer": 42})
    assert not accepts(schema, SYNTHESIS)


@pytest.mark.parametrize("written", [[["1", "3"]], [1, 3], None], ids=repr)
def test_candidates_with_the_same_answer_are_asked_for_by_number(written: Any) -> None:
    schema = synthesis_schema(Problem("q"), a_run())

    assert accepts(schema, SYNTHESIS | {"same_answers": []})
    assert not accepts(schema, SYNTHESIS | {"same_answers": written})


@pytest.mark.parametrize("tools", [True, False])
@pytest.mark.parametrize("trait", [{"max_string_chars": 300}, {"guard": True}], ids=repr)
def test_a_weak_orchestrator_is_not_asked_which_candidates_give_the_same_answer(
    trait: dict[str, Any], tools: bool
) -> None:
    run, problem = a_run(orchestrator=replace(a_model(tools=tools), **trait)), Problem("q")
    brief = {key: value for key, value in SYNTHESIS.items() if key != "same_answers"}

    assert accepts(synthesis_schema(problem, run), brief)
    decision = {"assessment": "!", "action": "answer", **brief}
    assert accepts(decision_schema(problem, run), decision)
    assert "same_answers" not in prompts.orchestrator_system(run)
    assert "same_answers" in prompts.orchestrator_system(a_run())


def test_a_decision_is_an_explore_or_an_answer() -> None:
    schema = decision_schema(Problem("q"), a_run())
    assessed = {"assessment": "They part."}

    assert accepts(schema, assessed | {"action": "explore", "strategy": "direct"})
    assert accepts(schema, assessed | {"action": "answer"} | SYNTHESIS)
    assert not accepts(schema, assessed | {"action": "answer", "strategy": "direct"})
    assert not accepts(schema, {"action": "answer"} | SYNTHESIS)
