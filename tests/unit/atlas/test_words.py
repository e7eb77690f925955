"""The words that models read, and the shape that callers read: reviewed, and held by snapshots.

To accept a change: run once with ATLAS_UPDATE_SNAPSHOTS=1, then read the diff.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.explore import STRATEGIES, Explore
from atlas_mcp.atlas.messages import ModelRequest, Text, ToolResult, UserTurn
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.rendering import view_run
from tests.unit.atlas.simulation import MODEL, World, answers, failure, named, spec_of, wants

SNAPSHOTS = Path(__file__).parents[2] / "snapshots" / "prompts"


def check(name: str, text: str) -> None:
    file = SNAPSHOTS / name
    if os.environ.get("ATLAS_UPDATE_SNAPSHOTS"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text + "\n"


def shown(request: ModelRequest) -> str:
    lines = [f"# system\n{request.system}"]
    for turn in request.turns:
        lines.append(f"# {turn.role}")
        if isinstance(turn, UserTurn):
            lines += [part.text for part in turn.parts if isinstance(part, Text | ToolResult)]
        else:
            lines.append(turn.text)
            lines += [f"calls {call.name} {dict(call.arguments)}" for call in turn.tool_calls]
    lines.append(f"# schema\n{json.dumps(request.schema, indent=1)}")
    lines += [f"# tool {t.name}\n{t.description}\n{dict(t.input_schema)}" for t in request.tools]
    return "\n".join(lines)


def test_what_a_solver_is_told() -> None:
    explore = Explore("main", "adversarial_check", instruction="Check the second step.")
    request = prompts.solver_request(
        make_problem("How many?"), explore, MODEL, max_tokens=100, seed=None
    )

    check("solver.txt", shown(request))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_has_words_of_its_own(strategy: Any) -> None:
    texts = [prompts.STRATEGY_TEXTS[one] for one in STRATEGIES]

    assert len(set(texts)) == len(STRATEGIES)
    assert prompts.STRATEGY_TEXTS[strategy].endswith(".")


def test_what_an_orchestrator_is_told_from_turn_to_turn() -> None:
    world = World(
        solver=lambda number: failure() if number == 2 else World().solver(number),
        orchestrator=[wants({"strategy": "decompose"}, {"strategy": "guess"}), answers()],
    )
    world.run(spec_of(max_explores=3))

    check("orchestrator.txt", shown(world.asks[-1].request))


def test_what_an_orchestrator_of_several_models_is_told() -> None:
    pool = [named("cheap", "one"), named("dear", "two", quota=2)]
    world = World(orchestrator=[answers(), answers()])
    world.run(spec_of(solvers=pool, effort="medium", max_parallel=1))

    check("orchestrator-of-several.txt", shown(world.asks[0].request))


def test_what_an_orchestrator_without_tools_is_told() -> None:
    plain = replace(MODEL, tools=False, max_string_chars=600)
    world = World(orchestrator=[answers()])
    world.run(spec_of(orchestrator=plain))

    check("orchestrator-without-tools.txt", shown(world.asks[0].request))


def test_a_run_view_has_the_fields_of_the_contract_in_their_order() -> None:
    world = World(solver=lambda number: failure() if number == 2 else World().solver(number))
    view = view_run("r", world.run(spec_of()), now=0.0, driven=False).model_dump(mode="json")

    assert list(view) == [
        *("run_id", "status", "stop_reason", "answer", "explanation", "confidence"),
        *("agreement", "candidates", "usage", "cost_usd", "cost_split", "elapsed_s", "next"),
    ]
    assert list(view["agreement"]) == ["groups", "dissent", "warnings"]
    assert list(view["agreement"]["groups"][0]) == [
        *("answer", "explore_ids", "solvers", "approaches")
    ]
    good, bad = view["candidates"]
    assert list(good) == [
        *("explore_id", "solver", "model", "effort", "strategy", "instruction", "status"),
        *("answer", "approach", "reasoning", "confidence", "error", "usage", "cost_usd"),
        "elapsed_s",
    ]
    assert (bad["status"], bad["answer"], bad["error"]) == (
        "failed",
        None,
        "timeout: it ended with timeout",
    )
    assert list(view["usage"]) == [
        *("requests", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    ]
    assert list(view["cost_split"]) == ["orchestrator", "solvers"]


def test_an_unknown_cost_is_null_and_not_zero() -> None:
    plain = replace(MODEL, price=None)
    solver = replace(named("a", "m"), spec=plain)
    world = World(cost=lambda: None)
    state = world.run(spec_of(solvers=[solver], orchestrator=plain, max_cost_usd=None))

    view = view_run("r", state, now=0.0, driven=False)

    assert view.cost_usd is None
    assert view.cost_split.solvers is None
