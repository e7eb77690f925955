"""Going on with a run that has stopped. Sources: design.md 6; docs/design/005."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from atlas_mcp.atlas import prompts
from atlas_mcp.atlas.codec import decode_event, encode_event
from atlas_mcp.atlas.commands import AskOrchestrator, RunSolver
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
    RunResumed,
    SolverFinished,
    SolverStarted,
    StopRequested,
)
from atlas_mcp.atlas.explore import Explore, FailureKind, Outcome
from atlas_mcp.atlas.messages import AssistantTurn, Stop, ToolCall, Turn
from atlas_mcp.atlas.policy import MAX_FRUITLESS_TURNS, next_commands
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.resuming import abandonment, lost_calls, resumption
from atlas_mcp.atlas.state import UNANSWERED, RunState
from atlas_mcp.atlas.usage import NO_USAGE, Charge, Usage
from atlas_mcp.errors import InvalidInput
from atlas_mcp.views.rendering import view_run
from tests.support.drawing import draws
from tests.support.played_runs import (
    Played,
    Saying,
    a_run,
    answers,
    explores,
    failed,
    followed_by,
    found,
    gives_up,
    play,
    results_of,
    says,
    text_of,
)
from tests.unit.atlas.test_properties import OUTCOMES, SAYINGS, cycled, played, specs

DIRECT = {"strategy": "direct"}
OTHER = {"strategy": "decompose"}
MORE = {"max_explores": 100}


def upto(run: Played, kind: type[Event], *, nth: int = 1) -> list[Record]:
    """Return the records up to the nth of a kind: what a process leaves that dies after it."""
    places = [n for n, record in enumerate(run.records, 1) if isinstance(record.event, kind)]
    return run.records[: places[nth - 1]]


def resumed(records: Sequence[Record], *, at: float | None = None, **limits: Any) -> list[Record]:
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


def said(answer: str) -> AssistantTurn:
    saying = answers(answer)
    assert isinstance(saying, tuple)
    return saying[0]


def replied(records: Sequence[Record], turn: AssistantTurn, stop: Stop) -> list[Record]:
    """Return the records with a reply to the orchestrator's open call after them."""
    number = len(RunState.fold(records).turns)
    reply = OrchestratorReplied(number, turn, stop, "", Charge(Usage(1, 9, 9), Decimal("0.01")))
    return followed_by(records, reply)


def one_by_one(command: RunSolver) -> Outcome:
    """Give another answer each time: nothing that could be handed over without a synthesis."""
    return found(command.intent.explore_id)


# Calls that were in flight


def test_what_was_held_for_lost_calls_counts_as_gone() -> None:
    records = upto(play(a_run(), answers()), SolverStarted, nth=2)
    before = RunState.fold(records).ledger

    after = RunState.fold(resumed(records)).ledger

    assert len(before.held) == 2
    assert after.held == {}
    assert (after.spent, after.uncertain) == (before.spent, sum(before.held.values()))
    assert after.committed == before.committed
    view = view_run("r", RunState.fold(resumed(records)), now=0.0, driven=True)
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


def test_a_reply_that_nobody_has_read_is_read_and_not_asked_for_again() -> None:
    run = play(a_run(), answers("43"))
    records = upto(run, OrchestratorReplied)

    on = play(a_run(), go_on_from=resumed(records))

    assert on.calls == []
    assert on.end.answer == "43"


def test_nothing_is_lost_where_no_call_was_open() -> None:
    records = upto(play(a_run(), answers()), ExploresPlanned)

    assert lost_calls(RunState.fold(records)) == ()
    assert [type(event) for event in resumption(RunState.fold(records))] == [RunResumed]


def test_what_a_call_consumed_before_it_was_made_again_still_counts() -> None:
    run = play(a_run(), go_on_from=resumed(cancelled_by_the_user()))
    first = run.state.explores[1]

    assert first.charge.usage == Usage(2, 107, 53, 10, 5)
    assert first.charge.cost is not None
    assert first.charge.cost > Decimal("0.25")
    assert run.state.solver_charge.usage.requests == 3


