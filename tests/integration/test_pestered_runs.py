"""Clients stop a run, end it and go on with it in any order, through two processes at once.

Whatever they do, the run comes to its answer once it is let, no call is paid for twice, and the day
counts the money of the calls that were made.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Price
from atlas_mcp.config.settings import Settings
from atlas_mcp.errors import JournalBusy
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.driving import upkeep
from atlas_mcp.runs.engine import Engine, OpenRun, ResumeRun
from atlas_mcp.runs.local.engine import open_local_engine
from atlas_mcp.runs.recent_states import RecentStates
from atlas_mcp.testing.held_model import HeldModel, agreeing
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore

ACTS = ("stop", "stop at once", "end", "resume", "resume", "hold", "release")

GRACE = 60.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "WATCH_SECONDS", 0.01)


@asynccontextmanager
async def engine_on(journal: MemoryJournal, model: HeldModel) -> AsyncGenerator[Engine]:
    pool, states = Pool(Settings(home=Path("unused")), {model.name: model}), RecentStates(journal)
    async with open_local_engine(journal, pool, states, places=4, day_cap_usd=Decimal(5)) as engine:
        yield engine


def a_run(model: HeldModel, chance: random.Random) -> OpenRun:
    spec = ModelSpec(model.name, price=Price(Decimal(2), Decimal(10)), max_tokens=2_048)
    budget = Budget(max_explores=4, max_parallel=chance.choice((1, 2, 4)), max_cost_usd=Decimal(2))
    return OpenRun(Problem("6 * 7?"), RunSpec("atlas", spec, (SolverSpec("s", spec),), budget))


async def pester(engines: tuple[Engine, ...], model: HeldModel, chance: random.Random) -> None:
    """Do a few things to the run, one after the other."""
    for _ in range(6):
        engine = chance.choice(engines)
        try:
            match chance.choice(ACTS):
                case "stop":
                    await engine.stop("r", "client", grace=GRACE)
                case "stop at once":
                    await engine.stop("r", "client")
                case "end":
                    await engine.stop("r", "user")
                case "resume":
                    await engine.submit("r", ResumeRun())
                case "hold":
                    model.hold()
                case _:
                    model.release()
        except JournalBusy:
            # The other engine was about to go on with it.
            continue


async def answered(engines: tuple[Engine, ...], chance: random.Random) -> RunState:
    """Go on with the run until it has its answer."""
    while True:
        engine = chance.choice(engines)
        try:
            await engine.submit("r", ResumeRun())
        except JournalBusy:
            continue
        async with engine.follow("r") as live:
            await live.finished()
            if live.state.finished is not None and live.state.finished.status == "answered":
                return live.state


@pytest.mark.parametrize("seed", range(12))
async def test_a_run_that_is_stopped_and_gone_on_with_pays_for_no_reply_twice(seed: int) -> None:
    chance, store, model = random.Random(seed), MemoryStore(), HeldModel(agreeing)
    journal = MemoryJournal(store)
    with anyio.fail_after(30):
        async with (
            engine_on(journal, model) as one,
            engine_on(MemoryJournal(store), model) as other,
        ):
            model.hold()
            await one.submit("r", a_run(model, chance))
            async with anyio.create_task_group() as clients:
                for _ in range(4):
                    clients.start_soon(pester, (one, other), model, chance)
            model.release()
            state = await answered((one, other), chance)

    assert state.finished is not None
    assert state.finished.answer == "42"
    records = await journal.read("r")
    types = Counter(record.event.type for record in records)
    replied = Counter(
        record.event.explore_id for record in records if record.event.type == "solver_replied"
    )
    assert set(replied.values()) == {1}
    announced = sum(types[one] for one in ("solver_started", "orchestrator_asked"))
    assert model.arrived <= announced + types["attempt_failed"]
    assert types["calls_lost"] == 0
    kinds = {getattr(one.outcome, "kind", None) for one in state.done}
    assert "timeout" not in kinds, "no stop is taken for a deadline"
    assert await journal.spending_of("r") == state.ledger.committed
