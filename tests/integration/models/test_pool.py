"""Pools of several vendors, and orchestrators on every kind of endpoint, over the wire."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from typing_extensions import override

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.atlas.solver_prompts import STRATEGY_TEXTS
from atlas_mcp.atlas.usage import Price, Usage
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.prices import cost_of
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.testing.atlas_api import candidate_text, explores, synthesis_text
from atlas_mcp.testing.chat_api import (
    API_KEY,
    BARE,
    DEEPSEEK,
    GOOGLE,
    MISTRAL,
    OPENAI,
    OPENROUTER,
    ApiReply,
    ChatApi,
    ChatEndpoint,
    Fault,
    Tokens,
    serve,
    status,
)
from atlas_mcp.testing.chat_rules import prompt_of
from atlas_mcp.testing.messages_api import MessagesApi
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import CandidateView, RunView

on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])
QUICK = RetryPolicy(attempts=2, first_delay=0, longest_delay=0)
SHAPE = "fits this JSON Schema"
STRICT_RATES = Price(Decimal(1), Decimal(4), Decimal("0.1"))
BARE_RATES = Price(Decimal("0.2"), Decimal("0.6"))

POOL = """
[orchestrator]
model = "anthropic/claude-opus-5-5"
[solvers.claude]
model = "anthropic/claude-sonnet-5-5"
[solvers.strict]
model = "openai/m"
base_url = "{strict}/v1"
api_key_env = "STRICT_KEY"
schema = "strict"
efforts = ["low", "high"]
effort = "low"
tools = true
images = true
max_tokens_field = "max_completion_tokens"
price = {{ input = 1, output = 4, cache_read = 0.1 }}
[solvers.bare]
model = "openai/b"
base_url = "{bare}/v1"
price = {{ input = 0.2, output = 0.6 }}
[budget]
prefetch = 0
"""


@dataclass
class PoolWorld:
    """Three endpoints and a service whose pool they are."""

    claude: MessagesApi
    strict: ChatApi
    bare: ChatApi
    service: RunService
    turns: list[ApiReply]

    async def solve(self, *turns: ApiReply) -> RunView:
        """Run the question with these turns of the orchestrator."""
        self.turns.extend(turns)
        problem = make_problem("What is 6 * 7?")
        run_id = await self.service.solve(problem, RunRequest(explore_effort="low"))
        with anyio.fail_after(10):
            return view_of(await self.service.wait(run_id, math.inf))


def candidate(answer: str, number: int) -> ApiReply:
    """Return a solver's reply with counts of its own."""
    tokens = Tokens(input=1_000 * number, output=100 + number, cache_read=2_000)
    return ApiReply(text=candidate_text(answer, approach=f"Way {number}."), tokens=tokens)


