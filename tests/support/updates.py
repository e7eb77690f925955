"""Clients that are told of the changes of runs, in the way of their era."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp_types import (
    EmptyResult,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
    UnsubscribeRequest,
    UnsubscribeRequestParams,
)

from tests.support.gated_models import Gated, GivenHost, Mode, Session, until


@dataclass
class Updates:
    """A client that is told of updates, and hears which.

    Attributes:
        heard: The URIs that it was told of.
        read: How many of them it has acted on.
    """

    client: Client
    heard: list[str] = field(default_factory=list[str], kw_only=True)
    read: int = field(default=0, kw_only=True)

    def handle(self, message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            self.heard.append(str(message.params.uri))

    async def subscribe(self, uri: str) -> None:
        request = SubscribeRequest(params=SubscribeRequestParams(uri=uri))
        await self.client.session.send_request(request, EmptyResult)

    async def unsubscribe(self, uri: str) -> None:
        request = UnsubscribeRequest(params=UnsubscribeRequestParams(uri=uri))
        await self.client.session.send_request(request, EmptyResult)

    @asynccontextmanager
    async def subscribed(self, *uris: str) -> AsyncGenerator[None]:
        """Be told of some resources; a session is told of them on after the block."""
        if self.client.protocol_version != "2026-07-28":
            for uri in uris:
                await self.subscribe(uri)
            yield
            return
        async with (
            self.client.listen(resource_subscriptions=uris) as updates,
            anyio.create_task_group() as tasks,
        ):

            async def hear() -> None:
                async for update in updates:
                    self.heard.append(str(getattr(update, "uri", update)))

            tasks.start_soon(hear)
            yield
            tasks.cancel_scope.cancel()

    async def status(self, uri: str) -> str:
        """Return the status of a run as its resource shows it."""
        (content,) = (await self.client.read_resource(uri, cache_mode="bypass")).contents
        return json.loads(getattr(content, "text", "{}"))["status"]

    async def until_told(self, uri: str, status: str) -> None:
        """Read a resource at each update, and only then, until it has this status."""
        while True:
            await until(lambda: len(self.heard) > self.read)
            self.read = len(self.heard)
            if await self.status(uri) == status:
                return


@dataclass
class Told(Session, Updates):
    """The same of a server whose model a test holds back."""


@asynccontextmanager
async def told(
    server: MCPServer[Any] | str, mode: Mode, model: Gated, host: GivenHost
) -> AsyncGenerator[Told]:
    """Connect a client that is told of updates."""
    sessions: list[Told] = []

    async def handle(message: object) -> None:
        sessions[0].handle(message)

    client = Client(server, mode=mode, message_handler=handle)
    sessions.append(Told(client, model, host))
    async with client:
        yield sessions[0]


def tasks_of_updates() -> set[str]:
    """Return the names of the tasks of this process that follow runs for clients."""
    names = {task.name or "" for task in anyio.get_running_tasks()}
    return {name for name in names if name.startswith("updates of ")}
