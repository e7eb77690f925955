"""Which cases of a test run every day, and which only in CI, with the mark `slow`.

A test of both event loops runs on one of them every day, which depends on its name. Of a test with
the mark `every_day(N)`, N cases run every day, spread evenly, and none where N is 0. A test file
that is named on the command line runs with all its cases.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

LOOP = "anyio_backend"

EVERY_DAY = "not weights and not e2e and not slow"
"""The marks that a run without `-m` selects: see `addopts` in `pyproject.toml`."""

EVERY_CASE = "not weights and not e2e"

Case: TypeAlias = tuple[str, dict[str, int]]
"""The name of a test, and which of its values each parameter has, counted from 0."""


def are_files(names: Iterable[str]) -> bool:
    """Return whether a command line names single files or tests."""
    return all(Path(name.partition("::")[0]).is_file() for name in names)


def not_every_day(cases: Sequence[Case], limits: dict[str, int]) -> set[int]:
    """Return the places of the cases that do not run every day; `limits` are of tests by name."""
    on_loops: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, (name, parameters) in enumerate(cases):
        others = {key: value for key, value in parameters.items() if key != LOOP}
        on_loops[name, str(others)].append(place)
    kept: dict[str, list[int]] = defaultdict(list)
    for (name, which), places in on_loops.items():
        # The same choice in every process, unlike that of `hash`.
        chosen = zlib.crc32(f"{name} {which}".encode()) % len(places)
        kept[name].append(places[chosen])
    for name, limit in limits.items():
        count = len(kept[name])
        if count > limit:
            kept[name] = [kept[name][place * count // limit] for place in range(limit)]
    return set(range(len(cases))) - {place for places in kept.values() for place in places}


def mark_slow(items: Sequence[pytest.Item]) -> None:
    """Mark the cases that do not run every day."""
    cases: list[Case] = []
    limits: dict[str, int] = {}
    for item in items:
        name = item.nodeid.partition("[")[0]
        call = getattr(item, "callspec", None)
        cases.append((name, dict(call.indices) if call is not None else {}))
        if limit := item.get_closest_marker("every_day"):
            limits[name] = int(limit.args[0])
    for place in not_every_day(cases, limits):
        items[place].add_marker(pytest.mark.slow)
