"""Conformance of journals: a suite of numbered checks for each part of the seam.

::

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    async def test_it_conforms(check: Check, tmp_path: Path) -> None:
        await check(MyStand(tmp_path))

`CHECKS` of each module in this folder is the suite of one part. A `Stand` opens journals on one
store, as several processes would, under a clock that the checks move, and can damage a record. The
checks close the journals that they open.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Protocol, TypeAlias, cast

import anyio

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.events import (
    CallsLost as CallsLost,
)
from atlas_mcp.atlas.events import (
    ExploresPlanned,
    Planned,
    Record,
    RunFinished,
    RunOpened,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.events import (
    ExploringClosed as ExploringClosed,
)
from atlas_mcp.atlas.events import (
    RecordLost as RecordLost,
)
from atlas_mcp.atlas.events import (
    RunResumed as RunResumed,
)
from atlas_mcp.atlas.explore import Candidate, Explore
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.state import RunState as RunState
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.errors import JournalBusy as JournalBusy
from atlas_mcp.errors import JournalError as JournalError
from atlas_mcp.errors import UnknownRun as UnknownRun
from atlas_mcp.journal.base import Journal, Lease
from atlas_mcp.journal.base import TaskEntry as TaskEntry
from atlas_mcp.testing.outcomes import error_of


class Stand(Protocol):
    """A store under test, with its clock."""

    def open(self) -> Journal:
        """Return a further journal on the same store."""
        ...

    def pass_time(self, seconds: float) -> None:
        """Move the clock of all journals of the store."""
        ...

    @property
    def lease_seconds(self) -> float:
        """Seconds without renewal after which a lease ends."""
        ...

    def tear(self, run_id: str, seq: int) -> None:
        """Cut the stored record off in the middle, without the journals' knowledge."""
        ...


Check: TypeAlias = Callable[[Stand], Awaitable[None]]

_MODEL = ModelSpec("maker/m")
_SPEC = RunSpec("atlas", _MODEL, (SolverSpec("s", _MODEL),), Budget(max_explores=100))


def first_record(problem: str = "How many?", at: float = 1.0) -> Record:
    """Return the record that opens a run."""
    return Record(1, at, RunOpened(Problem(problem), _SPEC))


def later_record(seq: int, text: str = "42") -> Record:
    """Return record `seq` of a run that plans, starts and ends one explore after the other."""
    number = (seq + 1) // 3
    events = (
        ExploresPlanned("prefetch", (Planned(number, Explore("s")),)),
        SolverStarted(number, Decimal("0.25")),
        SolverFinished(
            number, Candidate(text, "so", "how", 0.5), Charge(Usage(1, 9, 5), Decimal("0.1"))
        ),
    )
    return Record(seq, float(seq), events[(seq - 2) % 3])


def checks_of(names: Mapping[str, object]) -> tuple[Check, ...]:
    """Return the checks among the names of a module, in their order."""
    found = sorted(name for name in names if name.startswith("check_"))
    return tuple(cast("Check", names[name]) for name in found)


async def append_at_once(
    journal: Journal, *appends: tuple[Lease, Record]
) -> dict[str, Exception | None]:
    """Append a record to each of several runs at once, and return the errors by run."""
    errors: dict[str, Exception | None] = {}

    async def append(lease: Lease, record: Record) -> None:
        errors[lease.run_id] = await error_of(journal.append(lease, [record]))

    async with anyio.create_task_group() as tasks:
        for lease, record in appends:
            tasks.start_soon(append, lease, record)
    return errors


async def remove(journal: Journal, *run_ids: str) -> tuple[str, ...]:
    """Remove runs as they are listed now; the id of an unlisted run is passed on as well."""
    listed = {run.run_id: run for run in await journal.list_runs(limit=None)}
    like = next(iter(listed.values()))
    runs = [listed.get(run_id) or replace(like, run_id=run_id) for run_id in run_ids]
    return await journal.remove(runs)


async def ended_run(journal: Journal, run_id: str, at: float, answer: str = "42") -> None:
    """Store a run that has ended and is not driven."""
    lease = await journal.open_run(run_id, first_record(at=at))
    await journal.append(lease, [Record(2, at, RunFinished("answered", "decided", answer))])
    await journal.release(lease)


@asynccontextmanager
async def opened(stand: Stand) -> AsyncGenerator[Journal]:
    """Open a journal for the length of a block."""
    journal = stand.open()
    try:
        yield journal
    finally:
        await journal.aclose()
