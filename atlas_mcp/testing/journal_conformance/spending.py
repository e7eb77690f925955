"""Checks of `Spending`: amounts add up over runs and days, and never pass a cap."""

from __future__ import annotations

from decimal import Decimal

import anyio

from atlas_mcp.testing.journal_conformance import Check, Stand, checks_of, opened

TODAY, YESTERDAY = "2026-11-28", "2026-11-27"


async def check_46_amounts_add_up_for_each_day_and_each_run(stand: Stand) -> None:
    """Every process that shares the store sees the same sums."""
    async with opened(stand) as one, opened(stand) as two:
        for run_id, day, usd in (("a", TODAY, 1), ("b", TODAY, 2), ("a", YESTERDAY, 4)):
            refused = await one.reserve_spending(run_id, day=day, usd=Decimal(usd), cap=None)
            assert refused is None

        assert await two.spending(TODAY) == 3
        assert await two.spending(YESTERDAY) == 4
        assert await two.spending("2026-11-26") == 0
        assert (await two.spending_of("a"), await two.spending_of("c")) == (5, 0)


async def check_47_an_amount_over_the_cap_is_refused_and_changes_nothing(stand: Stand) -> None:
    """The refusal has the US dollars that are left. Amounts may reach the cap itself."""
    async with opened(stand) as journal:
        cap = Decimal(5)
        await journal.reserve_spending("a", day=TODAY, usd=Decimal("4.5"), cap=cap)

        left = await journal.reserve_spending("b", day=TODAY, usd=Decimal("0.6"), cap=cap)
        assert left == Decimal("0.5")
        assert await journal.spending(TODAY) == Decimal("4.5")
        assert await journal.reserve_spending("b", day=TODAY, usd=Decimal("0.5"), cap=cap) is None
        assert await journal.spending(TODAY) == cap


async def check_48_an_amount_that_is_given_back_is_free_again(stand: Stand) -> None:
    """Dollars return to the newest day first, and never more than the run has committed."""
    async with opened(stand) as journal:
        for day in (YESTERDAY, TODAY):
            await journal.reserve_spending("a", day=day, usd=Decimal(2), cap=None)
        await journal.reserve_spending("b", day=TODAY, usd=Decimal(1), cap=None)

        await journal.release_spending("a", day=None, usd=Decimal(3))
        assert await journal.spending(TODAY) == await journal.spending(YESTERDAY) == 1
        await journal.release_spending("a", day=TODAY, usd=Decimal(9))
        assert await journal.spending(TODAY) == 1
        await journal.release_spending("a", day=YESTERDAY, usd=Decimal(9))
        assert (await journal.spending_of("a"), await journal.spending_of("b")) == (0, 1)


async def check_49_no_number_of_processes_at_once_passes_the_cap(stand: Stand) -> None:
    """Each process checks and reserves in one step."""
    async with opened(stand) as one, opened(stand) as two:
        refused: list[bool] = []

        async def reserve(number: int) -> None:
            journal = (one, two)[number % 2]
            left = await journal.reserve_spending(
                f"r{number}", day=TODAY, usd=Decimal("0.4"), cap=Decimal(2)
            )
            refused.append(left is not None)

        async with anyio.create_task_group() as tasks:
            for number in range(12):
                tasks.start_soon(reserve, number)

        assert refused.count(False) == 5
        assert await one.spending(TODAY) == 2


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
