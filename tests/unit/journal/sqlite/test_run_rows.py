"""Which runs have expired, by their rows alone."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_mcp.journal.sqlite.run_rows import expired
from atlas_mcp.journal.sqlite.tables import migrate

NOW = 1_000_000.0


@dataclass(frozen=True)
class Row:
    """A run as it stands in the journal; `lease` is what is left of it, in seconds."""

    updated_at: int
    size: int
    owner: str | None
    lease: int

    @property
    def driven(self) -> bool:
        return self.owner is not None and self.lease > 0


ROWS = st.lists(
    st.builds(
        Row,
        updated_at=st.integers(0, 20),
        size=st.integers(0, 10),
        owner=st.sampled_from([None, "one", "two"]),
        lease=st.integers(-2, 2),
    ),
    max_size=12,
)


def expired_by_hand(
    rows: list[Row], idle_since: float | None, size_bytes: float | None
) -> list[int]:
    """Say the same in Python: count through the runs in the order in which they are kept."""
    order = sorted(
        range(len(rows)), key=lambda i: (not rows[i].driven, -rows[i].updated_at, f"{i:02}")
    )
    gone: list[int] = []
    total = 0
    for i in order:
        total += rows[i].size
        too_old = idle_since is not None and rows[i].updated_at < idle_since
        too_much = size_bytes is not None and total > size_bytes
        if not rows[i].driven and (too_old or too_much):
            gone.append(i)
    return gone[::-1]


@settings(deadline=None)
@given(
    rows=ROWS,
    idle_since=st.none() | st.integers(0, 21),
    size_bytes=st.none() | st.integers(0, 60) | st.just(math.inf),
)
def test_the_longest_idle_go_until_the_rest_is_within_the_limits(
    rows: list[Row], idle_since: int | None, size_bytes: float | None
) -> None:
    found = found_expired(rows, idle_since, size_bytes)

    assert found == expired_by_hand(rows, idle_since, size_bytes)
    assert not any(rows[i].driven for i in found)
    left = [row for i, row in enumerate(rows) if i not in found and not row.driven]
    assert all(idle_since is None or row.updated_at >= idle_since for row in left)
    driven = sum(row.size for row in rows if row.driven)
    assert size_bytes is None or sum(row.size for row in left) <= max(0, size_bytes - driven)


def found_expired(rows: list[Row], idle_since: float | None, size_bytes: float | None) -> list[int]:
    """Return the numbers of the rows that the journal finds outside the limits."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, Path(":memory:"))
    connection.executemany(
        "INSERT INTO runs (run_id, opened_at, updated_at, status, workflow, title, owner, fence, "
        "lease_until, size_bytes) VALUES (?,0,?,'answered','atlas','',?,1,?,?)",
        [
            (f"{i:02}", row.updated_at, row.owner, NOW + row.lease, row.size)
            for i, row in enumerate(rows)
        ],
    )
    found = expired(
        connection,
        idle_since=idle_since,
        size_bytes=size_bytes,
        now=NOW,
        is_live=lambda owner, until: owner is not None and until > NOW,
    )
    connection.close()
    return [int(run.run_id) for run in found]
