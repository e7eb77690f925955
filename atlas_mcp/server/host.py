"""The run service behind a server: opened after the handshake, closed with the server.

A client waits for the handshake, so nothing heavy is imported before it: the service, the journal
and the vendor's client come in the background, once the first message has been answered.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from atlas_mcp.closing import last_act
from atlas_mcp.errors import AtlasError, JournalInUse, UnknownRun
from atlas_mcp.memory_upkeep import keep_memory_low
from atlas_mcp.server.configuration import Configuration
from atlas_mcp.server.openings import Openings, ServerEnding
from atlas_mcp.server.patience import ClientPatience
from atlas_mcp.system.limits import too_few_files
from atlas_mcp.task_groups import open_task_group
from atlas_mcp.views.page_links import BY_COMMAND

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

    from atlas_mcp.atlas.retrying import RetryPolicy
    from atlas_mcp.config.settings import Settings
    from atlas_mcp.models.pool import Pool
    from atlas_mcp.runs.callers import RunCaller
    from atlas_mcp.runs.capacity import Capacity
    from atlas_mcp.runs.service import RunService

logger = logging.getLogger(__name__)

WARM_UP_SECONDS = 600.0
"""Seconds after which loading models ahead of their first call is given up: ten times what 5 GB
take from a disk of 100 MB a second."""

CALLERS_SECONDS = 1.0
"""Seconds for recording, at the end, which calls were cut off: a signal leaves 1.5."""

LEAVE_SECONDS = 2.0
"""Seconds for recording, beside the grace, what became of the runs when the server ends."""

BUG = (
    "the run service has failed by a bug, which the server's log shows; the evidence of runs is "
    "kept. Start the server again"
)


REOPEN_SECONDS = 1.0
"""Seconds until a journal that an older version uses is opened again, at the next request."""

ENDING = "the server is ending; nothing was run. Ask again later"


class Host:
    """Opens the service in the background, and hands it to every request that waits for it.

    Attributes:
        loaded: Set once the service is open and its libraries are imported.
        closed: Set once the service has been closed with all it had open.
        client_gone: Set once the only client of this process has gone.
        parting: Set once requests that stay open are to end, since nothing changes any more.
        openings: The calls that are about to open a run.
        patience: Says when the clients are to be answered that were seen to give up.
        pages: The way to the pages of runs; set by a server that serves them itself.
    """

    def __init__(
        self,
        settings: Settings | Configuration,
        *,
        pool: Pool | None = None,
        retries: RetryPolicy | None = None,
        capacity: Capacity | None = None,
        driver_environ: Mapping[str, str] | None = None,
    ) -> None:
        """Remember what to open.

        Args:
            settings: The configuration. If it cannot be used, each request for the service is
                refused with the reason.
            pool: Models to use instead of those the configuration gives.
            retries: How calls are tried again.
            capacity: The load that this process bears; found out if not given.
            driver_environ: The environment of a process beside this one that is to drive the runs,
                and outlives it; `None` drives them here.
        """
        self._driver_environ = driver_environ
        self._capacity = capacity
        is_read = not isinstance(settings, Configuration)
        self._configuration = Configuration.of(settings) if is_read else settings
        self._pool = pool
        self._retries = retries
        self._greeted = anyio.Event()
        self._opened = anyio.Event()
        self.loaded = anyio.Event()
        self.closed = anyio.Event()
        self.client_gone = anyio.Event()
        self.parting = anyio.Event()
        self.patience = ClientPatience(self.service, self.client_gone)
        self.openings = Openings(self.client_gone)
        self.pages = BY_COMMAND
        self._service: RunService | None = None
        self._failure: AtlasError | None = None

    @property
    def settings(self) -> Settings:
        """The configuration.

        Raises:
            AtlasError: It cannot be used.
        """
        return self._configuration.settings

    async def service(self) -> RunService:
        """Return the open service, waiting for it if it is still on its way.

        Once it is open nothing is awaited, so that no caller can be cancelled here.

        Raises:
            AtlasError: It could not be opened, or the server ends.
        """
        self._greeted.set()
        while not self._opened.is_set():
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
        """Keep the service for the length of a block.

        However the block ends, nothing new is spent from then on, and what is under way may end
        within the configured grace. A caller that cannot wait so long calls `leave` before.
        """
        # A cancellation from outside ends the block, and the service only once its runs have ended.
        kept = anyio.CancelScope(shield=True)
        try:
            async with open_task_group() as tasks:
                tasks.start_soon(self._run, kept, name="service")
                try:
                    yield
                finally:
                    with last_act("stopping the runs", self._grace + LEAVE_SECONDS):
                        await self.leave(grace=self._grace)
                    # Requests are cancelled by now, and still tell the journal.
                    with anyio.move_on_after(CALLERS_SECONDS, shield=True):
                        await self._callers_gone()
                    kept.cancel("the server ends")
        finally:
            self.closed.set()

    async def leave(self, *, grace: float) -> None:
        """Stop every run where it stands, to be resumed; returns once none is driven.

        From now on the service is refused to every request.

        Args:
            grace: Seconds that calls in flight get.
        """
        service = self._service
        if self._failure is None or isinstance(self._failure, JournalInUse):
            self._failure = ServerEnding(ENDING)
        self._opened.set()
        try:
            if service is not None:
                await service.leave(grace=grace)
        finally:
            self.parting.set()

    async def _callers_gone(self) -> None:
        if self._service is not None:
            await self._service.callers.gone()

    async def let_go(self) -> None:
        """Begin nothing more, as the only client has gone; returns once that has been seen to.

        Runs that a request waits for end as if it had been cancelled, and their calls in flight get
        their grace. The others go on in a process that outlives this one, or are left to be
        resumed. Requests that only look are answered as before.
        """
        self.client_gone.set()
        self.parting.set()
        self.openings.cut_off()
        service = self._service
        if service is None:
            return
        with anyio.move_on_after(self._grace + LEAVE_SECONDS):
            # First: the cause of a stop is the first one's.
            async with open_task_group() as tasks:
                for caller in service.callers.waiting:
                    tasks.start_soon(_cut_off, service, caller, name=f"stop {caller.run_id}")
            await service.leave(grace=self._grace)

    @property
    def _grace(self) -> float:
        settings = self._configuration.known
        return 0.0 if settings is None else settings.server.grace_s

    async def _run(self, kept: anyio.CancelScope) -> None:
        with kept:
            await self._greeted.wait()
            async with open_task_group() as tasks:
                tasks.start_soon(keep_memory_low, name="memory")
                failure = await anyio.to_thread.run_sync(lambda: self._configuration.failure)
                if failure is None:
                    await self._open()
                elif self._failure is None:
                    self._fail(failure)

    async def _open(self) -> None:
        """Open the service, and keep it open until this is cancelled."""
        try:
            module = await anyio.to_thread.run_sync(
                importlib.import_module, "atlas_mcp.runs.opening"
            )
            is_wanted = True
            while is_wanted:
                try:
                    await self._keep_open(module.open_service)
                except JournalInUse as error:
                    is_wanted = await self._wait_to_reopen(error)
        except AtlasError as error:
            logger.error("%s", error)
            self._fail(error)
        except Exception as error:
            failure = _not_opened(error, is_open=self._service is not None)
            if failure is None:
                logger.exception("the run service has failed")
            else:
                logger.error("%s", failure)
            self._fail(failure or AtlasError(BUG))

    async def _wait_to_reopen(self, error: JournalInUse) -> bool:
        """Refuse requests for a while, then wait for one; return false if the server ends."""
        logger.warning("%s", error)
        self._fail(error)
        await anyio.sleep(REOPEN_SECONDS)
        if self._failure is error:
            self._failure = None
            self._opened, self._greeted = anyio.Event(), anyio.Event()
            await self._greeted.wait()
        return self._failure is None

    async def _keep_open(
        self, open_service: Callable[..., AbstractAsyncContextManager[RunService]]
    ) -> None:
        opening = open_service(
            self.settings,
            pool=self._pool,
            retries=self._retries,
            capacity=self._capacity,
            driver_environ=self._driver_environ,
        )
        async with opening as service, open_task_group() as tasks:
            tasks.start_soon(service.demand.watch, name="callers")
            self._service = service
            self._opened.set()
            if self._driver_environ is None:
                await _load(service, warm_up=self.settings.server.warm_up)
            self.loaded.set()
            await anyio.sleep_forever()

    def _fail(self, error: AtlasError) -> None:
        """Refuse every request for the service from now on, with this error."""
        self._failure, self._service = error, None
        self._opened.set()


def _import_ahead(library: str) -> None:
    """Import a vendor's client; where that fails, the call that needs it says why."""
    try:
        importlib.import_module(library)
    except Exception as error:  # noqa: BLE001 - it is not ours, and may not be needed
        logger.warning("the library %s cannot be imported: %r", library, error)


async def _cut_off(service: RunService, caller: RunCaller) -> None:
    """Cut off a caller whose client has gone; returns once the calls of its run had their grace."""
    await service.callers.cut(caller)
    try:
        async with service.watching(caller.run_id) as live:
            # It goes on where somebody else waits for it, or has come to do so.
            while not live.done and live.state.stop_cause is not None:
                await live.changed(live.changes)
    except UnknownRun:
        # It was about to be opened.
        return


def _not_opened(error: Exception, *, is_open: bool) -> AtlasError | None:
    """Return the error that keeps the service from being opened; `None` for a bug."""
    if (few := too_few_files(error)) is not None:
        return AtlasError(few)
    if isinstance(error, OSError) and not is_open:
        return AtlasError(f"the run service cannot be opened: {error}; start it again without that")
    return None


async def _load(service: RunService, *, warm_up: bool) -> None:
    """Import the libraries of the models ahead of their first call, and load the models."""
    for library in service.pool.libraries():
        await anyio.to_thread.run_sync(_import_ahead, library)
    if warm_up:
        with anyio.move_on_after(WARM_UP_SECONDS):
            await service.pool.warm_up()
