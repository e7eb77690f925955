"""The pages as an ASGI application: every request passes the rules before anything looks at it.

Owns the order of things: who asks (`pages.visitors`), what is read (`pages.reading`), what is done
(`pages.acting`). Runs belong to the service and not to a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from atlas_mcp.pages.acting import Acting
from atlas_mcp.pages.addresses import is_in_json
from atlas_mcp.pages.answers import failed, refused
from atlas_mcp.pages.promises import Promises
from atlas_mcp.pages.reading import Reading
from atlas_mcp.pages.visitors import Request, Visitors

if TYPE_CHECKING:
    from starlette.requests import Request as WebRequest
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from atlas_mcp.pages.requests import ServiceSource


class Pages:
    """The pages of the runs of one service.

    Args:
        source: Gives the service.
        allowed_hosts: The names, besides those of loopback, by which browsers may ask for it.
    """

    def __init__(self, source: ServiceSource, *, allowed_hosts: Iterable[str] = ()) -> None:
        promises = Promises()
        self._visitors = Visitors(tuple(allowed_hosts))
        self._reading = Reading(source, promises, self._visitors.token)
        self._acting = Acting(source, promises)
        self._app = Starlette(
            routes=[*self._reading.routes, *self._acting.routes],
            exception_handlers={HTTPException: _not_found},
        )
        self._app.router.redirect_slashes = False

    @property
    def token(self) -> str:
        """The token that requests need which change a run. It stands in the pages alone."""
        return self._visitors.token

    @property
    def waiting(self) -> int:
        """How many requests wait for news."""
        return self._reading.polls.waiting

    def end_waits(self) -> None:
        """Answer every request that waits for news now, and each that is still to come."""
        self._reading.polls.end()

    async def acted(self) -> None:
        """Return once no action is under way."""
        await self._acting.done()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, if whoever asks may ask."""
        if scope["type"] == "http":
            request = Request(scope["method"], scope["path"], scope["headers"])
            refusal = self._visitors.refusal(request)
            if refusal is not None:
                in_json = is_in_json(scope["path"])
                await refused(refusal, in_json=in_json)(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _not_found(request: WebRequest, error: Exception) -> Response:
    in_json = is_in_json(request.url.path)
    return failed("There is nothing at this address; the runs are at /runs", 404, in_json=in_json)
