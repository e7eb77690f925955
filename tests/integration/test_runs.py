"""Whole runs: the service, through the vendor's own client, against the stand-in of the API."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from atlas_mcp.atlas.events import OrchestratorReplied, SolverFinished
from atlas_mcp.atlas.explore import STRATEGIES
from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.errors import AtlasError, ConfigError, InvalidInput, JournalError, UnknownRun
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.testing.atlas_api import candidate_text, explores, synthesis_text
from atlas_mcp.testing.messages_api import (
    ApiReply,
    Call,
    Fault,
    MessagesApi,
    Tokens,
)
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from atlas_mcp.views.summaries import summary
from tests.support.gated_models import until
from tests.support.live_runs import driven
from tests.support.worlds import QUESTION, World, ended, opened_world, solve, unmarked

ANSWER = ApiReply(text=synthesis_text("42"))
STALL = Fault("stall", after=3, seconds=3_600)

on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])
on_trio = pytest.mark.parametrize("anyio_backend", ["trio"])
"""For tests with many cases, or that wait for a deadline: one loop is enough for them."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with opened_world(monkeypatch) as world:
        yield world


def counted(view: RunView) -> Usage:
    return Usage(**view.usage.model_dump())


# An answer, and what it cost


async def test_two_solvers_that_agree_and_one_synthesis_make_an_answer(world: World) -> None:
    async with world.service() as service:
        view = await solve(service)

    assert (view.status, view.stop_reason, view.answer) == ("answered", "decided", "42")
    assert (view.confidence, view.next) == (0.9, None)
    assert view.explanation == "Two candidates agree by different methods."
    assert [group.explore_ids for group in view.agreement.groups] == [[1, 2]]
    assert [(c.status, c.answer, c.confidence) for c in view.candidates] == [("ok", "42", 0.8)] * 2
    assert (world.play.solvers_asked, world.play.turns_asked) == (2, 1)
    assert counted(view) == world.api.reported


@pytest.mark.requirement("SEEN-13")
async def test_answers_that_the_orchestrator_calls_the_same_are_one_group_by_its_judgement(
    world: World,
) -> None:
    world.play.solver = lambda n: ApiReply(
        text=candidate_text(("24", "The farmer has 24 sheep now.")[min(n, 1)])
    )
    named = {**json.loads(synthesis_text("24 sheep are left.")), "same_answers": [[1, 2], [0, 1]]}
    world.play.orchestrator = (ApiReply(text=json.dumps(named)),)
    async with world.service() as service:
        view = await solve(service)
    async with world.service() as later:
        again = view_of(await later.look(view.run_id))

    assert world.play.turns_asked == 1
    assert view.agreement == again.agreement
    [group] = view.agreement.groups
    assert (group.explore_ids, group.by, group.chosen) == ([1, 2], "judgement", True)
    assert "Agreement: 2 of 2 candidates say" in summary(view)
    assert "(by the orchestrator's judgement)" in summary(view)


RATES = {
    # USD per million tokens: input, output, cache read, five-minute cache write (facts/llm.md, 2).
    "claude-opus-5-5": ("4", "20", "0.20", "5"),
    "claude-sonnet-5-5": ("2", "10", "0.10", "2.5"),
    "claude-haiku-5-5": ("0.10", "0.50", "0.01", "0.125"),
    "claude-fable-5-2": ("8", "40", "0.20", "10"),
    "claude-sonnet-4-6": ("3", "15", "0.30", "3.75"),
    "claude-haiku-4-5": ("1", "5", "0.10", "1.25"),
}


def price(rates: tuple[str, ...], tokens: Tokens) -> Decimal:
    counts = (tokens.input, tokens.output, tokens.cache_read, tokens.cache_write)
    parts = (Decimal(rate) * count for rate, count in zip(rates, counts, strict=True))
    return sum(parts, Decimal(0)) / 1_000_000


