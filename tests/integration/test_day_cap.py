"""Runs under a cap that all runs of a home share on one day."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.atlas.usage import NO_USAGE, Price
from atlas_mcp.errors import ConfigError
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.program import main
from atlas_mcp.runs.clock import today
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
)
from atlas_mcp.views.rendering import view_of

PRICE = Price(Decimal(3), Decimal(15))
TOKENS = Tokens(input=2_000, output=3_000)
CALL_USD = Decimal("0.051")
"""The cost of each reply of a solver."""

CONFIG = """
[solvers.sonnet]
model = "anthropic/claude-sonnet-5-5"
price = { input = 3, output = 15 }
max_tokens = 4096
[orchestrator]
model = "sonnet"
"""

Opened = Callable[..., Any]


def play(fault: Fault | None = None) -> MessagesApi:
    reply = ApiReply(text=candidate_text("42"), tokens=TOKENS)
    return MessagesApi(AtlasPlay(solver=lambda n: reply if fault is None or n else fault))


@asynccontextmanager
async def service(
    folder: Path, api: MessagesApi, *, cap: str, run_cap: str = "5"
) -> AsyncGenerator[RunService]:
    config = folder / "atlas.toml"
    config.write_text(CONFIG, encoding="utf-8")
    with serve(api) as url:
        settings = load_settings(
            {
                "ATLAS_HOME": str(folder / "home"),
                "ATLAS_CONFIG": str(config),
                "ATLAS_BUDGET_MAX_COST_USD": run_cap,
                "ATLAS_BUDGET_MAX_COST_USD_PER_DAY": cap,
                "ANTHROPIC_BASE_URL": url,
                "ANTHROPIC_API_KEY": API_KEY,
            }
        )
        retries = RetryPolicy(attempts=2, first_delay=0, longest_delay=0)
        async with open_service(settings, retries=retries) as opened:
            yield opened


def billed(api: MessagesApi) -> Decimal:
    return PRICE.cost_of(sum((asked.billed for asked in api.asked), NO_USAGE))


async def spending(runs: RunService) -> Decimal:
    usd = await runs.planner.journal.spending(today())
    assert usd is not None
    return usd


async def test_what_a_run_did_cost_is_counted_once_it_has_ended(tmp_path: Path) -> None:
    api = play()
    async with service(tmp_path, api, cap="10") as runs:
        run_id = await runs.solve(make_problem("What?"), RunRequest())
        view = view_of(await runs.wait(run_id, 10))

        assert view.status == "answered"
        counted = await runs.planner.journal.spending(today())
    assert counted == Decimal(str(view.cost_usd))


@pytest.mark.parametrize("run_cap", ["5", "none"])
async def test_a_run_concludes_where_the_day_leaves_no_more(tmp_path: Path, run_cap: str) -> None:
    api = play()
    async with service(tmp_path, api, cap="0.13", run_cap=run_cap) as runs:
        run_id = await runs.solve(make_problem("What?"), RunRequest(explore_effort="high"))
        view = view_of(await runs.wait(run_id, 10))

        assert billed(api) <= Decimal("0.13")
        assert await spending(runs) <= Decimal("0.13")
    assert view.stop_reason == "max_cost"
    said = " ".join(filter(None, [view.explanation, view.next, *view.agreement.warnings]))
    assert "max_cost_usd_per_day" in said


@pytest.mark.requirement("MONEY-9")
async def test_a_run_of_which_the_day_leaves_no_explore_is_refused_by_name(tmp_path: Path) -> None:
    api = play()
    async with service(tmp_path, api, cap="0.13") as runs:
        run_id = await runs.explore(make_problem("What?"), RunRequest(), ExploreRequest(count=2))
        await runs.wait(run_id, 10)
        asked = len(api.asked)

        with pytest.raises(ConfigError, match=r"\$0.10 of the \$0.13 .*max_cost_usd_per_day"):
            await runs.solve(make_problem("What else?"), RunRequest())

        assert len(await runs.list_runs()) == 1
        assert len(api.asked) == asked


async def test_no_run_starts_on_a_day_whose_spending_cannot_be_read(tmp_path: Path) -> None:
    api = play()
    async with service(tmp_path, api, cap="10") as runs:
        run_id = await runs.explore(make_problem("What?"), RunRequest(), ExploreRequest())
        await runs.wait(run_id, 10)
        with closing(sqlite3.connect(tmp_path / "home" / FILE_NAME)) as file, file:
            file.execute("UPDATE spending SET units = 'abc'")
        asked = len(api.asked)

        with pytest.raises(ConfigError, match=r"cannot be read.* take it out of \[budget\]"):
            await runs.solve(make_problem("What else?"), RunRequest())
        await runs.explore(make_problem("What?"), RunRequest(), ExploreRequest(), run_id=run_id)
        view = view_of(await runs.wait(run_id, 10))

    assert len(view.candidates) == len(api.asked) == asked


async def test_runs_at_once_share_what_the_day_leaves(tmp_path: Path) -> None:
    api = play()
    async with service(tmp_path, api, cap="0.7") as runs:
        opened: list[str] = []
        for number in range(6):
            # What the others hold may leave no explore at this moment.
            with suppress(ConfigError):
                opened.append(await runs.solve(make_problem(f"What {number}?"), RunRequest()))
        views = [view_of(await runs.wait(run_id, 10)) for run_id in opened]

        assert billed(api) <= Decimal("0.7")
        assert await spending(runs) <= Decimal("0.7")
    assert all(view.stop_reason in ("decided", "max_cost", "no_candidates") for view in views)
    assert any(view.stop_reason == "decided" for view in views)


async def test_an_attempt_that_broke_off_counts_to_the_day(tmp_path: Path) -> None:
    cut = Fault("cut", after=3, reply=ApiReply(text=candidate_text("42"), tokens=TOKENS))
    api = play(cut)
    async with service(tmp_path, api, cap="10") as runs:
        run_id = await runs.explore(make_problem("What?"), RunRequest(), ExploreRequest(count=1))
        view = view_of(await runs.wait(run_id, 10))

        assert view.status == "answered"
        assert await spending(runs) >= billed(api) == 2 * CALL_USD


async def test_a_run_that_the_day_ended_goes_on_under_a_larger_cap(tmp_path: Path) -> None:
    async with service(tmp_path, play(), cap="0.1") as runs:
        run_id = await runs.solve(make_problem("What?"), RunRequest())
        first = view_of(await runs.wait(run_id, 10))
    assert (first.status, first.stop_reason) == ("failed", "max_cost")

    async with service(tmp_path, play(), cap="10") as runs:
        assert await runs.resume(run_id)
        view = view_of(await runs.wait(run_id, 10))

        assert (view.status, view.stop_reason) == ("answered", "decided")
        assert await runs.planner.journal.spending(today()) == Decimal(str(view.cost_usd))


async def test_runs_without_a_cap_count_to_one_that_is_set_later(tmp_path: Path) -> None:
    async with service(tmp_path, play(), cap="none") as runs:
        run_id = await runs.solve(make_problem("What?"), RunRequest())
        view = view_of(await runs.wait(run_id, 10))

    async with service(tmp_path, play(), cap="10") as runs:
        assert await runs.planner.journal.spending(today()) == Decimal(str(view.cost_usd))


def test_the_solvers_show_where_the_day_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path))
    monkeypatch.setenv("ATLAS_BUDGET_MAX_COST_USD_PER_DAY", "20")

    assert main(["solvers"]) == 0

    _, err = capfd.readouterr()
    assert "committed $0.00 of the $20.00" in err
