"""Every event is one of a closed set, written under a name of its own and read back unchanged."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

import pytest

from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.events import (
    AnswersCompared,
    AttemptFailed,
    CallsLost,
    DayCapReached,
    Event,
    ExploresPlanned,
    ExploresSkipped,
    ExploringClosed,
    HoldRaised,
    OrchestratorAsked,
    OrchestratorFailed,
    OrchestratorReplied,
    Planned,
    RecordLost,
    RunFinished,
    RunOpened,
    RunResumed,
    SentBack,
    SolverFinished,
    SolverReplied,
    SolverStarted,
    StopRequested,
)
from atlas_mcp.atlas.explore import Explore, SolverFailure
from atlas_mcp.atlas.messages import (
    AssistantTurn,
    Image,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    UserTurn,
)
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.question_events import (
    QuestionAnswered,
    QuestionAsked,
    QuestionFailed,
    QuestionPosed,
    QuestionReplied,
)
from atlas_mcp.atlas.usage import Charge, Usage
from tests.support.played_runs import a_run, found

PAID = Charge(Usage(1, 9, 4, 2, 1), Decimal("0.25"), Decimal("0.5"))
TURN = AssistantTurn("Look.", (ToolCall("c", "explore", {"a": [1]}, "odd"),), {"role": "x"})
FAILED = SolverFailure("unavailable", "busy")

EVENTS: tuple[Event, ...] = (
    RunOpened(Problem("?", (Image(url="https://a.example/b"),), {"type": "integer"}), a_run()),
    ExploresPlanned(
        "orchestrator", (Planned(1, Explore("s"), "c"),), (ToolResult("d", "no", is_error=True),)
    ),
    ExploresSkipped((1, 2), "no money"),
    SolverStarted(1, Decimal("0.5")),
    SolverReplied(1, TURN, "tool_calls", "a word", PAID),
    SolverFinished(1, found([1, None]), PAID),
    AttemptFailed("solver-1", 1, FAILED, PAID, 12.5),
    HoldRaised("solver-1", Decimal("0.1")),
    OrchestratorAsked(
        1,
        UserTurn((Text("go on", cache=True), ToolResult("c", "done"))),
        (1,),
        Decimal("0.5"),
        100,
        {"type": "object"},
        "max_cost",
        "Be brief.",
        (Tool("explore", "Explores.", {"type": "object"}),),
    ),
    OrchestratorReplied(1, TURN, "end", "", PAID),
    OrchestratorFailed(1, FAILED, PAID),
    SentBack(1, "too early", below_floor=True),
    AnswersCompared((1, 2, 4), ((1, 4),), "no time"),
    ExploringClosed(),
    DayCapReached(Decimal("0.5"), Decimal(20)),
    CallsLost(),
    QuestionPosed(1, "Why not 17?", a_run().models[0], Decimal(7)),
    QuestionAsked(1, UserTurn((Text("?"),)), Decimal("0.5"), 99, {"type": "object"}, "Be brief."),
    QuestionReplied(1, TURN, "end", "", PAID),
    QuestionAnswered(1, "Since.", (1, 2), "A check of step 2."),
    QuestionFailed(2, FAILED, PAID),
    RunResumed("go on", 9, Decimal(3)),
    StopRequested("shutdown"),
    RunFinished("answered", "decided", {"n": 42}, "So.", 0.5, "One.", None, "Careful."),
    RecordLost("gone", 3, "How m"),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_is_read_back_as_it_was_written(event: Event) -> None:
    assert decode_event(encode_event(event)) == event


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    assert len({event.type for event in EVENTS}) == len(EVENTS)


def test_only_the_records_that_open_resume_or_question_a_run_say_their_version() -> None:
    versioned = [event.type for event in EVENTS if '"version":' in encode_event(event)]

    assert versioned == ["run_opened", "question_posed", "run_resumed"]
