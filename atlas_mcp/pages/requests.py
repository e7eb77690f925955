"""What a request asks for: the service, a run, numbers of its query. And the answer if it cannot.

An id is one that runs can have, so that it is never a path, and may stand in the name of a file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from atlas_mcp.errors import AtlasError, InvalidInput, UnknownRun
from atlas_mcp.pages.answers import error_answer, failed
from atlas_mcp.runs.run_ids import RUN_ID

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from atlas_mcp.runs.service import RunService

ServiceSource: TypeAlias = "Callable[[], Awaitable[RunService]]"
"""Gives the open service; refuses with an `AtlasError` where there is none."""

Work: TypeAlias = "Callable[[RunService], Awaitable[Response]]"
"""Answers a request with the service."""

LONGEST_NUMBER = 9
"""Digits of a number in a query."""


async def with_service(source: ServiceSource, work: Work, *, in_json: bool) -> Response:
    """Return the answer that `work` gives, or one that says why there is none.

    Args:
        source: Gives the service.
        work: Answers the request.
        in_json: Whether a script reads the answer, not a person.
    """
    try:
        service = await source()
    except AtlasError as error:
        return failed(str(error), 503, in_json=in_json)
    try:
        return await work(service)
    except Exception as error:  # noqa: BLE001 - the boundary at which errors become answers
        return error_answer(error, in_json=in_json)


def run_of(request: Request, name: str = "run_id") -> str:
    """Return the id in the path of a request, if a run can have it.

    Raises:
        UnknownRun: No run can.
    """
    run_id: str = request.path_params[name]
    if RUN_ID.fullmatch(run_id) is None:
        raise UnknownRun(ascii(run_id[:80]))
    return run_id


def number_of(request: Request, name: str, *, default: int = 0) -> int:
    """Return a whole number of the query.

    Raises:
        InvalidInput: It is none.
    """
    given = request.query_params.get(name) or str(default)
    if not (given.isascii() and given.isdigit() and len(given) <= LONGEST_NUMBER):
        raise InvalidInput(name, "takes a whole number from 0")
    return int(given)


def truth_of(request: Request, name: str) -> bool | None:
    """Return a truth value of the query; `None` where it is not there."""
    return {"true": True, "false": False}.get(request.query_params.get(name, ""))