@on_trio
@pytest.mark.parametrize("model", RATES)
@pytest.mark.requirement("MONEY-14")
async def test_the_count_is_the_apis_to_the_token_and_the_cost_is_the_list_price(
    world: World, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setenv("ATLAS_ORCHESTRATOR_MODEL", f"anthropic/{model}")
    first = Tokens(input=5_011, output=1_203)
    second = Tokens(input=17, output=2_507, cache_read=3_001, cache_write=1_999)
    weighing = Tokens(input=901, output=307, cache_write=4_003)
    deciding = Tokens(input=1_501, output=811, cache_read=4_003, cache_write=601)
    world.play.solver = lambda n: ApiReply(
        text=candidate_text("42"), tokens=(first, second)[min(n, 1)]
    )
    again = explores({"strategy": "decompose"})
    world.play.orchestrator = (
        ApiReply(text=again.text, calls=again.calls, tokens=weighing),
        ApiReply(text=synthesis_text("42"), tokens=deciding),
    )

    async with world.service() as service:
        view = await solve(service, RunRequest(solvers=[f"anthropic/{model}"]))

    assert view.status == "answered"
    assert counted(view) == world.api.reported
    assert counted(view).requests == 5
    rates = RATES[model]
    solvers = price(rates, first) + 2 * price(rates, second)
    orchestrator = price(rates, weighing) + price(rates, deciding)
    assert view.cost_split.solvers == solvers
    assert view.cost_split.orchestrator == orchestrator
    assert view.cost_usd == solvers + orchestrator
    costs = [candidate.cost_usd or Decimal(0) for candidate in view.candidates]
    assert sorted(costs) == sorted(price(rates, one) for one in (first, second, second))


async def test_a_long_prompt_of_haiku_costs_its_dearer_rates_as_a_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_ORCHESTRATOR_MODEL", "anthropic/claude-haiku-5-5")
    long, short = Tokens(input=100_001, output=1_000), Tokens(input=10, output=10)
    world.play.solver = lambda n: ApiReply(
        text=candidate_text("42"), tokens=(long, short)[min(n, 1)]
    )
    world.play.orchestrator = (ApiReply(text=synthesis_text("42"), tokens=short),)

    async with world.service() as service:
        view = await solve(service, RunRequest(solvers=["anthropic/claude-haiku-5-5"]))

    cheap = RATES["claude-haiku-5-5"]
    dear = ("0.50", "2.50", "0.05", "0.625")
    assert view.cost_usd == price(dear, long) + 2 * price(cheap, short)


# What goes over the wire


async def test_the_explores_of_one_turn_are_in_flight_together(world: World) -> None:
    world.api.batches = [2, 1, 3, 1]
    world.play.orchestrator = (
        explores({"strategy": "decompose"}, {"strategy": "code_trace"}, {"strategy": "direct"}),
        ANSWER,
    )

    async with world.service() as service:
        view = await solve(service)

    assert view.status == "answered"
    assert len(view.candidates) == 5
    assert world.api.batches == []
    assert world.api.most_in_flight <= 3


async def test_no_more_solvers_are_in_flight_than_the_configuration_allows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_BUDGET_MAX_PARALLEL", "2")
    world.api.batches = [2, 1, 2, 2, 1]
    world.play.orchestrator = (explores(*[{"strategy": "decompose"}] * 4), ANSWER)

    async with world.service() as service:
        view = await solve(service)

    assert len(view.candidates) == 6
    assert world.api.batches == []
    assert world.api.most_in_flight <= 2


@pytest.mark.requirement("SEEN-1")
async def test_a_solver_sees_the_problem_and_its_own_action_and_nothing_else(world: World) -> None:
    def solver(n: int) -> ApiReply:
        text = {"approach": f"approach-canary-{n}", "justification": f"reasoning-canary-{n}"}
        return ApiReply(
            text=json.dumps({**text, "answer": f"answer-canary-{n}", "confidence_percent": 61 + n}),
            thinking=f"thinking-canary-{n}",
        )

    world.play.solver = solver
    world.play.orchestrator = (
        ApiReply(
            text="said-canary",
            thinking="thought-canary",
            calls=(
                Call("explore", {"strategy": "decompose", "instruction": "instruction-canary-a"}),
                Call("explore", {"strategy": "code_trace", "instruction": "instruction-canary-b"}),
            ),
        ),
        explores({"strategy": "direct", "effort": "low"}),
        ANSWER,
    )

    async with world.service() as service:
        view = await solve(service)

    assert view.status == "answered"
    requests = world.raw(solvers=True)
    assert len(requests) == 5
    instructed = 0
    for raw in requests:
        own = [one for one in (b"instruction-canary-a", b"instruction-canary-b") if one in raw]
        instructed += len(own)
        assert len(own) <= 1
        assert raw.count(b"canary") == len(own)
    assert instructed == 2
    for body in world.asked(solvers=True):
        assert len(body["messages"]) == 1
        problem, directive = body["messages"][0]["content"]
        assert problem["text"] == f"<problem>\n{QUESTION}\n</problem>"
        assert directive["text"].startswith("How to approach it: ")
    orchestrator = world.raw(solvers=False)[-1]
    for n in range(5):
        for kind in (b"approach", b"reasoning", b"answer"):
            assert b"%s-canary-%d" % (kind, n) in orchestrator
        assert b"thinking-canary-%d" % n not in orchestrator


async def test_all_solvers_of_a_run_share_the_prefix_that_a_vendor_can_cache(world: World) -> None:
    world.play.orchestrator = (explores({"strategy": "decompose", "instruction": "Go."}), ANSWER)

    async with world.service() as service:
        await solve(service)

    bodies = world.asked(solvers=True)
    shared = [(body["system"], body["messages"][0]["content"][0]) for body in bodies]
    assert shared == [shared[0]] * 3
    assert shared[0][1]["cache_control"] == {"type": "ephemeral"}


async def test_the_orchestrators_conversation_only_grows_on_the_wire(world: World) -> None:
    world.play.orchestrator = (
        explores({"strategy": "decompose"}, thinking="a"),
        explores({"strategy": "code_trace"}, {"strategy": "no such"}, thinking="b"),
        ApiReply(text="no JSON", thinking="c"),
        explores({"strategy": "work_backwards"}, thinking="d"),
        ANSWER,
    )

    async with world.service() as service:
        view = await solve(service)

    assert view.status == "answered"
    assert len(view.candidates) == 5
    bodies = unmarked(world.asked(solvers=False))
    assert len(bodies) == 5
    for earlier, later in pairwise(bodies):
        length = len(earlier["messages"])
        assert later["messages"][:length] == earlier["messages"]
        assert len(later["messages"]) == length + 2
        assert (later["system"], later["tools"]) == (earlier["system"], earlier["tools"])


async def test_every_tool_call_gets_its_own_candidate_back(world: World) -> None:
    world.play.solver = lambda n: ApiReply(text=candidate_text(f"answer-{n}"))
    calls = tuple(Call("explore", {"strategy": one}, f"toolu_{one}") for one in STRATEGIES[2:5])
    world.play.orchestrator = (ApiReply(calls=calls), ANSWER)

    async with world.service() as service:
        view = await solve(service)

    results = world.asked(solvers=False)[1]["messages"][-1]["content"]
    by_call = {one["tool_use_id"]: one for one in results if one["type"] == "tool_result"}
    assert list(by_call) == [call.id for call in calls]
    for candidate in view.candidates[2:]:
        told = str(by_call[f"toolu_{candidate.strategy}"]["content"])
        assert f'"answer": "{candidate.answer}"' in told


async def test_nothing_is_sent_that_current_models_refuse(world: World) -> None:
    world.play.orchestrator = (explores({"strategy": "decompose", "effort": "max"}), ANSWER)

    async with world.service() as service:
        await solve(service)

    assert world.api.requests == 5
    for body in world.api.bodies:
        assert not {"temperature", "top_p", "top_k", "stop_sequences"} & set(body)
        assert body.get("tool_choice", {"type": "auto"})["type"] == "auto"
        assert body["stream"] is True
        assert body["messages"][-1]["role"] == "user"


async def test_an_answer_of_a_whole_number_is_an_int(world: World) -> None:
    world.play.solver = lambda n: ApiReply(text=candidate_text(42))
    world.play.orchestrator = (ApiReply(text=synthesis_text(42)),)

    async with world.service() as service:
        view = await solve(service, answer_schema={"type": "integer"})

    assert view.answer == 42
    assert type(view.answer) is int
    assert [type(candidate.answer) for candidate in view.candidates] == [int, int]
    for body in world.asked(solvers=True):
        schema = body["output_config"]["format"]["schema"]
        assert schema["properties"]["answer"]["type"] == "integer"


@pytest.mark.requirement("PAID-5")
async def test_a_candidate_whose_answer_breaks_the_schema_is_a_failure_with_its_reason(
    world: World,
) -> None:
    world.play.solver = lambda n: ApiReply(text=candidate_text("forty-two" if n == 0 else 42))
    world.play.orchestrator = (ApiReply(text=synthesis_text(42)),)

    async with world.service() as service:
        view = await solve(service, answer_schema={"type": "integer"})

    assert sorted(candidate.status for candidate in view.candidates)[:2] == ["failed", "ok"]
    failed = next(one for one in view.candidates if one.status == "failed")
    assert failed.error is not None
    assert "'forty-two' is not of type 'integer'" in failed.error
    assert counted(view) == world.api.reported


# The journal


async def test_what_is_journaled_folds_to_the_live_state(world: World) -> None:
    world.play.solver = lambda n: ApiReply(text=candidate_text("42") if n else "no JSON")
    world.play.orchestrator = (
        explores({"strategy": "decompose"}, {"strategy": "no such"}),
        ApiReply(text="no JSON either"),
        ANSWER,
    )

    async with world.service() as service:
        live = driven(
            service,
            await service.solve(
                make_problem(QUESTION, answer_schema={"type": ["string", "integer"]}),
                RunRequest(seed=7),
            ),
        )
        await ended(service, live)
        records = await service.read(live.run_id)

    assert RunState.fold(records) == live.state
    assert live.state.finished is not None
    replies = [
        r.event for r in records if isinstance(r.event, SolverFinished | OrchestratorReplied)
    ]
    assert sum((reply.charge.usage for reply in replies), Usage()) == world.api.reported


async def test_another_service_reads_the_finished_run(world: World) -> None:
    async with world.service() as first:
        view = await solve(first)
        async with world.service() as beside:
            assert view_of(await beside.look(view.run_id)) == view
    async with world.service() as later:
        assert view_of(await later.look(view.run_id)) == view
        assert view_of(await later.wait(view.run_id, math.inf)) == view
        (summary,) = await later.list_runs()

    assert (summary.run_id, summary.status, summary.driven) == (view.run_id, "answered", False)
    assert world.api.requests == 3


async def test_a_run_in_flight_is_running_to_another_service_and_interrupted_once_it_is_left(
    world: World,
) -> None:
    world.play.solver = lambda n: STALL if n else ApiReply(text=candidate_text("42"))
    async with world.service() as first:
        live = driven(first, await first.solve(make_problem(QUESTION), RunRequest()))
        with anyio.fail_after(10):
            while not live.state.votes:
                await live.changed(live.changes)
        async with world.service() as beside:
            assert view_of(await beside.look(live.run_id)).status == "running"

    async with world.service() as later:
        view = view_of(await later.look(live.run_id))

    assert (view.status, view.answer) == ("interrupted", None)
    assert [one.answer for one in view.candidates if one.status == "ok"] == ["42"]
    assert all("cancelled" in (one.error or "") for one in view.candidates if one.status != "ok")


async def test_an_unknown_run_is_said_to_be_unknown(world: World) -> None:
    async with world.service() as service:
        with pytest.raises(UnknownRun, match="'nowhere'"):
            await service.look("nowhere")
        with pytest.raises(UnknownRun, match="'nowhere'"):
            await service.wait("nowhere", 1)
        await service.stop("nowhere")
        with pytest.raises(UnknownRun, match="'nowhere'"):
            await service.cancel("nowhere")
        with pytest.raises(UnknownRun, match="'nowhere'"):
            await service.resume("nowhere")


# Explores of a client that orchestrates


async def test_explores_gather_under_one_run_with_one_ledger(world: World) -> None:
    problem = make_problem(QUESTION)
    async with world.service() as service:
        live = driven(
            service, await service.explore(problem, RunRequest(), ExploreRequest(count=2))
        )
        first = await ended(service, live)
        more = ExploreRequest(strategy="code_trace", instruction="Trace it.", effort="low")
        again = driven(
            service, await service.explore(problem, RunRequest(), more, run_id=first.run_id)
        )
        view = await ended(service, again)
        records = await service.read(first.run_id)

    assert first.status == view.status == "answered"
    assert (view.answer, view.stop_reason) == (None, "decided")
    assert view.next is not None
    assert view.run_id in view.next
    assert view.candidates[:2] == first.candidates
    third = view.candidates[2]
    assert (third.explore_id, third.strategy, third.instruction, third.effort) == (
        3,
        "code_trace",
        "Trace it.",
        "low",
    )
    assert len({candidate.strategy for candidate in view.candidates}) == 3
    assert counted(view) == world.api.reported
    assert view.cost_usd is not None
    assert first.cost_usd is not None
    assert view.cost_usd > first.cost_usd
    state = RunState.fold(records)
    assert state == again.state
    assert state.ledger.spent == view.cost_usd
    assert world.play.turns_asked == 0


async def test_explores_can_go_on_under_a_run_that_another_service_began(world: World) -> None:
    problem = make_problem(QUESTION)
    async with world.service() as service:
        first = await ended(service, await service.explore(problem, RunRequest(), ExploreRequest()))
    async with world.service() as service:
        live = driven(
            service,
            await service.explore(problem, RunRequest(), ExploreRequest(), run_id=first.run_id),
        )
        view = await ended(service, live)

    assert [candidate.explore_id for candidate in view.candidates] == [1, 2]
    assert counted(view) == world.api.reported


@pytest.mark.requirement("MONEY-10")
async def test_a_cap_holds_over_all_explores_of_a_run(world: World) -> None:
    cap = 0.09
    reply = ApiReply(text=candidate_text("42"), tokens=Tokens(input=200, output=2_400))
    world.play.solver = lambda n: reply
    problem = make_problem(QUESTION)
    async with world.service() as service:
        live = driven(
            service,
            await service.explore(problem, RunRequest(max_cost_usd=cap), ExploreRequest(count=1)),
        )
        view = await ended(service, live)
        for _ in range(6):
            live = driven(
                service,
                await service.explore(problem, RunRequest(), ExploreRequest(), run_id=view.run_id),
            )
            view = await ended(service, live)

    assert 1 < len(view.candidates) < 7
    assert view.cost_usd is not None
    assert view.cost_usd <= Decimal(str(cap))
    assert len(view.candidates) == world.api.requests
    tokens = [body["max_tokens"] for body in world.api.bodies]
    assert tokens == sorted(tokens, reverse=True)


async def test_explores_that_cannot_go_on_are_refused_before_any_call(world: World) -> None:
    problem = make_problem(QUESTION)
    async with world.service() as service:
        solved = await solve(service)
        first = await ended(service, await service.explore(problem, RunRequest(), ExploreRequest()))
        before = world.api.requests
        refused: list[tuple[str, str, ExploreRequest, str]] = [
            (QUESTION, solved.run_id, ExploreRequest(), "run_id"),
            ("Another?", first.run_id, ExploreRequest(), "problem"),
            (QUESTION, first.run_id, ExploreRequest(count=8), "count"),
            (QUESTION, first.run_id, ExploreRequest(count=0), "count"),
            (QUESTION, first.run_id, ExploreRequest(solver="nobody"), "solver"),
            (QUESTION, first.run_id, ExploreRequest(strategy="magic"), "strategy"),
            (QUESTION, first.run_id, ExploreRequest(effort="extreme"), "effort"),
            (QUESTION, first.run_id, ExploreRequest(instruction="x" * 2_001), "instruction"),
        ]
        for text, run_id, wish, argument in refused:
            with pytest.raises(InvalidInput) as caught:
                await service.explore(make_problem(text), RunRequest(), wish, run_id=run_id)
            assert caught.value.argument == argument
        with pytest.raises(UnknownRun):
            await service.explore(problem, RunRequest(), ExploreRequest(), run_id="nowhere")
        assert view_of(await service.look(first.run_id)) == first

    assert world.api.requests == before


async def test_explores_that_another_process_would_have_to_make_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_mcp.runs.driving.claims.TURN_SECONDS", 0.5)
    world.play.solver = lambda n: STALL
    problem = make_problem(QUESTION)
    async with world.service() as driving:
        run_id = await driving.explore(problem, RunRequest(), ExploreRequest())
        async with world.service() as beside:
            with pytest.raises(JournalError, match="another process"):
                await beside.explore(problem, RunRequest(), ExploreRequest(), run_id=run_id)
        await driving.cancel(run_id)


async def test_explores_of_two_processes_under_one_run_are_made_in_turn(world: World) -> None:
    async with world.service() as first, world.service() as second:
        run_id = await first.explore(make_problem(QUESTION), RunRequest(), ExploreRequest())

        async def further(service: RunService) -> None:
            await service.explore(None, RunRequest(), ExploreRequest(), run_id=run_id)
            await service.wait(run_id, 60)

        async with anyio.create_task_group() as tasks:
            for service in (first, second, first, second):
                tasks.start_soon(further, service)
        view = view_of(await second.look(run_id))

    assert [one.status for one in view.candidates] == ["ok"] * 5
    assert world.api.requests == 5


async def test_a_solver_that_is_not_there_is_named_as_the_caller_named_it(world: World) -> None:
    async with world.service() as service:
        with pytest.raises(InvalidInput, match="there is no solver 'nope'") as caught:
            await service.explore(make_problem(QUESTION), RunRequest(), ExploreRequest("nope"))

    assert caught.value.argument == "solver"
    assert world.api.requests == 0


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.1])
async def test_explores_that_come_at_once_under_one_run_are_all_made(
    world: World, pause: float
) -> None:
    async with world.service() as service:
        run_id = await service.explore(make_problem(QUESTION), RunRequest(), ExploreRequest())

        async def further(number: int) -> None:
            await anyio.sleep(number * pause)
            await service.explore(None, RunRequest(), ExploreRequest(), run_id=run_id)

        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(further, number)
        view = view_of(await service.wait(run_id, 20))

    assert [one.status for one in view.candidates] == ["ok"] * 6
    assert world.api.requests == 6


