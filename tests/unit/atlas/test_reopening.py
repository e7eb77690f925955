"""The state of a run that goes on. Sources: the contract; docs/design/005."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.events import (
    Event,
    ExploresPlanned,
    ExploringClosed,
    OrchestratorAsked,
    OrchestratorReplied,
    Planned,
    Record,
    RunFinished,
    RunOpened,
    SolverFinished,
    SolverStarted,
    StopRequested,
)
from atlas_mcp.atlas.explore import Explore, FailureKind, Outcome, SolverFailure
from atlas_mcp.atlas.messages import AssistantTurn, ToolCall, Turn
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.resuming import abandonment
from atlas_mcp.atlas.run_facts import UNANSWERED
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.atlas.workflows.atlas import MAX_FRUITLESS_TURNS
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.rendering import view_of
from tests.support.drawing import draws
from tests.support.drawn_runs import OUTCOMES, SAYINGS, cycled, played, specs
from tests.support.played_runs import (
    Played,
    a_run,
    answers,
    explores,
    failed,
    followed_by,
    found,
    play,
    results_of,
    says,
    text_of,
)
from tests.support.stopped_runs import (
    DIRECT,
    MORE,
    OTHER,
    an_answer,
    asks,
    cancelled_by_the_user,
    ended_by_an_outage,
    every_call_is_answered,
    one_by_one,
    replied,
    resumed,
    solves,
    upto,
)

# Calls that were in flight


def test_what_was_held_for_lost_calls_counts_as_gone() -> None:
    records = upto(play(a_run(), answers()), SolverStarted, nth=2)
    before = RunState.fold(records).ledger

    after = RunState.fold(resumed(records)).ledger

    assert len(before.held) == 2
    assert after.held == {}
    assert (after.spent, after.uncertain) == (before.spent, sum(before.held.values()))
    assert after.committed == before.committed
    view = view_of(RunSnapshot("r", RunState.fold(resumed(records)), 0.0, driven=True))
    assert f"up to ${after.uncertain:.2f} beyond" in view.agreement.warnings[-1]
    assert view.cost_usd is None, "unknown, and never 0"


def test_lost_explores_wait_again_and_keep_their_numbers_and_actions() -> None:
    run = play(a_run(prefetch=3), answers())
    records = upto(run, SolverFinished)

    state = RunState.fold(resumed(records))

    assert [explore.id for explore in state.waiting] == [2, 3]
    assert [explore.planned for explore in state.explores.values()] == [
        explore.planned for explore in run.state.explores.values()
    ]
    assert solves(resumed(records)) == [2, 3]


def test_a_lost_turn_is_said_again_word_for_word() -> None:
    run = play(a_run(), explores(DIRECT), answers())
    for nth in (1, 2):
        records = upto(run, OrchestratorAsked, nth=nth)
        before = RunState.fold(records).turns[-1].asked

        again = asks(resumed(records)).intent

        assert (again.said, again.shows, again.turn) == (before.said, before.shows, before.turn)
        assert (again.system, again.tools) == (before.system, before.tools)


@pytest.mark.parametrize("kind", sorted(UNANSWERED))
def test_a_turn_that_failed_is_said_again_word_for_word(kind: FailureKind) -> None:
    run = play(
        a_run(),
        explores(DIRECT),
        failed(kind),
        solve=one_by_one,
        price=lambda hold: Decimal(0),
    )
    before = run.asks[-1].intent

    again = asks(resumed(run.records)).intent

    assert run.end.status == "failed"
    assert (again.said, again.shows, again.turn) == (before.said, before.shows, before.turn)


def test_an_unread_reply_is_read_and_not_asked_for_again() -> None:
    run = play(a_run(), answers("43"))
    records = upto(run, OrchestratorReplied)

    on = play(a_run(), go_on_from=resumed(records))

    assert on.calls == []
    assert on.end.answer == "43"


def test_what_a_call_consumed_before_it_was_made_again_still_counts() -> None:
    run = play(a_run(), go_on_from=resumed(cancelled_by_the_user()))
    first = run.state.explores[1]

    assert first.charge.usage == Usage(2, 107, 53, 10, 5)
    assert first.charge.cost is not None
    assert first.charge.cost > Decimal("0.25")
    assert run.state.solver_charge.usage.requests == 3


# Failures


@pytest.mark.parametrize("kind", get_args(FailureKind))
def test_explores_without_a_reply_are_made_again_and_those_with_one_are_not(
    kind: FailureKind,
) -> None:
    run = ended_by_an_outage(kind)

    on = play(a_run(), go_on_from=resumed(run.records))

    assert run.end.status == "failed"
    made_again = [one.intent.explore_id for one in on.solves if one.intent.explore_id <= 3]
    assert made_again == ([2, 3] if kind in UNANSWERED else [])
    assert on.end.status == "answered"


def test_a_failure_the_orchestrator_was_told_of_stays() -> None:
    run = play(
        a_run(),
        explores(DIRECT),
        failed("unavailable"),
        solve=lambda one: failed("timeout") if one.intent.explore_id < 3 else found(),
    )

    on = play(a_run(), explores(DIRECT), go_on_from=resumed(run.records))

    assert run.end.status == "failed"
    assert {1, 2}.isdisjoint(one.intent.explore_id for one in on.solves)


def test_a_run_cancelled_before_any_result_starts_its_explores_again() -> None:
    assert solves(resumed(cancelled_by_the_user())) == [1, 2]


def test_what_is_told_after_the_explores_were_made_again_is_what_they_found() -> None:
    run = ended_by_an_outage("unavailable")

    on = play(a_run(), answers("7"), go_on_from=resumed(run.records))

    assert "timeout" not in on.told(1)
    assert on.told(1).count("<candidate>") == 3
    assert on.end.answer == "7"


# Limits


def test_explores_skipped_for_want_of_money_run_once_there_is_more() -> None:
    run = play(
        a_run(max_cost_usd="0.30", prefetch=3),
        price=lambda hold: hold,
        solve=lambda one: failed("malformed"),
    )
    skipped = [explore.id for explore in run.state.explores.values() if explore.skipped]
    assert run.end.status == "failed"
    assert skipped

    on = play(a_run(), go_on_from=resumed(run.records, max_cost_usd=Decimal(5)))

    assert [one.intent.explore_id for one in on.solves][: len(skipped)] == skipped
    assert not any(explore.skipped for explore in on.state.explores.values())


def test_skipped_explores_of_a_client_come_back_as_far_as_its_ceiling_leaves_room() -> None:
    def planned(*numbers: int) -> ExploresPlanned:
        return ExploresPlanned("client", tuple(Planned(n, Explore("s")) for n in numbers))

    spec = a_run(workflow="explore", prefetch=0, max_explores=3)
    records = [Record(1, 0.0, RunOpened(Problem("How many?"), spec))]
    late = followed_by(records, planned(1, 2, 3), ExploringClosed())
    first = play(spec, go_on_from=late)
    assert first.calls == []
    second = play(spec, go_on_from=followed_by(first.records, planned(4, 5)))
    assert [one.intent.explore_id for one in second.solves] == [4, 5]

    on = play(spec, go_on_from=resumed(second.records, max_explores=4))

    assert [one.intent.explore_id for one in on.solves] == [1, 2]
    assert on.state.used_explores == 4


# What the orchestrator is told


def test_an_orchestrator_whose_answer_was_the_end_is_told_that_it_no_longer_is() -> None:
    run = play(a_run(), answers("1"))

    sayings = [answers("1"), explores(OTHER), answers("2")]
    on = play(a_run(), *sayings, go_on_from=resumed(run.records, **MORE))

    assert on.asks[0].request.turns[:-1] == run.state.history
    assert len(run.state.history) == 2
    assert prompts.RESUMED in on.told(1)
    assert prompts.RESUMED not in on.told(2)
    assert (on.end.answer, len(on.solves)) == ("2", 1)


def test_only_an_answer_that_was_the_end_is_said_to_be_none() -> None:
    run = play(a_run(), explores(DIRECT), answers())
    for records in (
        upto(run, OrchestratorAsked),
        upto(run, OrchestratorAsked, nth=2),
        ended_by_an_outage("timeout").records,
    ):
        on = play(a_run(), go_on_from=resumed(records, **MORE))
        assert on.asks
        for ask in on.asks:
            assert prompts.RESUMED not in text_of(ask.request.turns[-1])


def stopped_while_it_was_asked() -> list[Record]:
    return followed_by(upto(play(a_run()), OrchestratorAsked), StopRequested("client"))


def test_an_answer_that_came_after_the_stop_is_taken_and_not_paid_for_again() -> None:
    """Source: the contract, "Nothing paid for is lost"."""
    run = play(a_run(), go_on_from=replied(stopped_while_it_was_asked(), an_answer("43"), "end"))
    assert run.end.status == "cancelled"

    on = play(a_run(), go_on_from=resumed(run.records))

    assert on.calls == []
    assert (on.end.status, on.end.answer) == ("answered", "43")


def test_explores_wanted_after_the_stop_are_run_when_it_goes_on() -> None:
    call = ToolCall("late", "explore", DIRECT)
    records = replied(stopped_while_it_was_asked(), AssistantTurn("", (call,)), "tool_calls")
    run = play(a_run(), go_on_from=records)
    assert (run.end.status, len(run.state.explores)) == ("cancelled", 2)

    on = play(a_run(), go_on_from=resumed(run.records))

    assert on.order == "so"
    assert [one.call_id for one in results_of(on.asks[0].request.turns)] == ["late"]


@pytest.mark.parametrize("calls", [(), (ToolCall("half", "explore", DIRECT),)])
def test_a_refused_turn_is_asked_again_as_if_it_had_not_been(calls: tuple[ToolCall, ...]) -> None:
    records = upto(play(a_run(), solve=one_by_one), OrchestratorAsked)
    first = RunState.fold(records).turns[0].asked
    run = play(a_run(), go_on_from=replied(records, AssistantTurn("No.", calls), "refusal"))
    assert run.end.stop_reason == "error"

    again = asks(resumed(run.records))

    assert again.intent.shows == first.shows
    assert len(again.request.turns) == 1


def test_fruitless_turns_are_counted_anew() -> None:
    run = play(a_run(), says("no JSON"), solve=one_by_one)
    assert len(run.asks) == MAX_FRUITLESS_TURNS

    on = play(a_run(), *[says("no JSON")] * 4, answers("2"), go_on_from=resumed(run.records))

    assert (on.order, on.end.answer) == ("oo", "2")


# Time


def elapsed(records: Sequence[Record]) -> float:
    return view_of(RunSnapshot("r", RunState.fold(records), 1e9, driven=False)).elapsed_s


@pytest.mark.parametrize("kind", [SolverStarted, SolverFinished, ExploresPlanned, RunFinished])
def test_time_in_which_the_run_was_not_driven_is_left_out(kind: type[Event]) -> None:
    records = upto(play(a_run(), answers()), kind)
    worked = elapsed(records)

    on = resumed(records, at=records[-1].at + 1_000, **MORE)

    assert elapsed(on) == worked
    assert elapsed(followed_by(on, ExploringClosed(), at=on[-1].at + 7)) == worked + 7
    if kind is not RunFinished:
        ended = followed_by(
            records, *abandonment(RunState.fold(records)), at=records[-1].at + 1_000
        )
        assert elapsed(ended) == worked


def test_a_clock_that_was_set_back_takes_no_time_away() -> None:
    records = upto(play(a_run(), answers()), SolverFinished)

    assert elapsed(resumed(records, at=records[-1].at - 1_000)) == elapsed(records)


# Runs of every kind


class Interrupted:
    """A run, and how it is played on from any of its records. No dataclass: those are printed."""

    def __init__(self, run: Played, go_on: Callable[[list[Record]], Played]) -> None:
        self.run = run
        self.go_on = go_on


@st.composite
def interrupted(draw: st.DrawFn) -> Interrupted:
    spec = draw(specs(one_price=draw(st.booleans())))
    sayings = draw(st.lists(SAYINGS, min_size=1, max_size=4))
    outcomes: list[Outcome] = draw(st.lists(OUTCOMES, min_size=1, max_size=4))
    share = draw(st.sampled_from(["0", "0.5", "1"]))

    def go_on(records: list[Record]) -> Played:
        return play(
            spec,
            *sayings,
            solve=cycled(outcomes),
            price=lambda hold: hold * Decimal(share),
            go_on_from=records,
        )

    return Interrupted(played(draw, spec), go_on)


def limits_for(state: RunState) -> dict[str, Any]:
    """Return the limits that have to be raised, so that this run goes on."""
    if state.finished is None:
        return {}
    cap = state.budget.max_cost_usd
    more = {"max_explores": min(100, state.budget.max_explores + 2)}
    return more if cap is None else {**more, "max_cost_usd": cap + 1}


# Without shrinking: playing a run on from each of its records is slow to do again and again.
@given(interrupted())
@settings(max_examples=draws(40), deadline=None, phases=[Phase.reuse, Phase.generate])
def test_a_run_cut_at_any_of_its_records_goes_on_to_an_end_within_its_limits(
    one: Interrupted,
) -> None:
    run = one.run
    for cut, before in enumerate(run.live, start=1):
        on = one.go_on(resumed(run.records[:cut], **limits_for(before)))

        begun = on.live[0]
        assert begun.ledger.held == {}
        assert begun.ledger.committed == before.ledger.committed
        limit = on.state.budget.max_cost_usd
        for state in on.live:
            assert limit is None or state.ledger.committed <= limit
            assert state.used_explores <= state.budget.max_explores
            assert len(state.solvers_in_flight) <= state.budget.max_parallel
        assert (on.state.finished is not None, on.state.ledger.held) == (True, {})

        made_again = {one.intent.explore_id for one in on.solves}
        assert len(made_again) == len(on.solves)
        for explore in before.done:
            assert explore.outcome is not None
            outcome = explore.outcome
            if not isinstance(outcome, SolverFailure) or outcome.kind not in UNANSWERED:
                assert explore.id not in made_again
                assert on.state.explores[explore.id].outcome == explore.outcome

        grown: tuple[Turn, ...] = begun.history
        prompt = [(turn.asked.system, turn.asked.tools) for turn in begun.turns[:1]]
        for ask in on.asks:
            request = ask.request
            assert request.turns[: len(grown)] == grown
            assert every_call_is_answered(request.turns)
            grown = request.turns
            prompt = prompt or [(request.system, request.tools)]
            assert prompt == [(request.system, request.tools)]

        written = [encode_event(record.event) for record in on.records]
        read = (Record(n, float(n), decode_event(line)) for n, line in enumerate(written, start=1))
        assert RunState.fold(read).spec == on.state.spec
