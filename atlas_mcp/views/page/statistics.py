"""The document of the statistics of a home, from the digests of its runs added up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal

from atlas_mcp.atlas.digest import Tried
from atlas_mcp.journal.search import Statistics
from atlas_mcp.texts import counted, one_line
from atlas_mcp.views.page.endings import state_text
from atlas_mcp.views.page.lists import MonthSpending, OutcomeCount, StatsDocument, WinningShare

_Z = 1.959963984540054
"""The quantile of the normal distribution for an interval of 95 %."""

REMOVED = "Runs that were removed are in none of these figures."
"""Said of every statistics: they follow the removal of runs."""


def stats_document(found: Statistics, now: float) -> StatsDocument:
    """Return the document of statistics.

    Args:
        found: The digests of all runs, added up.
        now: Unix seconds.
    """
    answered = found.answered
    return StatsDocument(
        at=now,
        since=found.since,
        runs=found.runs,
        unindexed=found.unread,
        note=" ".join(_notes(found)),
        cost_usd=sum((one.spent.cost_usd for one in found.spent), Decimal(0)),
        unpriced_runs=found.unpriced_runs,
        answered=answered,
        mean_cost_usd=found.priced_usd / found.priced if found.priced else None,
        mean_cost_of=found.priced,
        mean_explores=round(found.answered_explores / answered, 2) if answered else None,
        outcomes=[
            OutcomeCount(
                status=end.status,
                stop_reason=end.stop_reason,
                state=state_text(end.status, end.stop_reason),
                runs=end.runs,
            )
            for end in found.ends
        ],
        months=[
            MonthSpending(
                month=one.spent.month,
                model=one_line(one.spent.model) or "unknown",
                role=one.spent.role,
                runs=one.runs,
                requests=one.spent.requests,
                input_tokens=one.spent.input_tokens,
                output_tokens=one.spent.output_tokens,
                cost_usd=one.spent.cost_usd,
                unpriced_calls=one.spent.unpriced,
            )
            for one in found.spent
        ],
        solvers=shares(found.tried, lambda one: one.solver),
        strategies=shares(found.tried, lambda one: one.strategy),
        efforts=shares(found.tried, lambda one: one.effort),
    )


def shares(tried: Iterable[Tried], name: Callable[[Tried], str]) -> list[WinningShare]:
    """Return the shares of explores that ended on the winning side, the most tried first.

    Args:
        tried: The explores.
        name: Returns the name under which some of them are added up.
    """
    groups: dict[str, list[Tried]] = {}
    for one in tried:
        groups.setdefault(one_line(name(one)), []).append(one)
    found = [_share(title, rows) for title, rows in groups.items()]
    return sorted(found, key=lambda one: (-one.explores, one.name))


def interval(won: int, judged: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, by Wilson's formula, which holds for few trials too."""
    if not judged:
        return 0.0, 1.0
    share, z2 = won / judged, _Z * _Z
    middle = share + z2 / (2 * judged)
    half = _Z * math.sqrt(share * (1 - share) / judged + z2 / (4 * judged * judged))
    whole = 1 + z2 / judged
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def _share(name: str, rows: list[Tried]) -> WinningShare:
    judged, won = sum(row.judged for row in rows), sum(row.won for row in rows)
    low, high = interval(won, judged)
    return WinningShare(
        name=name,
        explores=sum(row.explores for row in rows),
        failed=sum(row.failed for row in rows),
        judged=judged,
        won=won,
        share=round(won / judged, 4) if judged else None,
        low=round(low, 4) if judged else None,
        high=round(high, 4) if judged else None,
        cost_usd=sum((row.cost_usd for row in rows), Decimal(0)),
        unpriced=sum(row.unpriced for row in rows),
    )


def _notes(found: Statistics) -> list[str]:
    notes = [REMOVED]
    if found.unread:
        runs = counted(found.unread, "run")
        notes.append(f"{runs} {'was' if found.unread == 1 else 'were'} not read yet; ask again.")
    return notes
