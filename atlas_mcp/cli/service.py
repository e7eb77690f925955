"""The service under a command: opened for it, closed after it, also when a signal ends it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from atlas_mcp.cli.signals import until_signal
from atlas_mcp.config import Settings, load_settings
from atlas_mcp.runs.service import RunService, open_service

_T = TypeVar("_T")


def configured() -> Settings:
    """Return the settings that the environment gives.

    Raises:
        ConfigError: They cannot be used.
    """
    return load_settings(os.environ)


def with_service(work: Callable[[RunService], Awaitable[_T]]) -> _T:
    """Return what `work` makes of an open service.

    Raises:
        Interrupted: A signal came first. What runs have found is kept.
    """
    settings = configured()

    async def main() -> _T:
        async with open_service(settings) as service:
            return await work(service)

    return interruptible(main)


def interruptible(work: Callable[[], Awaitable[_T]]) -> _T:
    """Run `work` on an event loop until it ends or a signal comes.

    Raises:
        Interrupted: A signal came first.
    """

    async def watched() -> _T:
        return await until_signal(work)

    return anyio.run(watched)