async def test_explores_that_come_at_once_under_a_run_that_has_ended_are_all_made(
    world: World,
) -> None:
    """The first takes it up again, and the others are not told that another process has it."""
    async with world.service() as service:
        live = driven(
            service, await service.explore(make_problem(QUESTION), RunRequest(), ExploreRequest())
        )
        await ended(service, live)

        async def further() -> None:
            await service.explore(None, RunRequest(), ExploreRequest(), run_id=live.run_id)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(further)
        view = view_of(await service.wait(live.run_id, 20))

    assert [one.status for one in view.candidates] == ["ok"] * 6
    assert world.api.requests == 6


async def test_a_further_explore_that_is_refused_keeps_no_other_from_the_run(world: World) -> None:
    async with world.service() as service:
        first = await ended(
            service, await service.explore(make_problem(QUESTION), RunRequest(), ExploreRequest())
        )
        refused: list[InvalidInput] = []

        async def too_many() -> None:
            try:
                await service.explore(
                    None, RunRequest(), ExploreRequest(count=8), run_id=first.run_id
                )
            except InvalidInput as error:
                refused.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(too_many)
            further = partial(
                service.explore, None, RunRequest(), ExploreRequest(), run_id=first.run_id
            )
            tasks.start_soon(further)
        view = view_of(await service.wait(first.run_id, 20))

    assert len(refused) == 1
    assert len(view.candidates) == 2


