"""Runs that stopped on their way, and helpers that resume them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from atlas_mcp.atlas.commands import AskOrchestrator, RunSolver
from atlas_mcp.atlas.events import (
    Event,
    OrchestratorReplied,
    Record,
    RunFinished,
    SolverFinished,
    SolverStarted,
    StopRequested,
)
from atlas_mcp.atlas.explore import FailureKind, Outcome
from atlas_mcp.atlas.messages import AssistantTurn, ReplyEnd, Text, Turn, UserTurn
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.resuming import resumption
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import NO_USAGE, Charge, Usage
from tests.support.played_runs import (
    Played,
    a_run,
    answers,
    failed,
    followed_by,
    found,
    play,
    results_of,
)

DIRECT = {"strategy": "direct"}
OTHER = {"strategy": "decompose"}
MORE = {"max_explores": 100}


def upto(run: Played, kind: type[Event], *, nth: int = 1) -> list[Record]:
    """Return the records up to the nth of a kind, as of a process that died right after it."""
    places = [n for n, record in enumerate(run.records, 1) if isinstance(record.event, kind)]
    return run.records[: places[nth - 1]]


def resumed(records: Sequence[Record], *, at: float | None = None, **limits: Any) -> list[Record]:
    """Return the records after the run was resumed with these limits, all at one time."""
    return followed_by(records, *resumption(RunState.fold(records), **limits), at=at)


def asks(records: Sequence[Record]) -> AskOrchestrator:
    """Return the call of the orchestrator that comes next."""
    (command,) = next_commands(RunState.fold(records))
    assert isinstance(command, AskOrchestrator)
    return command


def solves(records: Sequence[Record]) -> list[int]:
    """Return the explores that are started next, by number."""
    commands = next_commands(RunState.fold(records))
    return [one.intent.explore_id for one in commands if isinstance(one, RunSolver)]


def an_answer(answer: str) -> AssistantTurn:
    """Return a turn of the orchestrator that gives `answer` as the end of the run."""
    saying = answers(answer)
    assert isinstance(saying, tuple)
    return saying[0]


def replied(records: Sequence[Record], turn: AssistantTurn, end: ReplyEnd) -> list[Record]:
    """Return the records with a reply to the orchestrator's open call after them."""
    number = len(RunState.fold(records).turns)
    reply = OrchestratorReplied(number, turn, end, "", Charge(Usage(1, 9, 9), Decimal("0.01")))
    return followed_by(records, reply)


def one_by_one(command: RunSolver) -> Outcome:
    """Give another answer each time: nothing that could be handed over without a synthesis."""
    return found(command.intent.explore_id)


def cancelled_by_the_user() -> list[Record]:
    """Return a run whose two solvers were aborted; the first is known to have cost something."""
    records = upto(play(a_run()), SolverStarted, nth=2)
    held = RunState.fold(records).ledger.held
    return followed_by(
        records,
        StopRequested("user"),
        SolverFinished(1, failed("cancelled"), Charge(Usage(1, 7, 3), Decimal("0.25"), Decimal(5))),
        SolverFinished(2, failed("cancelled"), Charge(NO_USAGE, Decimal(0), held["solver-2"])),
        RunFinished("cancelled", "cancelled"),
    )


def ended_by_an_outage(kind: FailureKind) -> Played:
    """Return a run of which only the first solver was reached, and no orchestrator."""
    return play(
        a_run(prefetch=3),
        failed("unavailable"),
        solve=lambda one: found() if one.intent.explore_id == 1 else failed(kind),
    )


def every_call_is_answered(turns: Sequence[Turn]) -> bool:
    """Return whether each user turn answers the tool calls before it, in order, and no others."""
    wanted: list[str] = []
    for turn in turns:
        if isinstance(turn, AssistantTurn):
            wanted = [call.id for call in turn.tool_calls]
        elif [result.call_id for result in results_of([turn])] != wanted:
            return False
    return True


REWORDED = {
    "$0.0000": "$0.00",
    "What stands between <candidate> tags": "The text between <candidate> tags",
    "What you can vary in an explore:": "The settings of an explore:",
    "- dissent: what speaks against it, or null.": (
        "- dissent: what speaks against it, or null.\n- same_answers: the candidates that give one "
        "answer in different words or notation, as lists of their numbers, with 0 for your own "
        "answer; [] if there are none. Answers that differ in substance, even slightly, stay apart."
    ),
}
"""Words of older versions that stand in recorded turns and system prompts, with those of today."""


def text_in_todays_words(text: str) -> str:
    """Return a recorded text as it is worded today."""
    for old, new in REWORDED.items():
        text = text.replace(old, new)
    return text


def in_todays_words(said: UserTurn) -> UserTurn:
    """Return a recorded turn as it is worded today."""
    parts = [
        Text(text_in_todays_words(part.text), part.cache) if isinstance(part, Text) else part
        for part in said.parts
    ]
    return UserTurn(tuple(parts))