# Failures


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


def test_a_run_with_its_answer_resumes_to_nothing_unless_a_limit_is_raised() -> None:
    state = play(a_run(), answers()).state
    budget = state.budget

    same: list[dict[str, Any]] = [
        {},
        {"max_explores": budget.max_explores},
        {"max_cost_usd": budget.max_cost_usd},
        {"max_explores": budget.max_explores, "max_cost_usd": Decimal("5.00")},
    ]
    for limits in same:
        assert resumption(state, **limits) == ()
    assert resumption(state, max_explores=budget.max_explores + 1) != ()
    assert resumption(state, max_cost_usd=Decimal("5.01")) != ()


@pytest.mark.parametrize("reply", [gives_up(), answers(None)])
def test_no_supported_answer_is_an_answer_in_this(reply: Any) -> None:
    state = play(a_run(), reply).state

    assert state.finished is not None
    assert state.finished.stop_reason == "no_supported_answer"
    assert resumption(state) == ()
    assert resumption(state, max_explores=20) != ()


def at_its_cap(*sayings: Saying) -> Played:
    """Return a run whose cap paid for one explore and a turn of the orchestrator."""
    return play(a_run(max_cost_usd="0.30"), *sayings, price=lambda hold: hold)


def test_a_run_that_ended_at_its_cap_needs_a_larger_one() -> None:
    run = at_its_cap(explores(DIRECT))
    assert (run.end.status, run.end.stop_reason) == ("failed", "max_cost")

    limits: list[dict[str, Any]] = [{}, {"max_explores": 20}, {"max_cost_usd": Decimal("0.30")}]
    for limit in limits:
        with pytest.raises(InvalidInput, match=r"cap of 0\.30") as caught:
            resumption(run.state, **limit)
        assert caught.value.argument == "max_cost_usd"

    on = play(a_run(), go_on_from=resumed(run.records, max_cost_usd=Decimal(5)))
    assert on.end.status == "answered"
    assert on.state.cost_usd is not None
    assert Decimal("0.30") < on.state.cost_usd < 5


def test_an_answer_at_the_cap_needs_a_larger_one_for_another() -> None:
    run = at_its_cap(answers())
    assert (run.end.status, run.end.stop_reason) == ("answered", "max_cost")

    with pytest.raises(InvalidInput, match=r"cap of 0\.30"):
        resumption(run.state, max_explores=20)
    assert resumption(run.state) == ()
    assert resumption(run.state, max_cost_usd=Decimal(5)) != ()


def test_an_answer_at_the_ceiling_needs_a_higher_one() -> None:
    run = play(a_run(max_explores=2), answers())
    assert (run.end.status, run.end.stop_reason) == ("answered", "max_explores")

    with pytest.raises(InvalidInput, match="ceiling of 2") as caught:
        resumption(run.state, max_cost_usd=Decimal(50))
    assert caught.value.argument == "max_explores"
    assert resumption(run.state, max_explores=3) != ()


@pytest.mark.parametrize(
    ("limits", "argument"),
    [
        ({"max_explores": 7}, "max_explores"),
        ({"max_explores": 0}, "max_explores"),
        ({"max_explores": 101}, "max_explores"),
        ({"max_cost_usd": Decimal("4.99")}, "max_cost_usd"),
        ({"max_cost_usd": Decimal(0)}, "max_cost_usd"),
        ({"max_cost_usd": Decimal("NaN")}, "max_cost_usd"),
        ({"max_cost_usd": Decimal("Infinity")}, "max_cost_usd"),
        ({"max_cost_usd": Decimal(10**9 + 1)}, "max_cost_usd"),
        ({"max_cost_usd": Decimal("1e308")}, "max_cost_usd"),
    ],
)
@pytest.mark.requirement("MONEY-12")
def test_limits_can_only_be_raised(limits: dict[str, Any], argument: str) -> None:
    for state in (play(a_run(), answers()).state, RunState.fold(cancelled_by_the_user())):
        with pytest.raises(InvalidInput) as caught:
            resumption(state, **limits)
        assert caught.value.argument == argument


