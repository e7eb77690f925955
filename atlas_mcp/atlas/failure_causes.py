"""The causes of failed explores, each once: explores that run side by side fail of the same one.

Compares failures; the sentences about them are made elsewhere. Older records have the model, the id
of the call and the reason to give up in one message, which is taken apart here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from atlas_mcp.atlas.explore import SolverFailure

_REQUEST_ID = re.compile(r" \(request [^()]*\)$")
"""The id of a call, behind a message of an older record."""

_MODEL = re.compile(r"^`([^`]*)`: ")
"""The model of a call, before a message of an older record."""

_GIVEN_UP = re.compile(
    r"(?<=: )it failed [0-9]+ times in a row .*?; the last time: "
    r"|; (?:gave up after|not tried again:).*$"
)
"""The reason why a call was not made again, before or behind a message of an older record."""


class _Cause(NamedTuple):
    kind: str
    model: str
    message: str


def causes(failures: Iterable[tuple[int, SolverFailure]]) -> dict[SolverFailure, list[int]]:
    """Return each cause with the numbers of the explores that failed of it, in their order."""
    found: dict[_Cause, tuple[SolverFailure, list[int]]] = {}
    for number, failure in failures:
        found.setdefault(_cause(failure), (failure, []))[1].append(number)
    return dict(found.values())


def without_call(failure: SolverFailure) -> str:
    """Return the cause of a failure without the model, the number and the ids of its calls."""
    return _cause(failure).message


def _cause(failure: SolverFailure) -> _Cause:
    if failure.model:
        return _Cause(failure.kind, failure.model, failure.message)
    message = _REQUEST_ID.sub("", _GIVEN_UP.sub("", failure.message))
    model = _MODEL.match(message)
    return _Cause(failure.kind, model[1] if model else "", _MODEL.sub("", message))
