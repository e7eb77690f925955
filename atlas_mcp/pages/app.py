"""The pages as an ASGI application: addresses, and the answer that each of them has.

Thin: a run's document is made by `atlas_mcp.views.page`, an action is one call of the service.
Every request passes the rules of `pages.visitors` first, and every answer has the headers of
`pages.policy`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as WebRequest
from starlette.responses import Response
from starlette.routing import Route

from atlas_mcp.errors import AtlasError, InvalidInput, UnknownRun
from atlas_mcp.off_loop import off_loop
from atlas_mcp.pages.actions import ACTIONS, Acted, Action
from atlas_mcp.pages.answers import answered, as_json, error_answer, failed, refused
from atlas_mcp.pages.bodies import read_body
from atlas_mcp.pages.documents import Documents, Known
from atlas_mcp.pages.policy import FILE, page_policy
from atlas_mcp.pages.polls import LONGEST_WAIT, MOST_WAITING, Polls, while_connected
from atlas_mcp.pages.promises import Promises
from atlas_mcp.pages.visitors import Request, Visitors
from atlas_mcp.views.page.html import page_html
from atlas_mcp.views.transcript import transcript

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from atlas_mcp.runs.service import RunService

T = TypeVar("T")

ServiceSource: TypeAlias = "Callable[[], Awaitable[RunService]]"
"""Gives the open service; refuses with an `AtlasError` where there is none."""

MOST_ACTIONS = 32
"""Actions that are carried out at a time."""

LONGEST_NUMBER = 9
"""Digits of a number in a query."""

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""An id as runs have it: it can stand in an address and in the name of a file."""


