"""What a search and the statistics keep of a run."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from atlas_mcp.atlas.digest import (
    ALL_ANSWERS_CHARS,
    ANSWER_CHARS,
    PROBLEM_CHARS,
    Digest,
    Spent,
    digest_of,
)
from atlas_mcp.atlas.events import Event, Record, RecordLost, RunOpened, SolverReplied
from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.messages import AssistantTurn, Text, UserTurn
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.question_events import (
    QuestionAsked,
    QuestionFailed,
    QuestionPosed,
    QuestionReplied,
)
from atlas_mcp.atlas.usage import Charge, Usage
from tests.support.played_runs import (
    Played,
    a_model,
    a_run,
    a_solver,
    answers,
    explores,
    failed,
    followed_by,
    found,
    gives_up,
    in_turn,
    opened,
    play,
    refined,
)

NOVEMBER, DECEMBER = 1_795_910_400.0, 1_796_083_200.0
"""Noon of 29 November and of 1 December 2026."""


def of(run: Played) -> Digest:
    return digest_of("b4c5", run.records)


def test_it_has_the_texts_that_are_searched() -> None:
    run = play(
        a_run(a_solver("sonnet"), orchestrator=a_model("maker/boss")),
        answers("42"),
        solve=in_turn(found("42"), found("17"), found("17")),
        problem=Problem("How many\n primes?"),
    )

    digest = of(run)

    assert digest.title == "How many primes?"
    assert digest.texts.problem == "How many\n primes?"
    assert digest.texts.answer == "42"
    assert digest.texts.candidates == "17"
    assert digest.texts.names == "b4c5 atlas sonnet maker/sonnet maker/boss"
    assert digest.models == ("maker/sonnet", "maker/boss")


def test_long_texts_are_cut() -> None:
    numbers = iter(range(100))
    run = play(
        a_run(max_explores=10),
        explores({}, {}, {}, {}),
        answers("a" * 10_000),
        solve=lambda call: found(f"{next(numbers)}" + "c" * 10_000),
        problem=Problem("p" * 100_000),
    )

    texts = of(run).texts

    assert len(texts.problem) == PROBLEM_CHARS
    assert len(texts.answer) == ANSWER_CHARS + 1
    assert ANSWER_CHARS < len(texts.candidates) <= ALL_ANSWERS_CHARS


def test_answers_under_a_schema_are_searched_as_json() -> None:
    schema = {"type": "object", "properties": {"river": {"type": "string"}}}
    run = play(
        a_run(),
        answers({"river": "Rhein"}),
        solve=lambda call: found({"river": "Rhein"}),
        problem=Problem("Which?", answer_schema=schema),
    )

    assert of(run).texts.answer == '{"river": "Rhein"}'


def test_it_says_how_the_run_ended() -> None:
    answered = of(play(a_run(), answers("42")))
    without = of(play(a_run(), gives_up()))
    state = opened()
    running = digest_of("r", [Record(1, 5.0, RunOpened(state.problem, state.spec))])

    assert (answered.status, answered.answered, answered.confidence) == ("answered", True, 0.9)
    assert answered.ended_at is not None
    assert not without.answered
    assert without.stop_reason == "no_supported_answer"
    assert (running.status, running.ended_at, running.opened_at) == ("running", None, 5.0)


@pytest.mark.parametrize("run", [play(a_run(), answers("42")), refined(found("1"), found("2"))])
def test_all_money_of_a_run_is_counted_once(run: Played) -> None:
    digest = of(run)

    assert sum((one.cost_usd for one in digest.spent), Decimal(0)) == run.state.cost_usd
    assert sum(one.requests for one in digest.spent) == run.state.usage.requests
    assert sum(one.input_tokens for one in digest.spent) == run.state.usage.input_tokens
    assert {one.unpriced for one in digest.spent} == {0}


def test_a_call_of_unknown_price_is_counted_and_not_as_free() -> None:
    digest = of(play(a_run(), answers("42"), price=lambda hold: None))

    assert digest.cost_usd is None
    assert {one.cost_usd for one in digest.spent} == {Decimal(0)}
    assert sum(one.unpriced for one in digest.spent) == 3
    assert sum(one.unpriced for one in digest.tried) == 2


def test_money_counts_in_the_month_of_its_call() -> None:
    run = play(a_run(), answers("42"))
    records = [
        replace(record, at=DECEMBER if "orchestrator" in record.event.type else NOVEMBER)
        for record in run.records
    ]

    spent = digest_of("r", records).spent

    assert {(one.month, one.role) for one in spent} == {
        ("2026-11", "solver"),
        ("2026-12", "orchestrator"),
    }


def test_a_reply_and_its_outcome_are_one_charge() -> None:
    run = play(a_run(), answers("42"))
    charge = Charge(Usage(1, 100, 50, 10, 5), Decimal("0.5"))
    records: list[Record] = []
    for record in run.records:
        if record.event.type == "solver_finished":
            replied = SolverReplied(record.event.explore_id, AssistantTurn("so"), "end", "", charge)
            records.append(Record(len(records) + 1, record.at, replied))
            record = replace(record, event=replace(record.event, charge=charge))
        records.append(replace(record, seq=len(records) + 1))

    [solver] = [one for one in digest_of("r", records).spent if one.role == "solver"]

    assert (solver.requests, solver.cost_usd) == (2, Decimal(1))


def test_candidates_on_the_winning_side_are_counted() -> None:
    run = play(
        a_run(a_solver("s"), a_solver("t"), max_explores=4),
        explores({"solver": "t", "effort": None}, {"solver": "t"}),
        answers("42"),
        solve=in_turn(found("42"), found("17"), found("42.0"), failed("malformed")),
    )

    tried = of(run).tried

    assert sum(one.explores for one in tried) == 4
    assert sum(one.failed for one in tried) == 1
    assert sum(one.judged for one in tried) == 3
    assert sum(one.won for one in tried) == 2


def test_nothing_is_judged_where_a_run_has_no_answer_and_stopped_explores_do_not_count() -> None:
    run = play(a_run(max_explores=2), gives_up(), solve=in_turn(found("1"), failed("cancelled")))

    tried = of(run).tried

    assert [(one.explores, one.judged, one.won) for one in tried] == [(1, 0, 0)]


def test_critics_are_no_tries() -> None:
    run = refined(found("1"), found("2"))

    assert sum(one.explores for one in of(run).tried) == len(run.state.votes)


def test_a_run_of_which_records_are_lost_has_a_digest() -> None:
    run = play(a_run(), answers("42"))
    lost = [Record(one.seq, one.at, RecordLost("gone")) for one in run.records]

    for place in range(len(lost)):
        records = [*run.records[:place], lost[place], *run.records[place + 1 :]]
        digest_of("r", records)
    assert digest_of("r", lost).status == "running"


def test_questions_about_a_run_are_money_of_their_model() -> None:
    run = play(a_run(), answers("42"), price=lambda hold: Decimal(0))
    model = a_model("maker/asked")
    charge = Charge(Usage(1, 10, 5), Decimal("0.25"))
    events: list[Event] = [
        QuestionPosed(1, "Why not 17?", model),
        QuestionAsked(1, UserTurn((Text("Why?"),)), Decimal(1), 100, {}, "Answer."),
        QuestionReplied(1, AssistantTurn("So."), "end", "", charge),
        QuestionFailed(1, SolverFailure("malformed", "it is no answer"), Charge()),
    ]

    digest = digest_of("r", followed_by(run.records, *events))

    assert [one for one in digest.spent if one.model == "maker/asked"] == [
        Spent("1970-01", "maker/asked", "orchestrator", 1, 10, 5, Decimal("0.25"), 0)
    ]
    assert digest.cost_usd == Decimal("0.25")