async def test_explores_under_a_run_that_has_not_begun_are_made_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_SERVER_MAX_RUNS", "1")
    world.play.solver = lambda n: ApiReply(text=candidate_text("42")) if n else STALL
    async with world.service() as service:
        first = await service.explore(make_problem("Another?"), RunRequest(), ExploreRequest())
        await until(lambda: world.api.requests == 1)
        live = await service.explore(make_problem(QUESTION), RunRequest(), ExploreRequest())
        await service.explore(None, RunRequest(), ExploreRequest(count=2), run_id=live)
        await service.cancel(first)
        view = view_of(await service.wait(live, 20))

    assert [one.status for one in view.candidates] == ["ok"] * 3


@pytest.mark.parametrize(
    "said",
    [
        'Say "six times seven":  what\'s it?',
        "Say \u201csix times seven\u201d: what\u2019s it?",
        "Say \u00absix times seven\u00bb:\r\nwhat's it?\n",
    ],
)
async def test_a_problem_is_the_runs_own_however_it_is_spaced_and_quoted(
    world: World, said: str
) -> None:
    async with world.service() as service:
        asked = make_problem('Say "six times seven": what\'s it?')
        first = await ended(service, await service.explore(asked, RunRequest(), ExploreRequest()))
        live = driven(
            service,
            await service.explore(
                make_problem(said), RunRequest(), ExploreRequest(), run_id=first.run_id
            ),
        )
        assert len((await ended(service, live)).candidates) == 2


