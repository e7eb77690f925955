"""Digests of requests: equal ones are identical requests of one principal.

Pure but for the thread in which a long request is read. A digest holds all that a request asks for:
the problem with its schema and its pictures, and the settings as they were resolved, so that a
change of the configuration makes another request of the same arguments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, cast

from atlas_mcp.off_loop import off_loop
from atlas_mcp.runs.engine import ExploreFurther, OpenRun

if TYPE_CHECKING:
    from atlas_mcp.atlas.messages import Image
    from atlas_mcp.atlas.problem import Problem

PRINCIPAL = "home"
"""The principal of every request. Without authentication one home is one principal, whichever
server asks, and whatever keys that server has: who reads the home reads every run in it."""

QUICK_CHARS = 50_000
"""Characters of a problem that is read on the event loop."""


async def digest_of(submission: OpenRun | ExploreFurther, run_id: str | None = None) -> str:
    """Return the digest of a request.

    Args:
        submission: The run that it asks for, or the explores.
        run_id: The run to which the explores are added; `None` where a run is opened.
    """
    problem = submission.problem
    if problem is None or _is_short(problem):
        return digest(submission, run_id)
    return await off_loop("schemas", partial(digest, submission, run_id))


def digest(submission: OpenRun | ExploreFurther, run_id: str | None = None) -> str:
    """Return the digest of a request, which may take some milliseconds: see `digest_of`."""
    problem = submission.problem
    pictures = [] if problem is None else [_picture(image) for image in problem.images]
    if problem is not None:
        submission = replace(submission, problem=replace(problem, images=()))
    asked = submission.events if isinstance(submission, OpenRun) else submission
    parts = [PRINCIPAL, run_id, asked, pictures]
    return sha256(json.dumps(parts, sort_keys=True, default=_as_json).encode()).hexdigest()


def _is_short(problem: Problem) -> bool:
    plain = problem.answer_schema is None and not problem.images
    return plain and len(problem.text) <= QUICK_CHARS


def _picture(image: Image) -> list[str | None]:
    data = None if image.data is None else sha256(image.data.encode()).hexdigest()
    return [image.media_type, data, image.url]


def _as_json(value: object) -> object:
    """Return a value that JSON does not have as one that it has.

    Raises:
        TypeError: A request holds a value of a kind that is not known here: a bug.
    """
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    if isinstance(value, Decimal):
        # The same amount may be written with more zeros.
        return str(value.normalize())
    raise TypeError(f"a request cannot be compared by its {type(value).__name__}")
