"""Runs that nobody wants any more are stopped, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import anyio
import pytest

from atlas_mcp.atlas.events import StopCause
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.clients import Callers
from atlas_mcp.runs import demand
from atlas_mcp.runs.demand import Demand
from atlas_mcp.runs.engine import Engine


@dataclass
class Runs:
    """An engine that only notes what is to stop."""

    ids: tuple[str, ...]
    stops: list[tuple[str, str, float]] = field(default_factory=list[tuple[str, str, float]])
    fails: bool = False

    @property
    def driven(self) -> tuple[str, ...]:
        return self.ids

    async def stop(self, run_id: str, cause: StopCause, *, grace: float = 0.0) -> None:
        if self.fails:
            raise JournalError("full")
        self.stops.append((run_id, cause, grace))


@dataclass
class Wants:
    """Callers, as they are said to want runs."""

    found: dict[str, bool]
    asked: list[bool] = field(default_factory=list[bool])
    fails: bool = False

    async def wanted(
        self, run_ids: Sequence[str], *, promises: bool, gone: str | None = None
    ) -> Mapping[str, bool]:
        if self.fails:
            raise JournalError("locked")
        self.asked.append(promises)
        return {run_id: self.found[run_id] for run_id in run_ids if run_id in self.found}


def watch_over(engine: Runs, callers: Wants, grace: float, *, finishes: bool) -> Demand:
    return Demand(cast("Engine", engine), cast("Callers", callers), grace, finishes)


async def test_a_run_goes_on_while_a_caller_wants_it_or_its_server_is_there() -> None:
    engine = Runs(("wanted", "left", "without callers"))
    watch = watch_over(engine, Wants({"wanted": True, "left": False}), 60.0, finishes=True)
    await watch.look()
    assert engine.stops == [("left", "client", 60.0)]


async def test_without_its_server_only_those_that_are_wanted_go_on() -> None:
    engine = Runs(("wanted", "without callers"))
    watch = watch_over(engine, Wants({"wanted": True}), 0.0, finishes=True)
    watch.server_gone.set()
    await watch.look()
    assert engine.stops == [("without callers", "client", 0.0)]


async def test_a_run_that_went_on_between_two_looks_is_stopped_again() -> None:
    engine = Runs(("r",))
    watch = watch_over(engine, Wants({"r": False}), 0.0, finishes=True)
    await watch.look()
    await watch.look()
    assert engine.stops == [("r", "client", 0.0)] * 2


@pytest.mark.requirement("GONE-8")
@pytest.mark.parametrize(("finishes", "asked"), [(True, [True, True]), (False, [True, False])])
async def test_promises_count_without_the_server_where_they_are_to_be_kept(
    finishes: bool, asked: list[bool]
) -> None:
    callers = Wants({})
    watch = watch_over(Runs(("r",)), callers, 0.0, finishes=finishes)
    await watch.look()
    watch.server_gone.set()
    await watch.look()
    assert callers.asked == asked


async def test_errors_are_logged_and_looked_at_again(caplog: pytest.LogCaptureFixture) -> None:
    engine, callers = Runs(("r",), fails=True), Wants({"r": False}, fails=True)
    watch = watch_over(engine, callers, 0.0, finishes=True)
    await watch.look()
    callers.fails = False
    await watch.look()
    engine.fails = False
    await watch.look()
    assert engine.stops == [("r", "client", 0.0)]
    assert "could not be read: locked" in caplog.text
    assert "could not be stopped: full" in caplog.text


async def test_it_looks_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demand, "LOOK_SECONDS", 0.001)
    engine = Runs(("r",))
    watch = watch_over(engine, Wants({"r": True}), 0.0, finishes=True)
    looks = anyio.Event()

    async def look(self: Demand) -> None:
        engine.ids = (*engine.ids, "r")
        if len(engine.ids) == 4:
            looks.set()

    monkeypatch.setattr(Demand, "look", look)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch.watch)
            await looks.wait()
            tasks.cancel_scope.cancel()
