"""Checks of `Drivers`: the processes that drive runs for servers are known while they live."""

from __future__ import annotations

from atlas_mcp.testing.journal_conformance import (
    Check,
    Stand,
    checks_of,
    first_record,
    opened,
)


async def check_70_drivers_are_known_to_every_process_while_they_live(stand: Stand) -> None:
    """They are listed oldest first; one that is gone is not."""
    async with opened(stand) as journal, opened(stand) as driver:
        assert await journal.drivers() == ()
        await driver.announce_driver(7, "1.0")
        stand.pass_time(1.0)
        async with opened(stand) as gone:
            await gone.announce_driver(8, "1.1")
            both = await journal.drivers()
            assert both == await gone.drivers()

        assert [(one.pid, one.version, one.alone_since) for one in both] == [
            (7, "1.0", None),
            (8, "1.1", None),
        ]
        assert both[0].started_at == both[1].started_at - 1.0
        assert await journal.drivers() == both[:1]


async def check_71_a_driver_is_alone_from_the_first_note_on(stand: Stand) -> None:
    """A process that is no driver has no server to lose."""
    async with opened(stand) as driver, opened(stand) as other:
        await driver.announce_driver(7, "1.0")
        stand.pass_time(5.0)
        await driver.note_alone()
        await other.note_alone()
        (alone,) = await other.drivers()
        stand.pass_time(5.0)
        await driver.note_alone()

        assert alone.alone_since == alone.started_at + 5.0
        assert await other.drivers() == (alone,)


async def check_72_a_driver_has_the_name_under_which_it_holds_leases(stand: Stand) -> None:
    """So its runs are found in the list."""
    async with opened(stand) as driver, opened(stand) as other:
        await driver.announce_driver(7, "1.0")
        lease = await driver.open_run("r", first_record())
        await other.open_run("s", first_record())
        (entry,) = await other.drivers()

        owners = {run.run_id: run.owner for run in await other.list_runs()}
        assert owners["r"] == entry.owner != owners["s"]
        await driver.release(lease)
        assert {run.run_id: run.owner for run in await other.list_runs()}["r"] is None


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
