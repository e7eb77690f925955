"""A run with failing calls ends in an answer from the rest, or names the cause.

Each fault hits one solver of two, every solver, or the orchestrator when two candidates agree.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.atlas.solver_prompts import STRATEGY_TEXTS
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.testing.atlas_api import candidate_text, explores, synthesis_text
from atlas_mcp.testing.messages_api import (
    API_KEY,
    ApiReply,
    Call,
    Fault,
    MessagesApi,
    Tokens,
    refusal,
    serve,
    status,
    truncated,
)
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from tests.support.claude_models import claude_model
from tests.support.live_runs import driven

MODEL = "claude-sonnet-5-5"
CAP = Decimal("1.00")
QUICK = RetryPolicy(attempts=2, first_delay=0, longest_delay=0)
SILENCE = 0.3
"""Seconds without a byte after which a stalled stream is given up here."""

Outcome = ApiReply | Fault
Side = Literal["one", "every", "orchestrator"]


@dataclass(frozen=True)
class Case:
    """A fault, words of the cause people must be told, and how many calls are made of it."""

    outcome: Outcome
    cause: str
    calls: int = 2
    read_timeout: float = 30.0


FAULTS = {
    "429": Case(status(429), "rate limit"),
    "429 with retry-after": Case(status(429, retry_after=0.01), "rate limit"),
    "429 with an hour's retry-after": Case(status(429, retry_after=3_600), "rate limit", calls=1),
    "529": Case(status(529), "overloaded"),
    "500": Case(status(500), "status 500"),
    "500 not to be retried": Case(status(500, should_retry=False), "status 500", calls=1),
    "a cut stream": Case(Fault("cut"), "connection was cut"),
    "cut before any event": Case(Fault("cut", after=0), "connection was cut"),
    "an overload inside a stream": Case(Fault("error", error="overloaded_error"), "overloaded"),
    "an error inside a stream": Case(
        Fault("error", error="invalid_request_error"), "invalid_request_error", calls=1
    ),
    "a stall": Case(Fault("stall", seconds=3_600), "fell silent", read_timeout=SILENCE),
    "garbage": Case(Fault("garbage"), "could not be read"),
    "an early end": Case(Fault("ends"), "ended before"),
    "no stream": Case(Fault("not_a_stream"), "answers with a web page", calls=1),
    "400": Case(status(400), "refuses the request", calls=1),
    "401": Case(status(401), "key is refused", calls=1),
    "402": Case(status(402), "no credit", calls=1),
    "404": Case(status(404), "no such model", calls=1),
    "413": Case(status(413), "too large", calls=1),
}
"""Calls that give no reply."""

REPLIES = {
    "refusal": Case(refusal("cyber", "Not this."), "refused: cyber: Not this.", calls=1),
    "truncation": Case(truncated('{"approach": "Ad'), "cut off", calls=1),
    "no JSON": Case(ApiReply(text="The answer is 42."), "no JSON object", calls=1),
    "broken JSON": Case(ApiReply(text='{"answer": "42"'), "not JSON", calls=1),
    "the wrong shape": Case(ApiReply(text='{"result": "42"}'), "lacks", calls=1),
    "an empty answer": Case(ApiReply(text=candidate_text(" ")), "answer is empty", calls=1),
    "no content": Case(ApiReply(), "reply is empty", calls=1),
    "thinking alone": Case(ApiReply(thinking="Hm."), "reply is empty", calls=1),
}
"""Replies that are whole and say nothing that can be used."""

ALL = FAULTS | REPLIES

LASTING = ("401", "402")
"""Faults of the key: no other call with the same key is answered either."""

on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])
on_trio = pytest.mark.parametrize("anyio_backend", ["trio"])
"""Each loop gets its half: how a call fails on either is the business of test_claude."""


@dataclass
class Stage:
    """The models that get the fault, and the API that gives it."""

    case: Case
    side: Side
    solvers: int = 0
    turns: int = 0
    api: MessagesApi = field(init=False)

    def __post_init__(self) -> None:
        self.api = MessagesApi(self)

    def __call__(self, body: dict[str, Any]) -> Outcome:
        """Answer one request."""
        if "tools" in body:
            self.turns += 1
            if self.side == "orchestrator":
                return self.case.outcome
            return ApiReply(text=synthesis_text("42"))
        self.solvers += 1
        # The first two explores differ in their strategies, and `direct` comes first.
        first = STRATEGY_TEXTS["direct"] in body["messages"][0]["content"][1]["text"]
        if self.side == "every" or (self.side == "one" and first):
            return self.case.outcome
        return ApiReply(text=candidate_text("42"))


@asynccontextmanager
async def service_at(
    url: str, home: Path, *, read_timeout: float = 30.0, retries: RetryPolicy = QUICK
) -> AsyncGenerator[RunService]:
    claude = claude_model(MODEL, base_url=url, api_key=API_KEY, read_timeout=read_timeout)
    entry = SolverSettings(model=claude.name)
    settings = Settings(home=home, solvers={"claude": entry}, credentials=frozenset({"anthropic"}))
    try:
        pool = Pool(settings, {claude.name: claude})
        async with open_service(settings, pool=pool, retries=retries) as service:
            yield service
    finally:
        await claude.aclose()


async def perform(stage: Stage, home: Path) -> tuple[RunView, RunState]:
    """Return the view of one run under the fault, and its state."""
    with serve(stage.api) as url:
        async with service_at(url, home, read_timeout=stage.case.read_timeout) as service:
            with anyio.fail_after(10):
                live = driven(
                    service,
                    await service.solve(make_problem("6 * 7?"), RunRequest(max_cost_usd=CAP)),
                )
                view = view_of(await service.wait(live.run_id, math.inf))
            records = await service.read(live.run_id)
    state = RunState.fold(records)
    assert state == live.state
    assert state.ledger.committed <= CAP
    assert not state.ledger.held
    # Nothing was counted of what may be billed: unknown, and never 0.
    assert (view.cost_usd is None) == (state.ledger.spent == 0 and state.ledger.uncertain > 0)
    assert view.cost_usd is None or view.cost_usd <= CAP
    for one in view.candidates:
        uncounted = state.explores[one.explore_id].charge.uncertain
        assert not (one.cost_usd == 0 and uncounted > 0)
    assert Usage(**view.usage.model_dump()) == stage.api.reported
    return view, state


@pytest.mark.every_day(8)
@on_trio
@pytest.mark.parametrize("name", [name for name in ALL if name not in LASTING])
@pytest.mark.requirement("ERR-3")
async def test_a_fault_of_one_solver_leaves_an_answer_from_the_other(
    tmp_path: Path, name: str
) -> None:
    stage = Stage(ALL[name], "one")

    view, _ = await perform(stage, tmp_path)

    assert (view.status, view.answer) == ("answered", "42")
    failed, *found = view.candidates
    assert failed.status == "failed"
    # One candidate is never enough, so another solver is run in the failed one's place.
    assert [(one.status, one.answer) for one in found] == [("ok", "42")] * 2
    assert failed.error is not None
    assert stage.case.cause in failed.error
    assert failed.usage is not None
    assert failed.usage.requests == stage.case.calls
    assert stage.solvers == 2 + stage.case.calls


@pytest.mark.every_day(8)
@on_asyncio
@pytest.mark.parametrize("name", ALL)
@pytest.mark.requirement("ERR-4")
async def test_a_fault_of_every_solver_is_a_clear_end_and_never_an_answer(
    tmp_path: Path, name: str
) -> None:
    stage = Stage(ALL[name], "every")

    view, _ = await perform(stage, tmp_path)

    assert view.answer is None
    assert view.candidates
    assert all(one.status == "failed" for one in view.candidates)
    assert view.status == "failed"
    assert view.stop_reason == "no_candidates"
    assert view.explanation is not None
    assert stage.case.cause in view.explanation
    assert view.next is not None


@pytest.mark.every_day(8)
@on_trio
@pytest.mark.parametrize("name", [name for name in ALL if name != "an empty answer"])
async def test_a_fault_of_the_orchestrator_leaves_what_the_candidates_agree_on(
    tmp_path: Path, name: str
) -> None:
    stage = Stage(ALL[name], "orchestrator")

    view, state = await perform(stage, tmp_path)

    assert [one.answer for one in view.candidates] == ["42", "42"]
    assert (view.status, view.stop_reason, view.answer) == ("answered", "error", "42")
    assert view.confidence is None
    warning = view.agreement.warnings[0]
    assert warning.startswith("The orchestrator did not synthesize this answer")
    cause = "no `answer`" if name == "the wrong shape" else stage.case.cause
    assert cause in warning
    assert state.orchestrator_charge.usage.requests == stage.turns
    assert stage.turns <= 3


async def test_no_answer_is_made_up_where_candidates_differ_and_the_orchestrator_fails(
    tmp_path: Path,
) -> None:
    @dataclass
    class Differ(Stage):
        @override
        def __call__(self, body: dict[str, Any]) -> Outcome:
            if "tools" in body:
                return super().__call__(body)
            self.solvers += 1
            return ApiReply(text=candidate_text(f"answer {self.solvers}"))

    view, _ = await perform(Differ(FAULTS["529"], "orchestrator"), tmp_path)

    assert (view.status, view.stop_reason, view.answer) == ("failed", "error", None)
    assert sorted(one.answer for one in view.candidates) == ["answer 1", "answer 2"]
    assert view.explanation is not None
    assert "overloaded" in view.explanation


def by_side(
    solver: Callable[[], Outcome], orchestrator: Callable[[], Outcome]
) -> Callable[[dict[str, Any]], Outcome]:
    return lambda body: orchestrator() if "tools" in body else solver()


@on_asyncio
@pytest.mark.parametrize(
    "name", [name for name, case in FAULTS.items() if case.calls == 2 and name != "a stall"]
)
async def test_a_fault_that_passes_costs_a_second_call_and_nothing_else(
    tmp_path: Path, name: str
) -> None:
    """Usage and money of the attempts that failed are counted beside those that worked."""
    faults = [FAULTS[name].outcome] * 2
    answers: list[Outcome] = [FAULTS[name].outcome, ApiReply(text=synthesis_text("42"))]
    good = ApiReply(text=candidate_text("42"))
    api = MessagesApi(by_side(lambda: faults.pop() if faults else good, lambda: answers.pop(0)))
    with serve(api) as url:
        patient = RetryPolicy(attempts=3, first_delay=0, longest_delay=0)
        async with service_at(url, tmp_path, retries=patient) as service:
            with anyio.fail_after(10):
                live = driven(
                    service,
                    await service.solve(
                        make_problem("6 * 7?"), RunRequest(max_cost_usd=Decimal(5))
                    ),
                )
                view = view_of(await service.wait(live.run_id, math.inf))

    assert (view.status, view.stop_reason, view.answer) == ("answered", "decided", "42")
    assert [one.status for one in view.candidates] == ["ok", "ok"]
    assert view.usage.requests == api.requests == 6
    assert Usage(**view.usage.model_dump()) == api.reported
    assert live.state.ledger.committed <= 5


@pytest.mark.requirement("MONEY-6")
async def test_a_call_that_may_have_been_billed_is_not_made_again_without_money_for_both(
    tmp_path: Path,
) -> None:
    cut = Fault("cut", reply=ApiReply(text="x" * 400, tokens=Tokens(input=300, output=9_000)))
    answer = ApiReply(text=synthesis_text("42"))
    api = MessagesApi(by_side(lambda: cut, lambda: answer))
    cap = Decimal("0.12")
    with serve(api) as url:
        many = RetryPolicy(attempts=50, first_delay=0, longest_delay=0)
        async with service_at(url, tmp_path, retries=many) as service:
            with anyio.fail_after(10):
                live = driven(
                    service,
                    await service.solve(make_problem("6 * 7?"), RunRequest(max_cost_usd=cap)),
                )
                view = view_of(await service.wait(live.run_id, math.inf))

    ledger = live.state.ledger
    assert ledger.committed <= cap
    assert ledger.uncertain > 0
    assert api.requests < 20
    assert view.answer is None
    # The dearest that the vendor can bill: every token the calls were allowed.
    allowed = sum(body["max_tokens"] for body in api.bodies)
    billed = (allowed * Decimal(10) + api.reported.input_tokens * Decimal("2.5")) / 1_000_000
    assert billed <= cap
    assert any("may have been billed" in warning for warning in view.agreement.warnings)


async def test_a_fault_after_explores_were_granted_answers_every_tool_call(
    tmp_path: Path,
) -> None:
    """The API refuses a conversation in which a call of the model's was left unanswered."""
    solvers: list[Outcome] = [
        *[ApiReply(text=candidate_text("42"))] * 2,
        *[status(401), refusal(), ApiReply(text="no JSON")],
    ]
    turns: list[Outcome] = [
        explores(
            {"strategy": "decompose"},
            {"strategy": "code_trace"},
            {"strategy": "direct"},
            {"strategy": "no such"},
        ),
        ApiReply(calls=(Call("search", {"q": "42"}),), thinking="Is there another tool?"),
        ApiReply(text=synthesis_text("42")),
    ]
    api = MessagesApi(by_side(lambda: solvers.pop(0), lambda: turns.pop(0)))
    with serve(api) as url:
        async with service_at(url, tmp_path) as service:
            with anyio.fail_after(10):
                run_id = await service.solve(make_problem("6 * 7?"), RunRequest())
                view = view_of(await service.wait(run_id, math.inf))

    assert (view.status, view.stop_reason, view.answer) == ("answered", "decided", "42")
    assert [one.status for one in view.candidates] == ["ok", "ok", "failed", "failed", "failed"]
    assert Usage(**view.usage.model_dump()) == api.reported
