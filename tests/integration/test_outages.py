"""Endpoints that die or throttle in the middle of a run: the others answer, and one is told why.

Two loopback APIs stand for two vendors; each solver has one of them to itself.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.config.endpoints import OrchestratorSettings, SolverSettings
from atlas_mcp.config.settings import BudgetSettings, Settings
from atlas_mcp.models.gate import CircuitPolicy
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.testing.atlas_api import AtlasPlay, candidate_text, explores, synthesis_text
from atlas_mcp.testing.chat_api import API_KEY as CHAT_KEY
from atlas_mcp.testing.chat_api import OPENAI, ChatApi
from atlas_mcp.testing.messages_api import API_KEY, ApiReply, Fault, MessagesApi, serve, status
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView

MODEL = "anthropic/claude-haiku-5-5"
QUICK = RetryPolicy(attempts=3, first_delay=0, longest_delay=0)
CIRCUIT = CircuitPolicy(opens_after=4, opens_after_seconds=0.0, cool_down=3_600.0)


@dataclass
class Vendors:
    """Two APIs at work, of which the second, `weak`, can be made to fail."""

    home: Path
    play: AtlasPlay = field(default_factory=AtlasPlay)
    weak: Callable[[dict[str, Any]], ApiReply | Fault] = lambda body: status(503)

    @contextmanager
    def serving(self) -> Generator[Settings]:
        with ExitStack() as stack:
            strong = stack.enter_context(serve(MessagesApi(self.play)))
            weak = stack.enter_context(serve(MessagesApi(lambda body: self.weak(body))))
            yield Settings(
                home=self.home,
                orchestrator=OrchestratorSettings(
                    model=MODEL, base_url=strong, api_key_env="KEY", effort=None
                ),
                solvers={
                    "strong": SolverSettings(model=MODEL, base_url=strong, api_key_env="KEY"),
                    "weak": SolverSettings(model=MODEL, base_url=weak, api_key_env="KEY"),
                },
                budget=BudgetSettings(prefetch=2),
                keys={"KEY": API_KEY},
            )


@asynccontextmanager
async def service_of(settings: Settings) -> AsyncGenerator[RunService]:
    pool = Pool(settings, circuit=CIRCUIT)
    async with open_service(settings, pool=pool, retries=QUICK) as service:
        yield service


async def solve(service: RunService) -> RunView:
    run_id = await service.solve(make_problem("What is 6 * 7?"), RunRequest())
    with anyio.fail_after(15):
        return view_of(await service.wait(run_id, math.inf))


def weak_twice_then_strong() -> AtlasPlay:
    """Return an orchestrator that insists on the weak solver before it turns to the other."""
    weak = {"solver": "weak", "strategy": "decompose"}
    strong = {"solver": "strong", "strategy": "work_backwards"}
    return AtlasPlay(
        orchestrator=(
            explores(weak, thinking=None),
            explores(weak, strong, thinking=None),
            ApiReply(text=synthesis_text("42")),
        )
    )


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (status(503), "503"),
        (status(429, retry_after=0), "rate limit"),
        (Fault("cut", after=3), "cut"),
        (status(401), "key is refused"),
    ],
    ids=["503", "throttled", "cut", "key withdrawn"],
)
async def test_a_run_ends_with_an_answer_of_the_others_and_says_what_failed(
    tmp_path: Path, fault: Fault, said: str
) -> None:
    vendors = Vendors(tmp_path, weak_twice_then_strong(), weak=lambda body: fault)
    with vendors.serving() as settings:
        async with service_of(settings) as service:
            view = await solve(service)

    failed = [one for one in view.candidates if one.status == "failed"]
    assert (view.status, view.answer) == ("answered", "42")
    assert {one.solver for one in failed} == {"weak"}
    assert said in (failed[0].error or "")
    assert len(failed) == 2
    assert [one.solver for one in view.candidates if one.status == "ok"] == ["strong", "strong"]
    assert view.cost_usd is not None


async def test_an_endpoint_that_dies_in_the_middle_is_told_of_and_left_alone(
    tmp_path: Path,
) -> None:
    alive = [ApiReply(text=candidate_text("41"))]
    dead = status(503)
    vendors = Vendors(
        tmp_path, weak_twice_then_strong(), weak=lambda body: alive.pop() if alive else dead
    )
    with vendors.serving() as settings:
        async with service_of(settings) as service:
            first = await solve(service)
            second = await solve(service)

    assert [one.solver for one in first.candidates if one.status == "ok"].count("weak") == 1
    assert first.answer == "42"
    # The second run finds the circuit open: its explores there fail without a request.
    errors = [one.error or "" for one in second.candidates if one.solver == "weak"]
    assert errors
    assert all("times in a row" in error for error in errors)
    assert second.answer == "42"


async def test_what_broke_off_at_an_unknown_price_has_no_known_cost(tmp_path: Path) -> None:
    """Source: the contract: `cost_usd` is null where any price is unknown, never 0."""
    api = ChatApi(OPENAI, lambda body: Fault("cut", after=1))
    with serve(api) as url:
        entry = SolverSettings(
            model="openai/m",
            base_url=f"{url}/v1",
            api_key_env="KEY",
            max_tokens_field="max_completion_tokens",
        )
        settings = Settings(
            home=tmp_path,
            solvers={"x": entry},
            budget=BudgetSettings(max_cost_usd=None),
            keys={"KEY": CHAT_KEY},
        )
        async with service_of(settings) as service:
            view = await solve(service)

    assert view.candidates
    assert all("cut" in (one.error or "") for one in view.candidates)
    assert {one.cost_usd for one in view.candidates} == {None}
    assert view.cost_usd is None