async def test_too_many_explores_at_once_are_refused_by_the_arguments_own_name(
    world: World,
) -> None:
    async with world.service() as service:
        for count in (0, -1, 21, 100, 101, 10_000):
            with pytest.raises(InvalidInput) as caught:
                await service.explore(
                    make_problem(QUESTION), RunRequest(), ExploreRequest(count=count)
                )
            assert caught.value.argument == "count", count

    assert world.api.requests == 0


async def test_an_answer_schema_that_is_not_the_runs_own_is_not_dropped_in_silence(
    world: World,
) -> None:
    async with world.service() as service:
        live = driven(
            service, await service.explore(make_problem(QUESTION), RunRequest(), ExploreRequest())
        )
        first = await ended(service, live)
        typed = make_problem(QUESTION, answer_schema={"type": "integer"})
        with pytest.raises(InvalidInput) as caught:
            await service.explore(typed, RunRequest(), ExploreRequest(), run_id=first.run_id)

    assert caught.value.argument == "answer_schema"


# Bad input


REFUSED: dict[str, tuple[dict[str, Any], RunRequest, str]] = {
    "an empty problem": ({"text": " \n"}, RunRequest(), "problem"),
    "a problem too long": ({"text": "x" * 400_001}, RunRequest(), "problem"),
    "an unknown solver": ({}, RunRequest(solvers=["nobody"]), "solvers"),
    "an unknown vendor": ({}, RunRequest(solvers=["acme/one"]), "solvers"),
    "an unknown embedded model": ({}, RunRequest(solvers=["local/nobody"]), "solvers"),
    "no solver at all": ({}, RunRequest(solvers=[]), "solvers"),
    "a solver twice": ({}, RunRequest(solvers=["scripted/demo"] * 2), "solvers"),
    "a negative cap": ({}, RunRequest(max_cost_usd=-1), "max_cost_usd"),
    "a cap of nothing": ({}, RunRequest(max_cost_usd=0), "max_cost_usd"),
    "a cap that is no number": ({}, RunRequest(max_cost_usd=math.nan), "max_cost_usd"),
    "a cap without end": ({}, RunRequest(max_cost_usd=math.inf), "max_cost_usd"),
    "a cap that buys nothing": ({}, RunRequest(max_cost_usd=0.001), "max_cost_usd"),
    "no explores": ({}, RunRequest(max_explores=0), "max_explores"),
    "too many explores": ({}, RunRequest(max_explores=101), "max_explores"),
    "no time": ({}, RunRequest(time_limit_s=0), "time_limit_s"),
    "negative time": ({}, RunRequest(time_limit_s=-5), "time_limit_s"),
    "time that is no number": ({}, RunRequest(time_limit_s=math.nan), "time_limit_s"),
    "an unknown workflow": ({}, RunRequest(workflow="magic"), "workflow"),
    "an unknown effort": ({}, RunRequest(explore_effort="extreme"), "explore_effort"),
    "a schema of the wrong type": ({"answer_schema": ["x"]}, RunRequest(), "answer_schema"),
    "a schema that is none": ({"answer_schema": {"type": "thing"}}, RunRequest(), "answer_schema"),
    "a schema from elsewhere": (
        {"answer_schema": {"$ref": "https://example.org/x"}},
        RunRequest(),
        "answer_schema",
    ),
}


