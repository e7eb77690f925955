"""What a browser reads: the page at every address of one, and the documents that it shows.

Reads runs and changes none. A document is made by `atlas_mcp.views.page`, off the event loop.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.responses import Response
from starlette.routing import Route

from atlas_mcp.off_loop import off_loop
from atlas_mcp.pages import addresses
from atlas_mcp.pages.answers import answered, as_json, failed
from atlas_mcp.pages.documents import Documents, Known
from atlas_mcp.pages.headers import FILE, page_policy
from atlas_mcp.pages.lists import Lists
from atlas_mcp.pages.polls import LONGEST_WAIT, MOST_WAITING, Polls, while_connected
from atlas_mcp.pages.requests import ServiceSource, number_of, run_of, truth_of, with_service
from atlas_mcp.views.page.html import page_html
from atlas_mcp.views.transcript import transcript

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from atlas_mcp.pages.promises import Promises
    from atlas_mcp.runs.service import RunService

Reads: TypeAlias = "Callable[[Request, RunService], Awaitable[Response]]"
"""Answers a request to read something."""


USUAL_RUNS = 50
"""Runs of a list."""

MOST_RUNS = 500
"""Most runs of a list; a search finds the others."""

LONGEST_QUERY = 1_000
"""Characters of what is searched for; the rest is left out."""

HUNG_UP = Response(status_code=499)
"""The answer to a browser that does not listen any more. No status of the standard says so."""


class Reading:
    """The addresses that a browser reads.

    Attributes:
        polls: The requests that wait for news.

    Args:
        source: Gives the service.
        promises: Fulfilled once a page is shown the end of a run.
        token: The token that stands in every page.
    """

    def __init__(self, source: ServiceSource, promises: Promises, token: str) -> None:
        self.polls = Polls()
        self._source = source
        self._promises = promises
        self._token = token
        self._documents = Documents()
        self._lists = Lists()
        self._policy = ""

    @property
    def routes(self) -> list[Route]:
        """The addresses."""
        return [
            Route(addresses.HOME, _home, methods=["GET"]),
            self._route(addresses.RUNS, partial(self._page, "runs")),
            self._route(addresses.STATS, partial(self._page, "stats")),
            self._route(addresses.COMPARISON, partial(self._page, "compare")),
            self._route(addresses.RUN, partial(self._page, "run")),
            self._route(addresses.TRANSCRIPT, self._transcript),
            self._route(addresses.FILE, self._file),
            self._route(addresses.RUNS_DOCUMENT, self._found),
            self._route(addresses.STATS_DOCUMENT, self._stats),
            self._route(addresses.COMPARISON_DOCUMENT, self._compared),
            self._route(addresses.RUN_DOCUMENT, self._document),
        ]

    def _route(self, path: str, reads: Reads) -> Route:
        async def answer(request: Request) -> Response:
            in_json = addresses.is_in_json(path)
            work = partial(with_service, self._source, partial(reads, request), in_json=in_json)
            return await while_connected(request.receive, work) or HUNG_UP

        return Route(path, answer, methods=["GET"])

    async def _page(self, view: str, request: Request, service: RunService) -> Response:
        """Return the page, which asks for its document by itself."""
        config = {"mode": "served", "view": view, "token": self._token}
        for name in request.path_params:
            config[name] = run_of(request, name)
            # A run that does not exist has no page.
            await service.state(config[name])
        html = await off_loop("pages", partial(page_html, config, None))
        self._policy = self._policy or await off_loop("pages", partial(page_policy, html))
        return answered(html, "text/html", policy=self._policy)

    async def _document(self, request: Request, service: RunService) -> Response:
        run_id = run_of(request)
        known = Known(number_of(request, "since"), truth_of(request, "live"))
        wait_s = min(number_of(request, "wait_s"), LONGEST_WAIT)
        if wait_s and self.polls.waiting >= MOST_WAITING:
            return failed("Too many pages wait for news; ask again later", 503, in_json=True)
        if wait_s:
            host = request.client.host if request.client else ""
            with self.polls.place((host, request.headers.get("user-agent")), wait_s):
                await self._documents.news(service, run_id, known)
        made = await self._documents.document(service, run_id, known.since)
        if not made.document.driven:
            await self._promises.fulfil(service, run_id)
        return as_json(made.json)

    async def _found(self, request: Request, service: RunService) -> Response:
        limit = min(number_of(request, "limit", default=USUAL_RUNS), MOST_RUNS)
        offset = number_of(request, "offset")
        query = request.query_params.get("query", "")[:LONGEST_QUERY]
        return as_json(await self._lists.found(service, query, limit=limit, offset=offset))

    async def _stats(self, request: Request, service: RunService) -> Response:
        return as_json(await self._lists.stats(service))

    async def _compared(self, request: Request, service: RunService) -> Response:
        runs = run_of(request), run_of(request, "other")
        return as_json(await self._lists.compared(service, *runs))

    async def _transcript(self, request: Request, service: RunService) -> Response:
        made = await self._documents.document(service, run_of(request))
        text = await off_loop("pages", partial(transcript, made.document))
        return answered(text, "text/markdown")

    async def _file(self, request: Request, service: RunService) -> Response:
        run_id = run_of(request)
        made = await self._documents.document(service, run_id)
        html = await off_loop("pages", partial(_as_file, made.json))
        name = f'attachment; filename="atlas-run-{run_id}.html"'
        return answered(html, "text/html", policy=FILE, extra=[("content-disposition", name)])


async def _home(request: Request) -> Response:
    return answered(b"", "text/plain", status=307, extra=[("location", addresses.RUNS)])


def _as_file(document: bytes) -> str:
    data: Mapping[str, Any] = json.loads(document)
    return page_html({"mode": "file"}, data)
