"""The new explores of a poll: those that ended since its caller was last told of the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from atlas_mcp.atlas.run_facts import ExploreState

POLLED = 4
"""Explores that one poll shows; later ones are shown by the next poll."""


class News(NamedTuple):
    """The new explores of a poll.

    Attributes:
        explores: Their numbers.
        since: The last record that the caller knows of once it has been shown them.
    """

    explores: frozenset[int]
    since: int


def new_explores(ended: Sequence[ExploreState], since: int) -> News:
    """Return the explores that a poll shows.

    Args:
        ended: The explores that have ended, in that order.
        since: The last record that the caller knows of; 0 for none.
    """
    later = [one for one in ended if (one.ended_seq or 0) > since][:POLLED]
    last = later[-1].ended_seq or 0 if later else since
    return News(frozenset(one.id for one in later), last)
