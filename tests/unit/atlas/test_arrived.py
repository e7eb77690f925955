"""A reply of any kind is put on record as it arrived, as far as it can be stored."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from atlas_mcp.atlas.arrived import charge_of, is_light, orchestrator_replied, solver_replied
from atlas_mcp.atlas.events import OrchestratorReplied, SolverReplied
from atlas_mcp.atlas.messages import AssistantTurn, Json, Reply, ToolCall
from atlas_mcp.atlas.usage import FREE, Charge, Usage
from tests.support.strange_replies import CANDIDATE, usual

HOLD = Decimal("0.1")
PAID = Decimal("0.0007")


def test_a_reply_is_recorded_as_it_arrived() -> None:
    calls = (ToolCall("t", "explore", {"strategy": "direct"}),)
    turn = AssistantTurn("I look.", calls, {"role": "assistant", "content": "I look."})
    reply = Reply(turn, "tool_calls", Charge(Usage(1, 9, 5), PAID, HOLD), "a word")

    solver, boss = solver_replied(3, reply), orchestrator_replied(2, reply)

    # A solver is not asked again: what would be sent back to it is not kept.
    said = AssistantTurn("I look.", calls)
    paid = Charge(Usage(1, 9, 5), PAID, HOLD)
    assert solver == SolverReplied(3, said, "tool_calls", "a word", paid)
    assert boss == OrchestratorReplied(2, turn, "tool_calls", "a word", paid)


def test_the_arguments_of_all_calls_of_a_reply_share_one_bound() -> None:
    numbers: list[Json] = [0] * 30_000
    calls = tuple(ToolCall(f"c{one}", "explore", {"x": numbers}) for one in range(30))

    ended = solver_replied(1, Reply(AssistantTurn("", calls), "tool_calls", Charge(Usage(), None)))

    assert isinstance(ended, SolverReplied)
    said = ended.reply
    whole = [call for call in said.tool_calls if call.fault is None]
    assert [call.arguments for call in whole] == [{"x": [0] * 30_000}] * 6
    assert all(call.arguments == {} for call in said.tool_calls[6:])
    assert "too long" in str(said.tool_calls[-1].fault)


@pytest.mark.parametrize(
    "turn",
    [
        AssistantTurn("x" * 50_001),
        AssistantTurn("", (ToolCall("c", "explore", {"x": list("y" * 3_000)}),)),
        AssistantTurn("", (), {"content": [{"text": "x" * 60_000}]}),
    ],
    ids=["text", "arguments", "verbatim"],
)
def test_a_long_reply_is_told_from_a_short_one(turn: AssistantTurn) -> None:
    assert not is_light(Reply(turn, "end", Charge(Usage(), None)))
    assert is_light(usual(CANDIDATE))
    assert is_light(object())


@pytest.mark.parametrize(
    ("charge", "believed"),
    [
        (Charge(Usage(1, 9, 5), PAID, HOLD), Charge(Usage(1, 9, 5), PAID, HOLD)),
        (Charge(Usage(1, -9, 5), PAID), Charge(Usage(1, 0, 5), None)),
        (Charge(Usage(1, 9, 5), Decimal("NaN")), Charge(Usage(1, 9, 5), None)),
        (Charge(Usage(1, 9, 5), PAID, Decimal(-1)), Charge(Usage(1, 9, 5), None, FREE)),
        ("free", Charge(Usage(), None)),
        (None, Charge(Usage(), None)),
    ],
    ids=["whole", "a count", "a cost", "an uncertain amount", "a text", "nothing"],
)
def test_a_part_of_a_charge_that_is_not_believable_makes_its_cost_unknown(
    charge: Any, believed: Charge
) -> None:
    assert charge_of(SimpleNamespace(charge=charge)) == believed
