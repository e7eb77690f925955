"""Conformance of engines: a suite of numbered checks for each part of the seam.

::

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    async def test_it_conforms(check: Check) -> None:
        await check(MyStand())

`CHECKS` of each module in this folder is the suite of one part. A `Stand` opens engines on one
journal, as several processes would, holds the calls of their models back, and moves the clock of
their leases. After each act a check looks at the records.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Protocol, TypeAlias, cast

import anyio

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.events import ExploresPlanned, Planned
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.workflows.registry import CLIENT_EXPLORES
from atlas_mcp.journal.base import Journal
from atlas_mcp.runs.engine import Engine, OpenRun

PATIENCE = 30.0
"""Seconds after which something that should happen counts as not happening."""


class Calls(Protocol):
    """The calls of the model under the engines; solvers and orchestrator agree that it is 42."""

    @property
    def arrived(self) -> int:
        """The calls that have come so far."""
        ...

    def hold(self) -> None:
        """Let calls wait from now on."""
        ...

    def release(self) -> None:
        """Answer the calls that wait, and those to come."""
        ...

    async def reach(self, count: int) -> None:
        """Return once that many calls have come."""
        ...


class Stand(Protocol):
    """Engines under test, on one journal.

    Attributes:
        model: The model that all runs use, by its name.
    """

    model: str

    @property
    def calls(self) -> Calls:
        """The calls of that model."""
        ...

    def open(self) -> AbstractAsyncContextManager[Engine]:
        """Open a further engine on the same journal, as another process would."""
        ...

    def journal(self) -> Journal:
        """Return a further journal on the store of the engines."""
        ...

    def pass_time(self, seconds: float) -> None:
        """Move the clock of all leases."""
        ...

    @property
    def lease_seconds(self) -> float:
        """Seconds without renewal after which a lease ends."""
        ...


Check: TypeAlias = Callable[[Stand], Awaitable[None]]

PROBLEM = Problem("6 * 7?")


def a_run(stand: Stand, *, max_explores: int = 4) -> OpenRun:
    """Return the submission of a run with two first explores and an orchestrator."""
    model = ModelSpec(stand.model)
    budget = Budget(max_explores=max_explores, max_cost_usd=None)
    return OpenRun(PROBLEM, RunSpec("atlas", model, (SolverSpec("s", model),), budget))


def client_run(stand: Stand, *, count: int = 1, max_explores: int = 4) -> OpenRun:
    """Return the submission of a run whose explores a client chooses, with the first of them."""
    model = ModelSpec(stand.model)
    budget = Budget(max_explores=max_explores, max_cost_usd=None, prefetch=0)
    planned = tuple(Planned(number, Explore("s")) for number in range(1, count + 1))
    spec = RunSpec(CLIENT_EXPLORES, None, (SolverSpec("s", model),), budget)
    return OpenRun(PROBLEM, spec, ExploresPlanned("client", planned))


async def state_of(stand: Stand, run_id: str) -> RunState:
    """Return the state of a run by its records alone."""
    async with looking(stand) as journal:
        return RunState.fold(await journal.read(run_id))


async def events_of(stand: Stand, run_id: str) -> list[str]:
    """Return the types of the recorded events of a run, in order."""
    async with looking(stand) as journal:
        return [record.event.type for record in await journal.read(run_id)]


async def end_of(engine: Engine, run_id: str) -> RunState:
    """Return the state of a run once it is carried out no more."""
    with anyio.fail_after(PATIENCE):
        async with engine.follow(run_id) as live:
            await live.finished()
            return live.state


async def begin_held(stand: Stand, engine: Engine) -> None:
    """Open the run `r` of `a_run`, and return once its first two calls wait for their release."""
    stand.calls.hold()
    await engine.submit("r", a_run(stand))
    await stand.calls.reach(2)


async def interrupt(stand: Stand, engine: Engine, run_id: str) -> None:
    """Leave a run of an engine to be resumed, and return once no engine carries it out."""
    await engine.stop(run_id, "shutdown")
    await until_free(stand, run_id)


async def until_free(stand: Stand, run_id: str) -> None:
    """Return once no engine carries a run out."""
    async with looking(stand) as journal, aclosing(journal.follow(run_id, after=0)) as news:
        with anyio.fail_after(PATIENCE):
            async for progress in news:
                if not progress.driven:
                    return


@asynccontextmanager
async def looking(stand: Stand) -> AsyncGenerator[Journal]:
    """Open a journal for the length of a block."""
    journal = stand.journal()
    try:
        yield journal
    finally:
        await journal.aclose()


def checks_of(names: Mapping[str, object]) -> tuple[Check, ...]:
    """Return the checks among the names of a module, in their order."""
    found = sorted(name for name in names if name.startswith("check_"))
    return tuple(cast("Check", names[name]) for name in found)
