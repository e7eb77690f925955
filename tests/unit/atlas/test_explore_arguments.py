"""The arguments of an explore have one set of rules, for callers and orchestrators alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from atlas_mcp.atlas.decisions import BadCall, Wants, read_decision
from atlas_mcp.atlas.events import OrchestratorReplied
from atlas_mcp.atlas.explore import MAX_INSTRUCTION_CHARS, Explore
from atlas_mcp.atlas.explore_arguments import ExploreFault, parse_explore
from atlas_mcp.atlas.explore_requests import ExploreRequest, plan_client_explores
from atlas_mcp.atlas.messages import AssistantTurn, Json, ToolCall
from atlas_mcp.atlas.run_spec import LeftOut, RunSpec
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.errors import InvalidInput
from tests.support.played_runs import a_model, a_run, a_solver

SPEC = replace(
    a_run(a_solver("a", spec=a_model("maker/a", efforts=("low", "high"))), a_solver("b")),
    left_out=(LeftOut("blind", "it cannot see pictures"),),
)

FAULTS: Mapping[str, tuple[dict[str, str], str]] = {
    "no such solver": (
        {"solver": "c"},
        "`solver`: there is no solver 'c' in this run; there are a, b",
    ),
    "left out": (
        {"solver": "blind"},
        "`solver`: 'blind' is not in this run: it cannot see ",
    ),
    "no such strategy": ({"strategy": "guess"}, "`strategy`: there is no strategy 'guess'; "),
    "no such effort": ({"effort": "huge"}, "`effort`: there is no effort 'huge'; there are low, "),
    "long": (
        {"instruction": "x" * (MAX_INSTRUCTION_CHARS + 1)},
        "`instruction`: has 2,001 characters; at most 2,000 are taken",
    ),
    "no Unicode": ({"instruction": "\ud800"}, "`instruction`: is not valid Unicode"),
}


def fault_of_client(arguments: Mapping[str, str]) -> str:
    named = (arguments.get(name) for name in ("solver", "effort", "strategy", "instruction"))
    solver, effort, strategy, instruction = named
    with pytest.raises(InvalidInput) as caught:
        plan_client_explores(SPEC, ExploreRequest(solver, effort, strategy, instruction))
    return str(caught.value)


def call_of_orchestrator(arguments: Mapping[str, Json], spec: RunSpec = SPEC) -> object:
    turn = AssistantTurn("", (ToolCall("1", "explore", dict(arguments)),))
    replied = OrchestratorReplied(
        turn=1, reply=turn, stop="tool_calls", detail="", charge=NO_CHARGE
    )
    decision = read_decision(replied, spec, None)
    assert isinstance(decision, Wants)
    return decision.calls[0]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_the_same_words_for_a_client_and_an_orchestrator(fault: str) -> None:
    arguments, words = FAULTS[fault]
    call = call_of_orchestrator(arguments)

    assert isinstance(call, BadCall)
    assert call.fault.startswith(words)
    assert fault_of_client(arguments) == call.fault


def test_an_effort_that_a_solver_does_not_take_is_refused_or_left_out() -> None:
    asked = {"solver": "a", "effort": "medium"}

    assert parse_explore(asked, SPEC) == ExploreFault(
        "effort", "is 'medium'; solver 'a' takes low, high"
    )
    assert parse_explore(asked, SPEC, drops_efforts=True) == Explore("a")
    assert parse_explore({**asked, "effort": "high"}, SPEC) == Explore("a", effort="high")


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_argument_leaves_the_choice_to_the_run(empty: str | None) -> None:
    names = ("solver", "strategy", "effort", "instruction")
    arguments: dict[str, object] = dict.fromkeys(names, empty)

    assert parse_explore(arguments, SPEC, strategy="decompose") == Explore("a", "decompose")


@pytest.mark.parametrize("argument", ["solver", "strategy", "effort", "instruction"])
@pytest.mark.parametrize("value", [1, True, ["x"], {"a": 1}])
def test_a_value_of_another_kind_is_a_fault_and_no_bug(argument: str, value: object) -> None:
    fault = parse_explore({argument: value}, SPEC)

    assert isinstance(fault, ExploreFault)
    assert fault.argument == argument
