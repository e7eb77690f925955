"""Sets with a number in common, made one: what is the same as the same is the same."""

from __future__ import annotations

from collections.abc import Iterable


def joined_sets(sets: Iterable[Iterable[int]]) -> tuple[frozenset[int], ...]:
    """Return sets, those that have a number in common joined, in the order of their least."""
    found: list[frozenset[int]] = []
    for one in sets:
        joined = frozenset(one)
        apart = [other for other in found if joined.isdisjoint(other)]
        found = [*apart, joined.union(*(other for other in found if other not in apart))]
    return tuple(sorted(filter(None, found), key=min))
