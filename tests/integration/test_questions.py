"""Questions about runs through a real client, against a stand-in of the vendor's API."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.question_events import QuestionAnswered
from atlas_mcp.atlas.question_prompts import SYSTEM
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.errors import ConfigError, InvalidInput
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.testing.atlas_api import AtlasPlay, candidate_text
from atlas_mcp.testing.messages_api import (
    API_KEY,
    ApiReply,
    Fault,
    MessagesApi,
    Tokens,
    serve,
    status,
)

CONFIG = """
[solvers.sonnet]
model = "anthropic/claude-sonnet-5-5"
price = { input = 3, output = 15 }
max_tokens = 4096
[orchestrator]
model = "sonnet"
"""
REPLY = json.dumps({"answer": "Step 2 rules it out.", "cites": [2], "needs_new_evidence": None})


class Asked:
    """An API that plays a run, and answers questions about it, after some faults."""

    def __init__(self, *faults: Fault, tokens: int = 200) -> None:
        self.tokens = tokens
        self.play = AtlasPlay(lambda n: ApiReply(text=candidate_text("42", approach=f"Way {n}.")))
        self.faults = [*faults]
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, body: dict[str, Any]) -> ApiReply | Fault:
        if not is_question(body):
            return self.play(body)
        self.bodies.append(body)
        if self.faults:
            return self.faults.pop(0)
        return ApiReply(text=REPLY, tokens=Tokens(input=1_000, output=self.tokens))


def is_question(body: Mapping[str, Any]) -> bool:
    return "A search for the answer to one problem is on record" in json.dumps(body["system"])


@asynccontextmanager
async def service(
    home: Path, asked: Asked, **environ: str
) -> AsyncGenerator[tuple[RunService, str]]:
    """Open a service on a stand-in of the API, with a run that has its answer."""
    config = home / "atlas.toml"
    config.write_text(CONFIG)
    with serve(MessagesApi(asked)) as url:
        settings = load_settings(
            {
                "ATLAS_HOME": str(home),
                "ATLAS_CONFIG": str(config),
                "ANTHROPIC_API_KEY": API_KEY,
                "ANTHROPIC_BASE_URL": url,
                **environ,
            }
        )
        quick = RetryPolicy(first_delay=0.01, longest_delay=0.01)
        with anyio.fail_after(20):
            async with open_service(settings, retries=quick) as opened:
                run_id = await opened.solve(make_problem("How much is 6 * 7?"), RunRequest())
                assert (await opened.wait(run_id, 10)).status == "answered"
                yield opened, run_id


@pytest.mark.requirement("ASK-1")
async def test_the_whole_evidence_is_sent_and_nothing_else(tmp_path: Path) -> None:
    asked = Asked()
    async with service(tmp_path, asked) as (opened, run_id):
        await opened.ask(run_id, "Why not 17?")
        run = await opened.wait(run_id, 10)

    (body,) = asked.bodies
    said = [part["text"] for part in body["messages"][0]["content"]]
    assert len(body["messages"]) == 1
    assert "tools" not in body
    assert SYSTEM in json.dumps(body["system"], ensure_ascii=False).replace("\\n", "\n").replace(
        '\\"', '"'
    )
    assert said[0].startswith("<problem>\nHow much is 6 * 7?")
    assert said[-1] == '<question>"Why not 17?"</question>'
    evidence = "\n".join(said[1:-1])
    for text in ("Way 0.", "Way 1.", "First this, then that.", "Two candidates agree", "<end>"):
        assert text in evidence
    assert {line.partition(">")[0] for line in said[1:-1]} == {"<candidate", "<decision", "<end"}
    question = run.state.questions[1]
    assert question.outcome == QuestionAnswered(1, "Step 2 rules it out.", (2,))
    assert question.charge.cost == Decimal("0.006")


@pytest.mark.requirement("ASK-2")
async def test_a_question_beyond_the_cap_is_refused_with_one_that_would_do(tmp_path: Path) -> None:
    asked = Asked(tokens=4_000)
    async with service(tmp_path, asked, ATLAS_BUDGET_MAX_COST_USD="0.4") as (opened, run_id):
        await opened.ask(run_id, "Why not 17?")
        await opened.wait(run_id, 10)
        # What earlier calls have cost is gone, however often it is asked.
        for number in range(20):
            try:
                await opened.ask(run_id, f"And {number}?")
            except InvalidInput as error:
                refused = error
                break
            await opened.wait(run_id, 10)
        else:
            pytest.fail("the cap was never reached")
        before = len(asked.bodies)
        state = await opened.state(run_id)
        assert state.ledger.committed <= Decimal("0.4")
        named = re.search(r"max_cost_usd=([0-9.]+)", refused.rule)
        assert named is not None
        await opened.ask(run_id, "And now?", max_cost_usd=float(named[1]))
        run = await opened.wait(run_id, 10)

    assert refused.argument == "max_cost_usd"
    assert len(asked.bodies) == before + 1
    assert run.state.budget.max_cost_usd == Decimal(named[1])
    assert run.status == "answered"


async def test_a_question_beyond_the_cap_of_the_day_is_refused_before_it_is_asked(
    tmp_path: Path,
) -> None:
    asked = Asked()
    async with service(tmp_path, asked) as (opened, run_id):
        spent = (await opened.state(run_id)).ledger.committed
    cap = str(spent + Decimal("0.01"))
    config = tmp_path / "atlas.toml"
    with serve(MessagesApi(asked)) as url:
        environ = {
            "ATLAS_HOME": str(tmp_path),
            "ATLAS_CONFIG": str(config),
            "ANTHROPIC_API_KEY": API_KEY,
            "ANTHROPIC_BASE_URL": url,
            "ATLAS_BUDGET_MAX_COST_USD_PER_DAY": cap,
        }
        async with open_service(load_settings(environ)) as opened:
            with pytest.raises(ConfigError, match="a question must be able to cost"):
                await opened.ask(run_id, "Why?")
            assert not (await opened.state(run_id)).questions

    assert asked.bodies == []


async def test_a_busy_vendor_is_asked_again_and_a_question_that_it_refuses_fails(
    tmp_path: Path,
) -> None:
    asked = Asked(status(529), status(529))
    async with service(tmp_path, asked) as (opened, run_id):
        await opened.ask(run_id, "Why?")
        first = await opened.wait(run_id, 10)
        asked.faults = [status(400)]
        await opened.ask(run_id, "How?")
        second = await opened.wait(run_id, 10)

    assert isinstance(first.state.questions[1].outcome, QuestionAnswered)
    assert len(asked.bodies) == 4
    assert isinstance(second.state.questions[2].outcome, SolverFailure)
    assert second.status == "answered"
    assert not second.state.ledger.held
