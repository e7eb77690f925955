"""One world for tests of whole runs: an API on the loopback, a play, and services that reach it.

Services on one home stand for so many processes: each has a journal, and so a lease owner, of its
own.
"""

from __future__ import annotations

import math
import os
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.to_thread
import pytest

from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.atlas.retrying import RetryPolicy
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.wire import accounts
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.service import RunService
from atlas_mcp.testing.atlas_api import AtlasPlay
from atlas_mcp.testing.messages_api import API_KEY, MessagesApi, serve
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from tests.support.held_apis import EVERY_CALL, HeldApi

QUESTION = "What is 6 * 7?"


@dataclass
class World:
    """A play, the API that performs it, and the home that all services share.

    The environment leads a service to both; see `opened_world`.

    Attributes:
        attempts: How often a service tries a call that fails, without delay.
        play: Gives the replies.
        api: Holds calls once a test has cleared `api.gate`.
    """

    attempts: int
    play: AtlasPlay = field(default_factory=AtlasPlay)
    api: HeldApi = field(init=False)

    def __post_init__(self) -> None:
        self.api = HeldApi(self.play, held=EVERY_CALL)
        self.api.gate.set()

    @property
    def home(self) -> Path:
        """The folder of the journal."""
        return Path(os.environ["ATLAS_HOME"])

    @property
    def turns(self) -> list[dict[str, Any]]:
        """The bodies of the orchestrator's requests."""
        return self.asked(solvers=False)

    def asked(self, *, solvers: bool) -> list[dict[str, Any]]:
        """Return the bodies of the solvers' requests, or of the orchestrator's."""
        return [body for body in self.api.bodies if ("tools" not in body) == solvers]

    def raw(self, *, solvers: bool) -> list[bytes]:
        """Return the same bodies as they came over the wire."""
        return [raw for raw in self.api.raw_bodies if (b'"tools"' not in raw) == solvers]

    def pictures(self) -> list[list[dict[str, Any]]]:
        """Return the pictures of every call, as the API takes them."""
        return [
            [
                block["source"]
                for block in body["messages"][0]["content"]
                if block["type"] == "image"
            ]
            for body in self.api.bodies
        ]

    @asynccontextmanager
    async def service(
        self,
        *,
        home: Path | None = None,
        journal: SqliteJournal | None = None,
        retries: RetryPolicy | None = None,
    ) -> AsyncGenerator[RunService]:
        """Open a service that learns of the API from the environment alone."""
        settings = load_settings({**os.environ, "ATLAS_HOME": str(home or self.home)})
        retries = retries or RetryPolicy(attempts=self.attempts, first_delay=0, longest_delay=0)
        async with open_service(settings, journal=journal, retries=retries) as service:
            yield service

    async def reach(self, requests: int) -> None:
        """Return once that many calls have arrived, answered or not."""

        def arrived(api: MessagesApi) -> bool:
            return api.requests >= requests

        await self._until(arrived)

    async def left_alone(self) -> None:
        """Return once no call is open any more."""

        def idle(api: MessagesApi) -> bool:
            return api.in_flight == 0

        await self._until(idle)

    async def _until(self, condition: Callable[[MessagesApi], bool]) -> None:
        # The first of all calls comes after the import of the vendor's client.
        with anyio.fail_after(15):
            while not await anyio.to_thread.run_sync(self.api.wait_for, condition):
                continue


@contextmanager
def opened_world(monkeypatch: pytest.MonkeyPatch, *, attempts: int = 2) -> Generator[World]:
    """Serve a world's API for the length of a block, and point the environment at it."""
    world = World(attempts)
    # Calls wait that long for the first one of an endpoint, which may be one that a test holds.
    monkeypatch.setattr(accounts, "FIRST_ANSWER", 0.05)
    with serve(world.api) as url:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", API_KEY)
        try:
            yield world
        finally:
            world.api.gate.set()


async def ended(service: RunService, run: LiveRun | str) -> RunView:
    """Wait for the end of a run, and return how it ended."""
    with anyio.fail_after(10):
        return view_of(await service.wait(run if isinstance(run, str) else run.run_id, math.inf))


async def solve(
    service: RunService, wish: RunRequest | None = None, *, answer_schema: object = None
) -> RunView:
    """Run the question to its end."""
    problem = make_problem(QUESTION, answer_schema=answer_schema)
    return await ended(service, await service.solve(problem, wish or RunRequest()))


def unmarked(value: Any) -> Any:
    """Return a part of a body without its cache marks, which move from call to call."""
    if isinstance(value, list):
        return [unmarked(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        parts = cast("dict[str, Any]", value)
        return {key: unmarked(one) for key, one in parts.items() if key != "cache_control"}
    return value
