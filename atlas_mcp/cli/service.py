"""The service under a command: opened for it, closed after it, also when a signal ends it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

from atlas_mcp.cli.journal_warnings import causes_logged_once
from atlas_mcp.cli.signals import Interrupted, until_signal
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.service import RunService

_T = TypeVar("_T")


def configured() -> Settings:
    """Return the settings that the environment gives.

    Raises:
        ConfigError: They cannot be used.
    """
    return load_settings(os.environ)


def with_service(
    work: Callable[[RunService], Awaitable[_T]], *, looks: bool = False, again: str = "resume"
) -> _T:
    """Return the result of `work` with an open service.

    Args:
        work: Gets the service.
        looks: Whether it only looks at runs; the journal then need not take writes.
        again: The command of `runs` that goes on where a signal has interrupted this one.

    Raises:
        Interrupted: A signal came first. The evidence of runs is kept.
    """
    settings = configured()
    results: list[_T] = []
    driven: list[str] = []

    async def main(stop: anyio.CancelScope) -> None:
        # A person at the command line may name any file of theirs.
        pool = Pool(settings, trust="user")
        async with open_service(settings, pool=pool, looks=looks) as service:
            with stop:
                results.append(await work(service))
            driven.extend(service.driven)

    with causes_logged_once():
        anyio.run(until_signal, main)
    if not results:
        raise Interrupted(_farewell(driven, again), driven)
    return results[0]


def interruptible(work: Callable[[], Awaitable[_T]]) -> _T:
    """Run `work` on an event loop until it ends or a signal comes.

    Raises:
        Interrupted: A signal came first.
    """
    results: list[_T] = []

    async def main(stop: anyio.CancelScope) -> None:
        with stop:
            results.append(await work())

    anyio.run(until_signal, main)
    if not results:
        raise Interrupted("interrupted")
    return results[0]


def _farewell(driven: Sequence[str], again: str) -> str:
    """Return the last line of an interrupted command: what became of its runs."""
    if not driven:
        return "interrupted; runs that other processes drive go on"
    commands = ", ".join(f"`atlas-mcp runs {again} {run_id}`" for run_id in driven)
    return f"interrupted; the evidence of the run is kept: {commands} goes on with it"
