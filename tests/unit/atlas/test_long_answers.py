"""Answers of many values: they are walked through once, where they are read, and never again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, SupportsIndex

import pytest
from typing_extensions import override

from atlas_mcp.atlas.agreement import group_answers, key_of
from atlas_mcp.atlas.arrived import solver_replied
from atlas_mcp.atlas.codec import decode_event, encode_event, with_key
from atlas_mcp.atlas.commands import ReadReply
from atlas_mcp.atlas.comparing.answers import LONG_VALUES
from atlas_mcp.atlas.comparing.asked import NOTHING_ASKED, Asked
from atlas_mcp.atlas.comparing.forms import KEY_CHARS
from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    Planned,
    Record,
    RunFinished,
    RunOpened,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import SOLVER, Candidate, Explore
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.prompts import result_text
from atlas_mcp.atlas.replies import read_reply
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import NO_USAGE, Charge
from atlas_mcp.atlas.workflows.shown_results import shown_text
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.texts import as_data
from atlas_mcp.views.lengths import QUICK_CHARS
from atlas_mcp.views.rendering import takes_long, view_of
from atlas_mcp.views.status import agreement_of, outcome_text, status_line
from tests.support.played_runs import a_run, followed_by, found
from tests.support.strange_replies import CANDIDATE, usual

LONG = 5_000
COUNT = 8
HOLD = Decimal("0.1")


class Counted(list[Any]):
    """A list that counts how many of its values were taken out, one by one or together."""

    taken = 0

    @override
    def __iter__(self) -> Iterator[Any]:
        for value in super().__iter__():
            self.taken += 1
            yield value

    @override
    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        got = super().__getitem__(at)
        self.taken += len(got) if isinstance(at, slice) else 1
        return got


def opened(schema: dict[str, Any] | None = None) -> list[Record]:
    planned = tuple(Planned(number, Explore("s")) for number in range(1, COUNT + 1))
    first = Record(1, 0.0, RunOpened(Problem("Which?", answer_schema=schema), a_run()))
    starts = [SolverStarted(number, HOLD) for number in range(1, COUNT + 1)]
    return followed_by([first], ExploresPlanned("prefetch", planned), *starts)


def a_long_run(*answers: Any) -> RunState:
    """Return a run with a candidate for each answer, made as the reader of replies makes them."""
    read = [
        with_key(SolverFinished(number, found(answer), Charge(NO_USAGE, HOLD, HOLD)))
        for number, answer in enumerate(answers, start=1)
    ]
    return RunState.fold(followed_by(opened(), *read))


def test_neither_a_view_nor_a_line_on_progress_walks_through_answers_again() -> None:
    answers = [Counted({"a": [j]} for j in range(LONG)) for _ in range(COUNT)]
    state = a_long_run(*answers)
    assert [one.taken for one in answers] == [LONG] * COUNT

    for one in answers:
        one.taken = 0
    assert agreement_of(state) == "8 of 8 agree"
    assert "8 of 8 agree" in status_line(LiveRun("r", state), now=1.0)
    assert [one.taken for one in answers] == [0] * COUNT

    assert len(view_of(RunSnapshot("r", state, 1.0, driven=True)).agreement.groups) == 1
    end = with_key(RunFinished("answered", "decided", answer=["another"]))
    view = view_of(RunSnapshot("r", replace(state, finished=end), 1.0, driven=False))
    assert view.agreement.dissent is not None
    assert view.agreement.dissent.startswith('Other candidates answer: "[{')
    assert sum(one.taken for one in answers) <= 100

    for explore in state.done:
        outcome_text(explore)
    assert takes_long(state)
    assert sum(one.taken for one in answers) <= 1_000 * COUNT


def test_what_is_long_has_its_key_when_it_is_read_or_read_back() -> None:
    answer = [{"a": [j]} for j in range(LONG_VALUES)]
    reply = usual(CANDIDATE | {"answer": json.dumps(answer)})
    records = followed_by(opened({"type": "array"}), solver_replied(1, reply))
    read = read_reply(RunState.fold(records), ReadReply(1))
    end: Event = RunFinished("answered", "decided", answer=answer)
    back = decode_event(encode_event(read)), decode_event(encode_event(end))

    candidates = [_candidate(read), _candidate(back[0])]
    assert isinstance(back[1], RunFinished)
    keys = [one.key_under(NOTHING_ASKED) for one in (*candidates, back[1])]
    assert keys == [key_of(found(answer))] * 3


@pytest.mark.parametrize("answer", [["<b>"] * 1_000, "sö\u202e" * 1_000, [1], None, ""])
def test_an_orchestrator_is_shown_what_was_written_when_it_was_read(answer: Any) -> None:
    reply = usual(CANDIDATE | {"answer": json.dumps(answer)})
    records = followed_by(opened({}), solver_replied(1, reply))
    read = read_reply(RunState.fold(records), ReadReply(1))
    state = RunState.fold(followed_by(records, read))
    if isinstance(read, SolverFinished) and isinstance(read.outcome, Candidate):
        long = len(json.dumps(answer)) > 1_000
        assert (read.outcome.json is not None) == long
    shown = result_text(state, state.explores[1])
    # Read back, nothing is kept but the key.
    again = RunState.fold(followed_by(records, decode_event(encode_event(read))))

    assert shown == result_text(again, again.explores[1])
    data = shown.removeprefix("<candidate>").removesuffix("</candidate>")
    assert as_data(json.loads(data)) == data
    assert json.loads(data).get("answer", answer) == answer


@pytest.mark.parametrize("role", [SOLVER, "drafter"])
def test_a_role_that_does_not_vote_has_its_answer_written_for_the_roles_that_see_it(
    role: str,
) -> None:
    reply = usual(CANDIDATE | {"answer": json.dumps(["<b>"] * 1_000)})
    plan = ExploresPlanned("workflow", (Planned(1, Explore("s", role=role)),))
    start = Record(1, 0.0, RunOpened(Problem("Q?", (), {}), a_run(workflow="self-refine")))
    records = followed_by([start], plan, SolverStarted(1, HOLD), solver_replied(1, reply))
    read = read_reply(RunState.fold(records), ReadReply(1))

    assert (_candidate(read).json is not None) == (role != SOLVER)
    state = RunState.fold(followed_by(records, read))
    again = RunState.fold(followed_by(records, decode_event(encode_event(read))))
    assert shown_text(state, (1,)) == shown_text(again, (1,))


def test_a_key_is_no_part_of_what_is_stored_or_compared() -> None:
    one, other = found(["x" * 99]), found(["x" * 99])
    asked = Asked("Which?")
    key = key_of(one, asked)

    assert [each.key_under(Asked("Which?")) for each in (one, other)] == [key, None]
    assert one.key_under(NOTHING_ASKED) is None
    assert one == other
    assert repr(one) == repr(other)
    assert replace(one, answer="y").key_under(asked) is None
    stored = [SolverFinished(1, each, Charge(NO_USAGE, HOLD, HOLD)) for each in (one, other)]
    assert encode_event(stored[0]) == encode_event(stored[1])


@pytest.mark.parametrize("answer", ["y" * 500, ["y"] * 500, "\ud800" * 500, [[10**5_000]]])
def test_a_long_key_is_kept_as_its_digest(answer: Any) -> None:
    assert KEY_CHARS < len(key_of(found(answer))) < 200 or answer == [[10**5_000]]
    assert key_of(found(answer)) == key_of(found(answer))
    assert key_of(found(answer)) != key_of(found([answer]))
    assert len(group_answers(a_long_run(answer, [answer], answer).votes)) == 2


@pytest.mark.parametrize(
    "end",
    [
        RunFinished("answered", "decided", answer=["x"] * QUICK_CHARS),
        RunFinished("answered", "decided", answer="x" * (QUICK_CHARS + 1)),
        RunFinished("answered", "decided", answer="x", explanation="x" * QUICK_CHARS),
        RunFinished("failed", "error", error="x" * (QUICK_CHARS + 1)),
    ],
)
def test_a_run_with_a_long_end_takes_long_to_show(end: RunFinished) -> None:
    state = a_long_run("42", [1, 2])
    assert not takes_long(state)
    assert takes_long(replace(state, finished=end))


def _candidate(event: Event) -> Candidate:
    assert isinstance(event, SolverFinished)
    assert isinstance(event.outcome, Candidate)
    return event.outcome