@asynccontextmanager
async def pool_of_three(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[PoolWorld]:
    turns: list[ApiReply] = []
    claude = MessagesApi(lambda body: turns.pop(0) if body.get("tools") else candidate("42", 1))
    strict = ChatApi(replace(OPENAI, api_key="strict-key"), lambda body: candidate("42", 2))
    bare = ChatApi(
        replace(BARE, models=("b",)),
        lambda body: replace(candidate("42", 3), text=f"I find:\n{candidate_text('42')}\nDone."),
    )
    with ExitStack() as stack:
        urls = [stack.enter_context(serve(api)) for api in (claude, strict, bare)]
        file = folder / "atlas.toml"
        file.write_text(POOL.format(strict=urls[1], bare=urls[2]))
        monkeypatch.setenv("ANTHROPIC_BASE_URL", urls[0])
        environ = {
            "ATLAS_CONFIG": str(file),
            "ATLAS_HOME": str(folder / "home"),
            "ANTHROPIC_API_KEY": API_KEY,
            "OPENAI_API_KEY": "the vendor's own",
            "STRICT_KEY": "strict-key",
        }
        monkeypatch.setenv("ANTHROPIC_API_KEY", API_KEY)
        async with open_service(load_settings(environ), retries=QUICK) as service:
            yield PoolWorld(claude, strict, bare, service, turns)


def counted(view: RunView | CandidateView) -> Usage:
    assert view.usage is not None
    return Usage(**view.usage.model_dump())


def solvers_asked(api: MessagesApi | ChatApi) -> list[dict[str, Any]]:
    return [body for body in api.bodies if "tools" not in body]


async def test_the_orchestrators_choices_arrive_at_the_right_endpoint_with_the_right_effort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pool_of_three(tmp_path, monkeypatch) as world:
        view = await world.solve(
            explores(
                {"solver": "strict", "strategy": "decompose", "effort": "high"},
                {"solver": "bare", "strategy": "work_backwards", "effort": "high"},
                {"solver": "claude", "strategy": "adversarial_check", "effort": "xhigh"},
            ),
            explores({"solver": "strict", "strategy": "direct"}),
            ApiReply(text=synthesis_text("42")),
        )

    assert (view.status, view.answer) == ("answered", "42")
    chosen = {
        "strict": [("decompose", "high"), ("direct", "low")],
        "bare": [("work_backwards", None)],
        "claude": [("adversarial_check", "xhigh")],
    }
    arrived = {
        "strict": [(body, body.get("reasoning_effort")) for body in solvers_asked(world.strict)],
        "bare": [(body, body.get("reasoning_effort")) for body in solvers_asked(world.bare)],
        "claude": [
            (body, body["output_config"].get("effort")) for body in solvers_asked(world.claude)
        ],
    }
    for name, choices in chosen.items():
        assert len(arrived[name]) == len(choices)
        for (strategy, effort), (body, sent) in zip(choices, arrived[name], strict=True):
            assert STRATEGY_TEXTS[strategy] in json.dumps(body, ensure_ascii=False)  # pyright: ignore[reportArgumentType] - a strategy by its name
            assert sent == effort
    assert [(one.solver, one.strategy, one.effort) for one in view.candidates] == [
        ("strict", "decompose", "high"),
        ("bare", "work_backwards", None),
        ("claude", "adversarial_check", "xhigh"),
        ("strict", "direct", "low"),
    ]
    told = {name: SHAPE in prompt_of(arrived[name][0][0]) for name in ("strict", "bare")}
    assert told == {"strict": False, "bare": True}


async def test_usage_and_cost_add_up_per_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pool_of_three(tmp_path, monkeypatch) as world:
        view = await world.solve(
            explores({"solver": "strict"}, {"solver": "bare"}, {"solver": "claude"}),
            explores({"solver": "strict"}),
            ApiReply(text=synthesis_text("42")),
        )

    def of(solver: str) -> list[CandidateView]:
        return [one for one in view.candidates if one.solver == solver]

    def usage_of(solver: str) -> Usage:
        return sum((counted(one) for one in of(solver)), Usage())

    def cost_of_solver(solver: str) -> Decimal:
        return sum((Decimal(str(one.cost_usd)) for one in of(solver)), Decimal(0))

    assert usage_of("strict") == world.strict.reported == Usage(2, 8_000, 204, 4_000)
    assert usage_of("bare") == world.bare.reported == Usage(1, 5_000, 103, 2_000)
    assert counted(view) == world.claude.reported + world.strict.reported + world.bare.reported
    assert cost_of_solver("strict") == STRICT_RATES.cost_of(world.strict.reported)
    assert cost_of_solver("bare") == BARE_RATES.cost_of(world.bare.reported)
    assert cost_of_solver("claude") == cost_of("anthropic/claude-sonnet-5-5", usage_of("claude"))
    solvers = sum((cost_of_solver(name) for name in ("strict", "bare", "claude")), Decimal(0))
    split = view.cost_split
    assert Decimal(str(split.solvers)) == pytest.approx(solvers)
    assert Decimal(str(view.cost_usd)) == pytest.approx(solvers + Decimal(str(split.orchestrator)))


@pytest.mark.requirement("CONF-7")
async def test_each_endpoint_gets_its_own_key_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the vendor's own")
    async with pool_of_three(tmp_path, monkeypatch) as world:
        await world.solve(
            explores({"solver": "strict"}, {"solver": "bare"}, {"solver": "claude"}),
            ApiReply(text=synthesis_text("42")),
        )

    keys = {
        name: {headers.get("authorization") for headers in api.headers}
        for name, api in (
            ("claude", world.claude),
            ("strict", world.strict),
            ("bare", world.bare),
        )
    }
    assert keys == {
        "claude": {f"Bearer {API_KEY}"},
        "strict": {"Bearer strict-key"},
        "bare": {None},
    }


# Orchestrators


@dataclass
class Play:
    """A model that orchestrates and solves, in whatever way its endpoint lets it.

    Where nothing holds its replies to a shape it writes prose around them.
    """

    turns: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def __call__(self, body: dict[str, Any]) -> ApiReply | Fault:
        held = "response_format" in body
        if "You direct the search" not in prompt_of(body):
            return self._said(candidate_text("42"), held)
        self.turns += 1
        self.asked.append(body)
        if self.turns == 1:
            if body.get("tools"):
                return explores({"strategy": "decompose"})
            decision = {"assessment": "?", "action": "explore", "strategy": "decompose"}
            return self._said(json.dumps(decision), held)
        answer = json.loads(synthesis_text("42"))
        if not body.get("tools"):
            answer = {"assessment": "!", "action": "answer", **answer}
        return self._said(json.dumps(answer), held)

    def _said(self, text: str, held: bool) -> ApiReply:
        if held:
            return ApiReply(text=text, thinking="Weighing.")
        return ApiReply(text=f"<think>{{hm}}</think> So:\n```json\n{text}\n```\nThat is {{all}}.")


@dataclass(frozen=True)
class Kind:
    """A kind of endpoint, how its entry describes it, and what follows for the orchestrator."""

    endpoint: ChatEndpoint
    entry: str
    tools: bool
    shape_told: bool


OWN = replace(ChatEndpoint(), api_key=None, tools="no")
KINDS = {
    "native tools": Kind(
        OPENAI, 'tools = true\nschema = "strict"\nmax_tokens_field = "max_completion_tokens"',
        tools=True, shape_told=True,
    ),
    "tools or a schema": Kind(GOOGLE, 'tools = true\nschema = "strict"', True, True),
    "tools and JSON mode": Kind(DEEPSEEK, 'tools = true\nschema = "json"', True, True),
    "signed thinking": Kind(OPENROUTER, "tools = true", True, True),
    "decisions under a schema": Kind(OWN, 'schema = "strict"', False, False),
    "decisions in JSON mode": Kind(OWN, 'schema = "json"', False, True),
    "prompt only": Kind(BARE, "", False, True),
}  # fmt: skip


async def orchestrated(
    folder: Path, kind: Kind, *, model: str = "openai/m", play: Play | None = None
) -> tuple[RunView, Play]:
    """Solve a question with one endpoint that orchestrates and solves."""
    play = play or Play()
    endpoint = kind.endpoint
    with serve(ChatApi(endpoint, play)) as url:
        key = "" if endpoint.api_key is None else 'api_key_env = "MY_KEY"'
        file = folder / "atlas.toml"
        file.write_text(
            f'[orchestrator]\nmodel = "x"\n[solvers.x]\nmodel = "{model}"\n'
            f'base_url = "{url}/v1"\n{key}\n{kind.entry}\nprice = {{ input = 1, output = 2 }}\n'
        )
        environ = {"ATLAS_CONFIG": str(file), "ATLAS_HOME": str(folder / "home"), "MY_KEY": API_KEY}
        async with open_service(load_settings(environ), retries=QUICK) as service:
            run_id = await service.solve(make_problem("What is 6 * 7?"), RunRequest())
            with anyio.fail_after(10):
                return view_of(await service.wait(run_id, math.inf)), play


@on_asyncio
@pytest.mark.parametrize("name", KINDS)
async def test_any_kind_of_endpoint_orchestrates(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    view, play = await orchestrated(tmp_path, kind)

    assert (view.status, view.stop_reason, view.answer) == ("answered", "decided", "42")
    assert [one.strategy for one in view.candidates][2:] == ["decompose"]
    assert all(one.status == "ok" for one in view.candidates)
    assert play.turns == 2
    assert all(bool(body.get("tools")) == kind.tools for body in play.asked)


@on_asyncio
@pytest.mark.parametrize("name", KINDS)
async def test_its_conversation_only_grows_and_its_shape_is_asked_for_once(
    tmp_path: Path, name: str
) -> None:
    _, play = await orchestrated(tmp_path, KINDS[name])

    for earlier, later in pairwise(body["messages"] for body in play.asked):
        assert later[: len(earlier)] == earlier
    assert prompt_of(play.asked[-1]).count(SHAPE) == KINDS[name].shape_told


@on_asyncio
async def test_a_vendors_dialect_at_another_address_is_spoken_and_its_key_is_not_sent(
    tmp_path: Path,
) -> None:
    """Mistral's takes no user's message after a tool's, and no question for its counts."""
    view, _ = await orchestrated(
        tmp_path, Kind(MISTRAL, "", tools=True, shape_told=True), model="mistral/m"
    )

    assert (view.status, view.answer) == ("answered", "42")


@on_asyncio
async def test_a_call_nobody_can_read_is_answered_and_not_run(tmp_path: Path) -> None:
    class Stammers(Play):
        @override
        def __call__(self, body: dict[str, Any]) -> ApiReply | Fault:
            reply = super().__call__(body)
            if isinstance(reply, ApiReply) and reply.calls:
                return replace(reply, calls=(replace(reply.calls[0], arguments='{"strategy": '),))
            return reply

    view, play = await orchestrated(tmp_path, KINDS["native tools"], play=Stammers())

    assert view.answer == "42"
    assert len(view.candidates) == 2, "those that came before the first turn"
    tool = next(one for one in play.asked[-1]["messages"] if one["role"] == "tool")
    assert "Not run: its arguments are not JSON" in tool["content"]


async def test_a_solver_that_is_never_there_leaves_the_answer_to_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pool_of_three(tmp_path, monkeypatch) as world:
        world.bare.script(*[status(503)] * 2)
        view = await world.solve(
            explores({"solver": "strict"}, {"solver": "bare"}, {"solver": "claude"}),
            ApiReply(text=synthesis_text("42")),
        )

    assert (view.status, view.answer) == ("answered", "42")
    [failed] = [one for one in view.candidates if one.status == "failed"]
    assert failed.solver == "bare"
    assert "status 503" in str(failed.error)
    assert view.cost_usd is not None
