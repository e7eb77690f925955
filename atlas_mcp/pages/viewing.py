"""The pages alone, without MCP: what `atlas-mcp view` serves while a person looks at them."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import anyio

from atlas_mcp.closing import last_act
from atlas_mcp.pages.app import Pages
from atlas_mcp.task_groups import open_task_group
from atlas_mcp.web.serving import Web

if TYPE_CHECKING:
    from atlas_mcp.runs.service import RunService

MOST_CLIENTS = 100
"""Connections at a time: those of some browsers of one person."""

ACT_SECONDS = 0.5
"""Seconds, at the end, for the answers to actions that are under way."""

HANG_UP_SECONDS = 0.5
"""Seconds, at the end, in which browsers read the last answers; then they are cut off."""

CLOSE_SECONDS = 0.5
"""Seconds for closing the application."""

END_SECONDS = ACT_SECONDS + HANG_UP_SECONDS + CLOSE_SECONDS + 0.5
"""Seconds that the end takes at most."""


def pages_address(listeners: Sequence[socket.socket], path: str = "/runs") -> str:
    """Return the address of a page that is served at the first of some sockets."""
    host, port = listeners[0].getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"


async def serve_pages(
    service: RunService,
    listeners: Sequence[socket.socket],
    *,
    ready: Callable[[], Awaitable[None]],
) -> None:
    """Serve the pages of a service until this is cancelled.

    Runs go on at its end, or end with the service.

    Args:
        service: The service.
        listeners: Where browsers come to.
        ready: Called once they are let in.
    """

    async def given() -> RunService:
        return service

    pages = Pages(given, allowed_hosts=service.settings.server.allowed_hosts)
    web = Web(pages, listeners, clients=MOST_CLIENTS)
    try:
        async with open_task_group() as tasks:
            tasks.start_soon(web.serve, name="pages")
            await ready()
    finally:
        with last_act("closing the pages", END_SECONDS):
            await _end(pages, web)


async def _end(pages: Pages, web: Web) -> None:
    """Let nobody in any more, answer those that are in, and close."""
    web.stop()
    pages.end_waits()
    with anyio.move_on_after(ACT_SECONDS):
        await pages.acted()
    with anyio.move_on_after(HANG_UP_SECONDS):
        await web.empty()
    web.cut()
    with anyio.move_on_after(CLOSE_SECONDS):
        await web.close()
