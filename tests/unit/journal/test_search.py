"""The part of the seam that finds runs again: what its checks in the suite do not show."""

from __future__ import annotations

from atlas_mcp.journal.search import FoundRuns


def test_a_search_is_by_an_index_and_complete_unless_it_says_otherwise() -> None:
    found = FoundRuns("primes", 50, 0, (), 0)

    assert (found.plain, found.unread) == (False, 0)
