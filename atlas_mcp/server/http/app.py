"""A server as an ASGI application: MCP at `/mcp`, for clients that ask by an allowed name.

The pages of runs are served beside it, to browsers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from atlas_mcp.server.http.hang_ups import HangUps
from atlas_mcp.server.messages import MAX_MESSAGE_BYTES
from atlas_mcp.web.host_names import Named

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer
    from mcp.server.transport_security import TransportSecuritySettings
    from starlette.types import ASGIApp, Receive, Scope, Send

DEFAULT_HOST = "127.0.0.1"

MCP_PATH = "/mcp"
"""Where MCP is served: the SDK's own choice."""


def http_app(
    server: MCPServer[Any], *, host: str = DEFAULT_HOST, allowed_hosts: Sequence[str] = ()
) -> HangUps:
    """Return `server` as an ASGI application with MCP at `/mcp`.

    Args:
        server: The server.
        host: The address of this machine that it listens on.
        allowed_hosts: The names, besides those of loopback, by which clients may ask for it; one
            without a port goes with any.
    """
    lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    lowlevel.get_tool_input_schema = _headers_of
    app = server.streamable_http_app(
        host=host,
        max_request_body_size=MAX_MESSAGE_BYTES,
        transport_security=host_rules(allowed_hosts),
    )
    return HangUps(Named(app))


class WithPages:
    """Serves MCP at its own address, and the pages of runs everywhere else.

    Args:
        mcp: Serves MCP.
        pages: Serves the pages.
    """

    def __init__(self, mcp: HangUps, pages: ASGIApp) -> None:
        self._mcp = mcp
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        is_page = scope["type"] == "http" and scope["path"].rstrip("/") != MCP_PATH
        app = self._pages if is_page else self._mcp
        await app(scope, receive, send)


def _headers_of(tool: str) -> None:
    """Say that no argument of a tool is a header as well: the SDK looks for some in each call."""


def host_rules(allowed_hosts: Sequence[str]) -> TransportSecuritySettings:
    """Return the names by which clients may ask: a web page that was led here asks by its own."""
    from mcp.server.transport_security import TransportSecuritySettings

    hosts: list[str] = []
    # Clients leave out the usual port of their scheme.
    for name in ("127.0.0.1", "localhost", "[::1]", *allowed_hosts):
        with_port = ":" in name.rpartition("]")[2]
        hosts += [name] if with_port else [name, f"{name}:*"]
    origins = [f"{scheme}://{each}" for each in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)
