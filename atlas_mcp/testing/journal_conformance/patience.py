"""Checks of `Patience`: each client's last cancellations are kept, for every process."""

from __future__ import annotations

from atlas_mcp.testing.journal_conformance import Check, Stand, checks_of, opened


async def check_73_cancellations_are_kept_by_client_newest_first(stand: Stand) -> None:
    """Another process reads them."""
    async with opened(stand) as one, opened(stand) as other:
        await one.note_cut("client", 5.0)
        await other.note_cut("else", 60.0)
        stand.pass_time(1.0)
        await other.note_cut("client", 5.5)

        assert await one.cuts("client", since=0.0) == (5.5, 5.0)
        assert await one.cuts("else", since=0.0) == (60.0,)
        assert await one.cuts("unknown", since=0.0) == ()


async def check_74_earlier_cancellations_are_left_out(stand: Stand) -> None:
    """Those at the time itself are not."""
    async with opened(stand) as journal:
        await journal.announce_driver(1, "")
        (entry,) = await journal.drivers()
        await journal.note_cut("client", 1.0)
        stand.pass_time(10.0)
        await journal.note_cut("client", 2.0)

        assert await journal.cuts("client", since=entry.started_at + 10.0) == (2.0,)
        assert await journal.cuts("client", since=entry.started_at + 10.5) == ()


async def check_75_ten_cancellations_of_a_client_are_kept(stand: Stand) -> None:
    """The oldest goes first."""
    async with opened(stand) as journal:
        for number in range(12):
            await journal.note_cut("client", float(number))
            stand.pass_time(1.0)

        kept = await journal.cuts("client", since=0.0)
        assert kept == tuple(float(number) for number in range(11, 1, -1))


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
