"""The orchestrator's reply is read as explores, an answer, or neither, however it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from atlas_mcp.atlas.decisions import (
    BadCall,
    Decision,
    Synthesis,
    Unreadable,
    WantedExplore,
    Wants,
    read_decision,
)
from atlas_mcp.atlas.events import OrchestratorReplied
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.messages import AssistantTurn
from atlas_mcp.atlas.usage import NO_CHARGE
from tests.support.played_runs import a_run, a_solver
from tests.unit.atlas.test_written_calls import FORMS

ANSWER: dict[str, Any] = {"explanation": "Both agree.", "answer": "42", "confidence_percent": 90}
ANSWER_TEXT = json.dumps(ANSWER)


def read(text: str) -> Decision:
    replied = OrchestratorReplied(
        turn=1, reply=AssistantTurn(text), stop="end", detail="", charge=NO_CHARGE
    )
    return read_decision(replied, a_run(a_solver("s")), None)


@pytest.mark.parametrize("form", FORMS)
def test_a_call_that_was_written_out_is_a_wish_to_explore(form: str) -> None:
    wanted = WantedExplore(None, Explore("s", "decompose", None, "Check 7 < 8."))

    assert read(FORMS[form]) == Wants((wanted,))
    assert read(FORMS[form] * 2) == Wants((wanted, wanted))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", ["<think>Maybe {}? No.</think>{}", "Not {}, but\n{}"])
def test_a_call_that_was_drafted_before_an_answer_is_none(form: str, around: str) -> None:
    decision = read(around.format(FORMS[form], ANSWER_TEXT))

    assert decision == Synthesis("42", "Both agree.", 0.9, None)


@pytest.mark.parametrize("form", FORMS)
def test_a_call_that_an_answer_quotes_is_none(form: str) -> None:
    text = json.dumps({**ANSWER, "explanation": FORMS[form]})

    assert read(text) == Synthesis("42", FORMS[form], 0.9, None)


def test_an_answer_that_was_drafted_before_a_call_in_thought_is_none() -> None:
    text = f"<think>{ANSWER_TEXT}?</think>{FORMS['Hermes']}"

    assert isinstance(read(text), Wants)


def test_an_action_quotes_no_call() -> None:
    text = json.dumps({"action": "explore", "instruction": "<function=explore></function>"})

    assert read(text) == Wants(
        (WantedExplore(None, Explore("s", "direct", None, "<function=explore></function>")),)
    )


def test_a_call_whose_arguments_are_lost_is_not_made() -> None:
    broken = '<function=explore>{"instruction": </function>'

    assert read(broken) == Unreadable("the arguments of its call are not JSON")
    several = read(f"{broken}{FORMS['GLM']}")
    assert isinstance(several, Wants)
    assert several.calls[0] == BadCall(None, "its arguments are not JSON")
    assert isinstance(several.calls[1], WantedExplore)