class Pages:
    """The pages of the runs of one service, as an ASGI application.

    Args:
        service: Gives the service.
        allowed_hosts: The names, besides those of loopback, by which browsers may ask for it.
    """

    def __init__(self, service: ServiceSource, *, allowed_hosts: Iterable[str] = ()) -> None:
        self._service_source = service
        self._visitors = Visitors(tuple(allowed_hosts))
        self._polls = Polls()
        self._documents = Documents()
        self._promises = Promises()
        self._policy = ""
        self._acting = 0
        self._idle = anyio.Event()
        get = partial(Route, methods=["GET"])
        self._app = Starlette(
            routes=[
                get("/", self._home),
                get("/runs", partial(self._page, "runs")),
                get("/stats", partial(self._page, "stats")),
                get("/compare/{run_id}/{other}", partial(self._page, "compare")),
                get("/runs/{run_id}", partial(self._page, "run")),
                get("/runs/{run_id}/transcript", self._transcript),
                get("/runs/{run_id}/file", self._file),
                get("/api/runs/{run_id}", self._document),
                Route("/api/runs/{run_id}/{action}", self._act, methods=["POST"]),
            ],
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
        return self._polls.waiting

    def end_waits(self) -> None:
        """Answer every request that waits for news now, and each that is still to come."""
        self._polls.end()

    async def acted(self) -> None:
        """Return once no action is under way."""
        while self._acting:
            await self._idle.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, if whoever asks may ask."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        in_json = scope["path"].startswith("/api/")
        request = Request(scope["method"], scope["path"], scope["headers"])
        refusal = self._visitors.refusal(request)
        answer: Response | Starlette = self._app
        if refusal is not None:
            answer = refused(refusal, in_json=in_json)
        await answer(scope, receive, send)

    async def _home(self, request: WebRequest) -> Response:
        return answered(b"", "text/plain", status=307, extra=[("location", "/runs")])

    async def _page(self, view: str, request: WebRequest) -> Response:
        """Return the page, which asks for its document by itself."""
        config = {"mode": "served", "view": view, "token": self.token}

        async def page(service: RunService) -> Response:
            for name in request.path_params:
                config[name] = await _known(service, request.path_params[name])
            html = await off_loop("pages", partial(page_html, config, None))
            self._policy = self._policy or await off_loop("pages", partial(page_policy, html))
            return answered(html, "text/html", policy=self._policy)

        return await self._with_service(page, in_json=False)

    async def _document(self, request: WebRequest) -> Response:
        async def document(service: RunService) -> Response:
            run_id = _checked(request.path_params["run_id"])
            known = Known(_number(request, "since"), _truth(request, "live"))
            wait_s = min(_number(request, "wait_s"), LONGEST_WAIT)
            if wait_s and self._polls.waiting >= MOST_WAITING:
                return failed("Too many pages wait for news; ask again later", 503, in_json=True)
            if wait_s:
                visitor = (
                    request.client and request.client.host,
                    request.headers.get("user-agent"),
                )
                with self._polls.place(visitor, wait_s):
                    await self._documents.news(service, run_id, known)
            made = await self._documents.document(service, run_id, known.since)
            if not made.document.live:
                await self._promises.fulfil(service, run_id)
            return as_json(made.json)

        answer = partial(self._with_service, document, in_json=True)
        return await while_connected(request.receive, answer) or Response(status_code=499)

    async def _transcript(self, request: WebRequest) -> Response:
        async def told(service: RunService) -> Response:
            run_id = _checked(request.path_params["run_id"])
            made = await self._documents.document(service, run_id)
            text = await off_loop("pages", partial(transcript, made.document))
            return answered(text, "text/markdown")

        return await self._with_service(told, in_json=False)

    async def _file(self, request: WebRequest) -> Response:
        async def file(service: RunService) -> Response:
            run_id = _checked(request.path_params["run_id"])
            made = await self._documents.document(service, run_id)
            html = await off_loop("pages", partial(_as_file, made.json))
            name = [("content-disposition", f'attachment; filename="atlas-run-{run_id}.html"')]
            return answered(html, "text/html", policy=FILE, extra=name)

        return await self._with_service(file, in_json=False)

    async def _act(self, request: WebRequest) -> Response:
        action = ACTIONS.get(request.path_params["action"])
        if action is None:
            return failed("There is no such action", 404, in_json=True)
        if self._acting >= MOST_ACTIONS:
            return failed("Too many actions are under way; try again", 503, in_json=True)
        self._acting += 1
        try:
            acting = partial(_carried_out, action, request, self._promises)
            return await self._with_service(acting, in_json=True)
        finally:
            self._acting -= 1
            if not self._acting:
                bell, self._idle = self._idle, anyio.Event()
                bell.set()

    async def _with_service(
        self, work: Callable[[RunService], Awaitable[Response]], *, in_json: bool
    ) -> Response:
        """Return the answer that `work` gives, or one that says why there is none."""
        try:
            service = await self._service_source()
        except AtlasError as error:
            return failed(str(error), 503, in_json=in_json)
        try:
            return await work(service)
        except Exception as error:  # noqa: BLE001 - the boundary at which errors become answers
            return error_answer(error, in_json=in_json)


async def _carried_out(
    action: Action, request: WebRequest, promises: Promises, service: RunService
) -> Response:
    run_id = _checked(request.path_params["run_id"])
    fields = await read_body(request.receive, action.fields)
    # A run that does not exist is told of before anything else is.
    await service.state(run_id)
    outcome = await action.carry_out(Acted(service, promises, run_id, fields))
    return as_json({"ok": True, "run_id": run_id, **outcome})


async def _known(service: RunService, run_id: str) -> str:
    """Return the id of a run that there is.

    Raises:
        UnknownRun: There is none.
    """
    await service.state(_checked(run_id))
    return run_id


def _checked(run_id: str) -> str:
    """Return an id, if a run can have it.

    Raises:
        UnknownRun: No run can.
    """
    if _RUN_ID.fullmatch(run_id) is None:
        raise UnknownRun(ascii(run_id[:80]))
    return run_id


def _number(request: WebRequest, name: str) -> int:
    """Return a whole number of the query; 0 where it is not there.

    Raises:
        InvalidInput: It is none.
    """
    given = request.query_params.get(name) or "0"
    if not (given.isascii() and given.isdigit() and len(given) <= LONGEST_NUMBER):
        raise InvalidInput(name, "takes a whole number from 0")
    return int(given)


def _truth(request: WebRequest, name: str) -> bool | None:
    """Return a truth value of the query; `None` where it is not there."""
    return {"true": True, "false": False}.get(request.query_params.get(name, ""))


def _as_file(document: bytes) -> str:
    import json

    data: dict[str, Any] = json.loads(document)
    return page_html({"mode": "file"}, data)


async def _not_found(request: WebRequest, error: Exception) -> Response:
    in_json = request.url.path.startswith("/api/")
    return failed("There is nothing at this address; the runs are at /runs", 404, in_json=in_json)
