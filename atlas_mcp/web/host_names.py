"""The name by which a request asks for the server, in the form in which names are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_mcp.addresses import host_name

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class Named:
    """Hands requests on with their `Host` and `Origin` written as our own list of names has them.

    Clients may write a name in capitals, or with the dot at its end that DNS has.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            given: list[tuple[bytes, bytes]] = list(scope["headers"])
            scope = {**scope, "headers": [(name, _as_listed(name, value)) for name, value in given]}
        await self._app(scope, receive, send)


def _as_listed(header: bytes, value: bytes) -> bytes:
    return named(value) if header in {b"host", b"origin"} else value


def named(value: bytes) -> bytes:
    """Return the value of a `Host` or an `Origin` in the form in which names are compared."""
    scheme, apart, where = value.decode("latin-1").rpartition("://")
    host, colon, port = where.rpartition(":")
    if not port.isdigit():
        host, colon, port = where, "", ""
    inside = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        found = host_name(inside).removesuffix(".")
    except ValueError:
        # No name at all: it is compared as it came.
        return value
    if (":" in found) != (inside != host):
        return value
    shown = f"[{found}]" if ":" in found else found
    return f"{scheme.lower()}{apart}{shown}{colon}{port}".encode("latin-1")
