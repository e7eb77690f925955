"""What the vendors' HTTP clients share.

How many connections they keep, how much they read of an answer, and whom they trust.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from atlas_mcp.system import raise_open_files

if TYPE_CHECKING:
    import ssl

    import httpx2

IDLE_CONNECTIONS = 16
"""Connections kept open between calls. The pool looks at every idle one for each call it begins or
ends, so the vendors' hundreds cost more than the reconnects they save: a run has few calls open."""

IDLE_WHERE_FILES_ARE_FEW = 2
"""The same where the process may open fewer than `MANY_FILES` files: calls need them."""

MANY_FILES = 2_000

LOOK_TIMEOUT = 5.0
"""Seconds in which an endpoint must say whether it has a model. Our own choice: a person waits."""


def limits() -> httpx2.Limits:
    """Return how many connections one client opens and keeps."""
    import httpx2

    many = raise_open_files() >= MANY_FILES
    idle = IDLE_CONNECTIONS if many else IDLE_WHERE_FILES_ARE_FEW
    return httpx2.Limits(
        max_connections=1_000, max_keepalive_connections=idle, keepalive_expiry=5.0
    )


def hooks() -> dict[str, list[Any]]:
    """Return what one client does with each request and each response."""
    from atlas_mcp.models.bounded import request_hooks, response_hooks

    return {"request": [*request_hooks()], "response": [*response_hooks()]}


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """Return the certificate authorities that are trusted. Loading them takes 35 ms a time."""
    import httpx2

    return httpx2.create_ssl_context()
