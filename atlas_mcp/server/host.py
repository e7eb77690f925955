"""The run service behind a server: opened after the handshake, closed with the server.

A client waits for the handshake, so nothing heavy is imported before it: the service, the journal
and the vendor's client come in the background, once the first message has been answered.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from atlas_mcp.config import Settings
from atlas_mcp.errors import AtlasError
from atlas_mcp.runs.tasks import open_task_group

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

    from atlas_mcp.models.pool import Pool
    from atlas_mcp.models.retry import RetryPolicy
    from atlas_mcp.runs.service import RunService

logger = logging.getLogger(__name__)

WARM_UP_SECONDS = 600.0
"""Seconds after which loading models ahead of their first call is given up: ten times what 5 GB
take from a disk of 100 MB a second."""


class Host:
    """Opens the service in the background, and hands it to whoever waits for it.

    Attributes:
        settings: The configuration.
        closed: Set once the service has been closed with all it had open.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        pool: Pool | None = None,
        retries: RetryPolicy | None = None,
    ) -> None:
        """Remember what to open.

        Args:
            settings: The configuration.
            pool: Models to use instead of those the configuration gives.
            retries: How calls are tried again.
        """
        self.settings = settings
        self._pool = pool
        self._retries = retries
        self._greeted = anyio.Event()
        self._opened = anyio.Event()
        self.closed = anyio.Event()
        self._service: RunService | None = None
        self._failure: AtlasError | None = None

    async def service(self) -> RunService:
        """Return the open service, waiting for it if it is still on its way.

        Once it is open nothing is awaited, so that nobody can be cancelled here.

        Raises:
            AtlasError: It could not be opened.
        """
        self._greeted.set()
        if not self._opened.is_set():
            await self._opened.wait()
        if self._failure is not None:
            raise self._failure
        assert self._service is not None, "opened without a failure"
        return self._service

    async def notice_greeting(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Start opening the service once the first message has been answered."""
        try:
            return await call_next(ctx)
        finally:
            self._greeted.set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep the service for the length of a block."""
        try:
            async with open_task_group() as tasks:
                tasks.start_soon(self._run, name="service")
                try:
                    yield
                    # The client has gone: nothing new is spent, what is under way may end.
                    await self.leave(grace=self.settings.server.grace_s)
                finally:
                    tasks.cancel_scope.cancel("the server ends")
        finally:
            self.closed.set()

    async def leave(self, *, grace: float) -> None:
        """Stop every run where it stands, to be resumed; returns once none is driven.

        Args:
            grace: Seconds that calls in flight get.
        """
        if self._service is not None:
            await self._service.stop_all(grace=grace)

    async def _run(self) -> None:
        await self._greeted.wait()
        try:
            module = await anyio.to_thread.run_sync(
                importlib.import_module, "atlas_mcp.runs.service"
            )
            opening = module.open_service(self.settings, pool=self._pool, retries=self._retries)
            async with opening as service:
                self._service = service
                self._opened.set()
                for library in service.pool.libraries():
                    await anyio.to_thread.run_sync(importlib.import_module, library)
                if self.settings.server.warm_up:
                    with anyio.move_on_after(WARM_UP_SECONDS):
                        await service.pool.warm_up()
                await anyio.sleep_forever()
        except AtlasError as error:
            logger.error("%s", error)
            self._failure = error
            self._opened.set()
            await anyio.sleep_forever()
