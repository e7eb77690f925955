"""Updates without polling: clients are told when a run changes that they have subscribed to.

Owns the subscriptions of both eras. After the handshake a client subscribes for the length of its
session; in the stateless era it keeps a request open. An update names the resource and says nothing
of what changed in it. What changes in quick succession is told once, and the last change always.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import unquote

import anyio
import anyio.abc
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import (
    SUBSCRIPTION_ID_META_KEY,
    ResourceUpdated,
    event_to_notification,
)
from mcp_types import (
    INVALID_PARAMS,
    EmptyResult,
    SubscribeRequestParams,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from atlas_mcp.errors import AtlasError, UnknownRun
from atlas_mcp.server.faults import LONGEST_NAME
from atlas_mcp.server.resources import RUN_URI
from atlas_mcp.server.results import error_text
from atlas_mcp.task_groups import open_task_group

if TYPE_CHECKING:
    from mcp.server.connection import Connection
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
    from mcp.server.mcpserver import MCPServer

    from atlas_mcp.runs.live import LiveRun
    from atlas_mcp.runs.service import RunService
    from atlas_mcp.server.host import Host

logger = logging.getLogger(__name__)

MOST_OF_A_CLIENT = 100
"""Resources that one session, or one open request, is told of."""

MOST_OF_ALL = 1_000
"""Subscriptions of one process: as many as it has runs in its largest test."""

LEAST_SECONDS = 0.1
"""Seconds between two updates of one resource to one client."""

LOOK_SECONDS = 1.0
"""Seconds between two looks at a run that no process drives: another may go on with it."""

LOOKED_AT_FULL_PACE = 25
"""Runs that are looked at so often. More of them share this rate, 25 reads a second."""

RUNS = RUN_URI.partition("{")[0]

ONLY_RUNS = f"only runs change: subscribe to {RUN_URI}"

Tell: TypeAlias = Callable[[], Awaitable[None]]
"""Sends one update."""


class Subscriptions:
    """The subscriptions of a server's clients, and the tasks that follow their runs."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._changes = RunChanges()
        self._count = 0
        self._tasks: anyio.abc.TaskGroup | None = None

    @property
    def count(self) -> int:
        """The subscriptions that there are."""
        return self._count

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep what sessions subscribe to up to date for the length of a block."""
        async with open_task_group() as self._tasks:
            try:
                yield
            finally:
                self._tasks.cancel_scope.cancel("the server ends")
                self._tasks = None

    def serve(self, server: MCPServer[Any]) -> None:
        """Have `server` answer the requests for updates."""
        lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]
        serve = lowlevel.add_request_handler
        serve("resources/subscribe", SubscribeRequestParams, self.subscribe)
        serve("resources/unsubscribe", UnsubscribeRequestParams, self.unsubscribe)
        serve("subscriptions/listen", SubscriptionsListenRequestParams, self.listen)

    async def describe(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Take it back that lists change, which the SDK says of a server that tells of anything."""
        result = await call_next(ctx)
        if ctx.method == "server/discover" and isinstance(result, dict):
            capabilities = cast("dict[str, dict[str, Any]]", result.get("capabilities", {}))
            for name in ("prompts", "resources", "tools"):
                capabilities.get(name, {})["listChanged"] = False
        return result

    async def subscribe(
        self, ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams
    ) -> EmptyResult:
        """Tell a session of a run's changes from now on, until it unsubscribes or ends."""
        connection = ctx.session._connection  # pyright: ignore[reportPrivateUsage]
        mine = _of(connection)
        if params.uri in mine:
            return EmptyResult()
        self._check_room(len(mine), 1)
        service = await self._host.service()
        told = await _seq_of(service, params.uri)
        tasks = self._tasks
        if tasks is None or params.uri in mine:
            return EmptyResult()
        self._check_room(len(mine), 1)
        scope = mine[params.uri] = anyio.CancelScope()
        # Now, and not once the task runs: many may subscribe in one turn of the event loop.
        self._count += 1

        async def tell() -> None:
            await connection.send_resource_updated(params.uri)

        async def follow() -> None:
            try:
                with scope:
                    await self._changes.tell(service, _run_of(params.uri), tell, told=told)
            finally:
                self._count -= 1
                if mine.get(params.uri) is scope:
                    del mine[params.uri]

        tasks.start_soon(follow, name=f"updates of {params.uri[-40:]}")
        return EmptyResult()

    async def unsubscribe(
        self, ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        """Tell a session of a resource no more; nothing happens where it has not been told."""
        connection = ctx.session._connection  # pyright: ignore[reportPrivateUsage]
        scope = _of(connection).pop(params.uri, None)
        if scope is not None:
            scope.cancel("unsubscribed")
        return EmptyResult()

    async def listen(
        self, ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Tell of the changes of runs until the client hangs up, or the server ends."""
        uris = tuple(dict.fromkeys(params.notifications.resource_subscriptions or ()))
        # A stream of lists that never change is one that stays silent.
        number = max(1, len(uris))
        self._check_room(0, number)
        with self._counted(number):
            service = await self._host.service()
            told = {uri: await _seq_of(service, uri) for uri in uris}
            meta = {SUBSCRIPTION_ID_META_KEY: ctx.request_id}
            honored = SubscriptionFilter(resource_subscriptions=list(uris) or None)
            acknowledged = SubscriptionsAcknowledgedNotification(
                params=SubscriptionsAcknowledgedNotificationParams(
                    notifications=honored, _meta=meta
                )
            )
            await ctx.session.send_notification(acknowledged, ctx.request_id)

            async def follow(uri: str) -> None:
                update = event_to_notification(ResourceUpdated(uri), meta)

                async def tell() -> None:
                    await ctx.session.send_notification(update, ctx.request_id)

                await self._changes.tell(service, _run_of(uri), tell, told=told[uri])

            async with open_task_group() as tasks:
                for uri in uris:
                    tasks.start_soon(follow, uri, name=f"updates of {uri[-40:]}")
                await self._host.parting.wait()
                tasks.cancel_scope.cancel("the server ends")
        return SubscriptionsListenResult(_meta=meta)

    def _check_room(self, there: int, more: int) -> None:
        if there + more > MOST_OF_A_CLIENT:
            text = f"at most {MOST_OF_A_CLIENT} resources are told of; unsubscribe from some"
            raise MCPError(INVALID_PARAMS, text)
        if self._count + more > MOST_OF_ALL:
            text = f"this server has {MOST_OF_ALL} subscriptions, which is its limit; poll instead"
            raise MCPError(INVALID_PARAMS, text)

    @contextmanager
    def _counted(self, number: int) -> Generator[None]:
        self._count += number
        try:
            yield
        finally:
            self._count -= number


@dataclass(slots=True)
class RunChanges:
    """Tells of the changes of runs, each at a bounded pace.

    Attributes:
        least_s: Seconds between two updates of a run.
        look_s: Seconds between two looks at a run that no process drives.
    """

    least_s: float = LEAST_SECONDS
    look_s: float = LOOK_SECONDS
    _idle: int = field(init=False, default=0)

    async def tell(self, service: RunService, run_id: str, tell: Tell, *, told: int) -> None:
        """Tell of the changes of a run until it is removed, wherever it is driven.

        Args:
            service: The service that has the run.
            run_id: The run.
            tell: Sends one update; the next waits until it is out.
            told: The number of the last record that the client can know of.
        """
        try:
            while True:
                try:
                    told = await self._tell_while_driven(service, run_id, tell, told)
                    await self._gone_on(service, run_id, told)
                except UnknownRun:
                    await tell()
                    return
                except AtlasError as error:
                    logger.warning("run %s cannot be followed for a client: %s", run_id, error)
                    await self._pause()
        except Exception:
            # A bug here ends the updates of one run, and not the server.
            logger.exception("the updates of run %s have ended", run_id)

    async def _tell_while_driven(
        self, service: RunService, run_id: str, tell: Tell, told: int
    ) -> int:
        """Tell of changes until no process drives the run; return the number of its last record."""
        async with service.watching(run_id) as live:
            seen = live.changes
            if live.state.seq != told:
                await tell()
                await anyio.sleep(self.least_s)
            while live.changes > seen or not live.done:
                await live.changed(seen)
                seen = live.changes
                await tell()
                await anyio.sleep(self.least_s)
            return _stored(live)

    async def _gone_on(self, service: RunService, run_id: str, told: int) -> None:
        """Return once a run has more records."""
        while True:
            await self._pause()
            if await service.records.read(run_id, after=told):
                return

    async def _pause(self) -> None:
        self._idle += 1
        try:
            await anyio.sleep(self.look_s * max(1.0, self._idle / LOOKED_AT_FULL_PACE))
        finally:
            self._idle -= 1


def _stored(live: LiveRun) -> int:
    """Return the number of the last record that is stored."""
    return live.state.seq if live.broken is None else live.broken.stored


def _of(connection: Connection) -> dict[str, anyio.CancelScope]:
    """Return the subscriptions of a session by their URIs; they end with it."""
    mine = connection.state.get(__name__)
    if mine is None:
        mine = connection.state[__name__] = dict[str, anyio.CancelScope]()
        connection.exit_stack.callback(_end, mine)
    return mine


def _end(subscriptions: dict[str, anyio.CancelScope]) -> None:
    for scope in subscriptions.values():
        scope.cancel("the session has ended")


def _run_of(uri: str) -> str:
    """Return the id of the run that a URI names.

    Raises:
        MCPError: It names none.
    """
    run_id = uri.removeprefix(RUNS)
    if run_id == uri or not run_id or "/" in run_id or len(uri) > LONGEST_NAME:
        raise MCPError(INVALID_PARAMS, f"{uri[:80]!r} does not change; {ONLY_RUNS}")
    return unquote(run_id)


async def _seq_of(service: RunService, uri: str) -> int:
    """Return the number of the last record of the run that a URI names.

    Raises:
        MCPError: It names no run, or there is no such run.
    """
    run_id = _run_of(uri)
    try:
        return (await service.state(run_id)).seq
    except UnknownRun as error:
        raise MCPError(INVALID_PARAMS, error_text(error)) from error
