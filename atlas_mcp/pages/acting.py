"""What a browser does: actions on runs, each asked for by a page of this process.

An action is carried out to its end, also if its browser goes meanwhile.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio
from starlette.routing import Route

from atlas_mcp.pages.actions import ACTIONS, Action, ActionRequest
from atlas_mcp.pages.addresses import ACTION
from atlas_mcp.pages.answers import as_json, failed
from atlas_mcp.pages.bodies import read_body
from atlas_mcp.pages.requests import ServiceSource, run_of, with_service

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from atlas_mcp.pages.promises import Promises
    from atlas_mcp.runs.service import RunService

MOST_ACTIONS = 32
"""Actions that are carried out at a time."""


class Acting:
    """The addresses at which a browser does something.

    Args:
        source: Gives the service.
        promises: Notes that runs go on for a page.
    """

    def __init__(self, source: ServiceSource, promises: Promises) -> None:
        self._source = source
        self._promises = promises
        self._under_way = 0
        self._idle = anyio.Event()

    @property
    def routes(self) -> list[Route]:
        """The addresses."""
        return [Route(ACTION, self._act, methods=["POST"])]

    async def done(self) -> None:
        """Return once no action is under way."""
        while self._under_way:
            await self._idle.wait()

    async def _act(self, request: Request) -> Response:
        action = ACTIONS.get(request.path_params["action"])
        if action is None:
            return failed("There is no such action", 404, in_json=True)
        if self._under_way >= MOST_ACTIONS:
            return failed("Too many actions are under way; try again", 503, in_json=True)
        self._under_way += 1
        try:
            work = partial(self._carry_out, action, request)
            return await with_service(self._source, work, in_json=True)
        finally:
            self._under_way -= 1
            if not self._under_way:
                bell, self._idle = self._idle, anyio.Event()
                bell.set()

    async def _carry_out(self, action: Action, request: Request, service: RunService) -> Response:
        run_id = run_of(request)
        fields = await read_body(request.receive, action.fields)
        # A run that does not exist is told of before anything else is.
        await service.state(run_id)
        outcome = await action.carry_out(ActionRequest(service, self._promises, run_id, fields))
        return as_json({"ok": True, "run_id": run_id, **outcome})
