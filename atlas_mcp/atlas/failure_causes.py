"""The causes of failed explores, each once: explores that run side by side fail of the same one.

Compares messages of failures; the sentences about them are made elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from atlas_mcp.atlas.explore import SolverFailure

_REQUEST_ID = re.compile(r" \(request [^()]*\)$")
"""The id of a call: `ModelError` writes it behind its message."""

_MODEL = re.compile(r"^`[^`]*`: ")
"""The model of a call: `ModelError` writes it before its message."""

_ATTEMPTS = re.compile(
    r"(?<=: )it failed [0-9]+ times in a row .*?; the last time: "
    r"|; (?:gave up after|not tried again:).*$"
)
"""The reason why a call was not tried again; it stands before a cause or behind it."""


def causes(failures: Iterable[tuple[int, SolverFailure]]) -> dict[SolverFailure, list[int]]:
    """Return each cause with the numbers of the explores that failed of it, in their order."""
    found: dict[tuple[str, str], tuple[SolverFailure, list[int]]] = {}
    for number, failure in failures:
        key = (failure.kind, _cause(failure))
        found.setdefault(key, (failure, []))[1].append(number)
    return dict(found.values())


def without_call(failure: SolverFailure) -> str:
    """Return the cause of a failure without the model, the number and the ids of its calls."""
    return _MODEL.sub("", _cause(failure))


def _cause(failure: SolverFailure) -> str:
    return _REQUEST_ID.sub("", _ATTEMPTS.sub("", failure.message))
