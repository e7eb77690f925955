"""The money that a home has committed today, beside its cap."""

from __future__ import annotations

from decimal import Decimal

from atlas_mcp.runs.clock import today
from atlas_mcp.runs.day_spending import DaySpending
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore


async def journal_with(usd: str) -> MemoryJournal:
    journal = MemoryJournal(MemoryStore())
    await journal.reserve_spending("r", day=today(), usd=Decimal(usd), cap=None)
    return journal


async def test_the_rest_of_the_cap_is_left_and_never_less_than_nothing() -> None:
    journal = await journal_with("3")

    assert await DaySpending(journal, Decimal(5)).left() == Decimal(2)
    assert await DaySpending(journal, Decimal(1)).left() == Decimal(0)
    assert "$3.00 of the $5.00" in (await DaySpending(journal, Decimal(5)).text() or "")


async def test_without_a_cap_there_is_no_rest_and_nothing_to_say() -> None:
    day = DaySpending(await journal_with("3"), None)

    assert (await day.left(), await day.text()) == (None, None)
    assert await day.committed() == Decimal(3)