def test_a_run_without_a_cap_is_given_none() -> None:
    state = play(a_run(max_cost_usd=None), failed("unavailable"), solve=lambda one: failed()).state

    with pytest.raises(InvalidInput, match="without a cap"):
        resumption(state, max_cost_usd=Decimal(100))
    assert resumption(state) != ()


def test_raised_limits_are_in_force_and_told() -> None:
    run = play(a_run(), answers())

    on = play(a_run(), go_on_from=resumed(run.records, max_explores=11, max_cost_usd=Decimal(9)))

    budget = on.state.budget
    assert (budget.max_explores, budget.max_cost_usd) == (11, 9)
    assert on.state.ledger.limit == 9
    assert "2 of 11 used, 9 left" in on.told(1)
    assert "of $9.00" in on.told(1)


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
    """Source: design.md 6, "Nothing paid for is lost"."""
    run = play(a_run(), go_on_from=replied(stopped_while_it_was_asked(), said("43"), "end"))
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


# Ending a run that nobody drives


def test_a_run_that_nobody_wants_ends_as_cancelled_and_can_still_be_resumed() -> None:
    records = upto(play(a_run(), answers("5")), SolverStarted, nth=2)

    ended = followed_by(records, *abandonment(RunState.fold(records)))

    state = RunState.fold(ended)
    assert state.finished is not None
    assert (state.finished.status, state.finished.stop_reason) == ("cancelled", "cancelled")
    assert (state.calls_in_flight, state.ledger.held) == (False, {})
    assert state.ledger.uncertain > 0
    assert next_commands(state) == ()
    assert abandonment(state) == ()
    assert play(a_run(), answers("5"), go_on_from=resumed(ended)).end.answer == "5"


# Time


def elapsed(records: Sequence[Record]) -> float:
    return view_run("r", RunState.fold(records), now=1e9, driven=False).elapsed_s


@pytest.mark.parametrize("kind", [SolverStarted, SolverFinished, ExploresPlanned, RunFinished])
def test_time_in_which_nobody_drove_the_run_is_left_out(kind: type[Event]) -> None:
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


# Explores of a client


def test_explores_of_a_client_are_resumed_without_an_orchestrator() -> None:
    spec = a_run(workflow="explore", prefetch=0)
    planned = ExploresPlanned("client", tuple(Planned(n, Explore("s")) for n in (1, 2, 3)))
    opened = followed_by([Record(1, 0.0, RunOpened(Problem("How many?"), spec))], planned)
    kinds = {1: found(), 2: failed("malformed"), 3: failed("unavailable")}
    run = play(spec, go_on_from=opened, solve=lambda one: kinds[one.intent.explore_id])

    assert resumption(run.state) == ()
    on = play(spec, go_on_from=resumed(run.records, max_explores=9))
    again = play(spec, go_on_from=resumed(upto(run, SolverFinished)))

    assert [one.intent.explore_id for one in on.solves] == [3]
    assert [one.intent.explore_id for one in again.solves] == [2, 3]
    for ended in (on, again):
        assert (ended.end.status, ended.end.answer, ended.asks) == ("answered", None, [])


# Whatever happens


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


def every_call_is_answered(turns: Sequence[Turn]) -> bool:
    for said, heard in pairwise(turns):
        if isinstance(said, AssistantTurn):
            wanted = [call.id for call in said.tool_calls]
            if [one.call_id for one in results_of([heard])] != wanted:
                return False
    return True


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
            if explore.outcome.status == "ok" or explore.outcome.kind not in UNANSWERED:
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