@on_asyncio
@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.requirement("ERR-1")
async def test_bad_input_names_its_argument_and_reaches_no_model(world: World, case: str) -> None:
    problem, wish, argument = REFUSED[case]
    async with world.service() as service:
        with pytest.raises(InvalidInput) as caught:
            await service.solve(make_problem(**{"text": QUESTION, **problem}), wish)
        assert await service.list_runs() == ()

    assert caught.value.argument == argument
    assert str(caught.value).startswith(f"`{argument}`: ")
    assert world.api.requests == 0


@pytest.mark.requirement("MONEY-7")
async def test_a_cap_with_a_model_of_unknown_price_is_an_error_of_configuration(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = RunRequest(solvers=["anthropic/claude-unknown-9"])
    async with world.service() as service:
        with pytest.raises(ConfigError, match="price of 'anthropic/claude-unknown-9'") as caught:
            await service.solve(make_problem(QUESTION), wish)
        with pytest.raises(ConfigError):
            await service.explore(make_problem(QUESTION), wish, ExploreRequest())
    assert "max_cost_usd" in str(caught.value)
    assert world.api.requests == 0

    monkeypatch.setenv("ATLAS_BUDGET_MAX_COST_USD", "none")
    async with world.service() as service:
        view = await solve(service, wish)
    assert (view.status, view.stop_reason) == ("failed", "no_candidates")
    assert view.explanation is not None
    assert "claude-unknown-9" in view.explanation
    assert world.play.turns_asked == 0


@on_asyncio
@pytest.mark.parametrize("content", [b"[budget", b"[budgets]\n", b"\xff\xfe\x00", None])
async def test_a_configuration_that_cannot_be_read_opens_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "atlas.toml"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("ATLAS_CONFIG", str(path))

    with pytest.raises(ConfigError, match=r"atlas\.toml"):
        async with world.service():
            pytest.fail("there is no service")  # pragma: no cover - never reached


@pytest.mark.requirement("CONF-5")
async def test_without_a_key_the_error_names_three_ways_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    async with world.service() as service:
        with pytest.raises(AtlasError) as caught:
            await service.solve(make_problem(QUESTION), RunRequest())

    for way in ("ANTHROPIC_API_KEY", "base_url", "--solver local"):
        assert way in str(caught.value)


# Ends that are no answer of the orchestrator


@on_trio
@pytest.mark.requirement("HANG-1")
async def test_a_solver_that_stalls_past_the_time_limit_leaves_an_answer_from_the_rest(
    world: World,
) -> None:
    world.play.solver = lambda n: STALL if n else ApiReply(text=candidate_text("42"))

    async with world.service() as service:
        view = await solve(service, RunRequest(time_limit_s=2.5))

    assert (view.status, view.stop_reason, view.answer) == ("answered", "deadline", "42")
    failed = next(one for one in view.candidates if one.status == "failed")
    assert failed.error is not None
    assert failed.error.startswith("timeout: ")
    said = world.raw(solvers=False)[0]
    assert b"The time for explores is up." in said


@on_asyncio
@pytest.mark.requirement("HANG-2")
async def test_a_run_whose_solvers_all_stall_ends_and_says_why(world: World) -> None:
    world.play.solver = lambda n: STALL

    async with world.service() as service:
        view = await solve(service, RunRequest(time_limit_s=1.5))

    assert (view.status, view.answer) == ("failed", None)
    assert view.stop_reason in ("deadline", "no_candidates")
    assert view.explanation is not None
    assert "time limit" in view.explanation
    assert world.play.turns_asked == 0
    assert view.next is not None


def all_left(api: MessagesApi) -> bool:
    return api.disconnects == 1 and api.in_flight == 0


async def test_a_run_that_is_stopped_aborts_its_calls_and_keeps_what_it_found(
    world: World,
) -> None:
    world.play.solver = lambda n: STALL if n else ApiReply(text=candidate_text("42"))
    # Both are on their way before the first is answered.
    world.api.batches = [2]
    async with world.service() as service:
        live = driven(service, await service.solve(make_problem(QUESTION), RunRequest()))
        with anyio.fail_after(10):
            while not live.state.votes:
                await live.changed(live.changes)

        view = view_of(await service.cancel(live.run_id))
        assert view_of(await service.cancel(live.run_id)) == view
        left = await anyio.to_thread.run_sync(world.api.wait_for, all_left)

    assert left
    assert (view.status, view.stop_reason, view.answer) == ("cancelled", "cancelled", None)
    assert sorted(candidate.status for candidate in view.candidates)[:2] == ["failed", "ok"]
    failed = next(one for one in view.candidates if one.status == "failed")
    assert failed.error is not None
    assert failed.error.startswith("cancelled: ")
    assert any("may have been billed" in warning for warning in view.agreement.warnings)
    assert view.usage.requests == world.api.requests == 2
    assert world.play.turns_asked == 0


@pytest.mark.requirement("MONEY-16")
async def test_what_a_stopped_call_was_told_it_used_is_counted(world: World) -> None:
    """The contract: calls are aborted at once, and what they cost so far is reported."""
    half = ApiReply(text="x" * 40_000, tokens=Tokens(input=700, output=10_000))
    world.play.solver = lambda n: Fault("stall", after=5, seconds=3_600, reply=half)
    async with world.service() as service:
        live = driven(service, await service.solve(make_problem(QUESTION), RunRequest()))
        with anyio.fail_after(10):
            while len(live.tokens) < 2:
                await anyio.lowlevel.checkpoint()
        view = view_of(await service.cancel(live.run_id))

    assert view.usage.requests == 2
    assert view.usage.input_tokens == world.api.reported.input_tokens == 1_400
    assert view.cost_usd is not None
    assert view.cost_usd > 0


async def test_a_stop_while_the_orchestrator_thinks_keeps_all_candidates(world: World) -> None:
    world.play.orchestrator = (STALL,)
    async with world.service() as service:
        live = driven(service, await service.solve(make_problem(QUESTION), RunRequest()))
        with anyio.fail_after(10):
            while not live.state.turn_in_flight:
                await live.changed(live.changes)
        view = view_of(await service.cancel(live.run_id))

    assert (view.status, view.answer) == ("cancelled", None)
    assert [candidate.answer for candidate in view.candidates] == ["42", "42"]


async def test_the_ceiling_of_explores_ends_exploring_and_not_the_run(world: World) -> None:
    world.play.orchestrator = (
        explores({"strategy": "decompose"}, {"strategy": "code_trace"}),
        ANSWER,
    )

    async with world.service() as service:
        view = await solve(service, RunRequest(max_explores=3))

    assert (view.status, view.stop_reason) == ("answered", "max_explores")
    assert len(view.candidates) == 3
    assert b"No explore is left." in world.raw(solvers=False)[-1]


@pytest.mark.requirement("MONEY-2")
async def test_spending_stays_below_the_cap_whatever_the_orchestrator_wants(world: World) -> None:
    reply = ApiReply(text=candidate_text("42"), tokens=Tokens(input=300, output=2_000))
    world.play.solver = lambda n: reply
    world.play.orchestrator = (explores(*[{"strategy": "decompose"}] * 4), *[ANSWER] * 3)
    cap = Decimal("0.15")

    async with world.service() as service:
        view = await solve(service, RunRequest(max_cost_usd=cap, max_explores=100))

    assert view.status == "answered"
    assert view.cost_usd is not None
    assert view.cost_usd <= cap
    assert counted(view) == world.api.reported


async def test_no_supported_answer_is_a_result(world: World) -> None:
    world.play.solver = lambda n: ApiReply(text=candidate_text(f"answer {n}"))
    world.play.orchestrator = (ApiReply(text=synthesis_text(None, supported=False)),)

    async with world.service() as service:
        view = await solve(service)

    assert (view.status, view.stop_reason) == ("answered", "no_supported_answer")
    assert (view.answer, view.confidence) == (None, None)
    assert view.next is not None


async def test_a_client_explores_within_the_quota_of_a_solver(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "atlas.toml"
    config.write_text('[solvers.h]\nmodel = "anthropic/claude-haiku-5-5"\nquota = 2\n')
    monkeypatch.setenv("ATLAS_CONFIG", str(config))
    problem = make_problem(QUESTION)
    async with world.service() as service:
        with pytest.raises(InvalidInput, match="`count`: is 3; solver 'h' has 2 of its 2"):
            await service.explore(problem, RunRequest(), ExploreRequest(count=3))
        assert world.api.requests == 0
        view = await ended(
            service, await service.explore(problem, RunRequest(), ExploreRequest(count=1))
        )
        with pytest.raises(InvalidInput, match="'h' has 1 of its 2"):
            await service.explore(
                problem, RunRequest(), ExploreRequest(count=2), run_id=view.run_id
            )
    assert world.api.requests == 1
