"""What solvers failed of, each cause once: explores that run side by side fail of the same one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from atlas_mcp.atlas.explore import SolverFailure
from atlas_mcp.texts import quoted

_REQUEST_ID = re.compile(r" \(request [^()]*\)$")
"""The id of a call, which `ModelError` writes behind its message: another one for each call."""

_MODEL = re.compile(r"^`[^`]*`: ")
"""The model of a call, which `ModelError` writes before its message."""

_ATTEMPTS = re.compile(
    r"(?<=: )it failed [0-9]+ times in a row .*?; the last time: "
    r"|; (?:gave up after|not tried again:).*$"
)
"""What models are not asked again for, which is told before a cause or behind it."""

MAX_LISTED = 6
"""Numbers of explores that are named with a cause; of more, how many there are."""


def causes(failures: Iterable[tuple[int, SolverFailure]]) -> dict[SolverFailure, list[int]]:
    """Return each cause with the numbers of the explores that failed of it, in their order."""
    found: dict[tuple[str, str], tuple[SolverFailure, list[int]]] = {}
    for number, failure in failures:
        key = (failure.kind, _cause(failure))
        found.setdefault(key, (failure, []))[1].append(number)
    return dict(found.values())


def failure_warnings(
    failures: Iterable[tuple[int, SolverFailure]], *, told: str = ""
) -> tuple[str, ...]:
    """Return a sentence for each cause that failed explores; that they were stopped is none.

    Args:
        failures: The explores that failed, by number.
        told: What the reader is told anyway; causes that stand in it are left out.
    """
    return tuple(
        f"{_counted(numbers)} failed ({failure.kind}): {quoted(failure.message)}"
        for failure, numbers in causes(failures).items()
        if failure.kind != "cancelled" and _MODEL.sub("", _cause(failure)) not in told
    )


def _cause(failure: SolverFailure) -> str:
    return _REQUEST_ID.sub("", _ATTEMPTS.sub("", failure.message))


def _counted(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"Explore {numbers[0]}"
    named = "" if len(numbers) > MAX_LISTED else f" ({', '.join(map(str, numbers))})"
    return f"{len(numbers)} explores{named}"
