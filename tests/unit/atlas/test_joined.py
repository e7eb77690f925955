"""Sets with a number in common are one set, in whatever order they come."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from atlas_mcp.atlas.joined import joined_sets


@pytest.mark.parametrize(
    ("sets", "joined"),
    [
        ((), ()),
        (((),), ()),
        (((1, 2), (3, 4)), ({1, 2}, {3, 4})),
        (((3, 4), (1, 2), (4, 1)), ({1, 2, 3, 4},)),
        (((5,), (2, 3), (3, 5), (9, 8)), ({2, 3, 5}, {8, 9})),
    ],
)
def test_sets_with_a_number_in_common_are_one(
    sets: Sequence[Sequence[int]], joined: Sequence[set[int]]
) -> None:
    assert joined_sets(sets) == tuple(joined)
