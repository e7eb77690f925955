"""Checks of `Leases`: one process drives a run, and requests of others reach that process."""

from __future__ import annotations

import anyio

from atlas_mcp.errors import JournalBusy, UnknownRun
from atlas_mcp.journal.base import Journal, LiveRequest
from atlas_mcp.testing.journal_conformance import (
    Check,
    Stand,
    checks_of,
    first_record,
    later_record,
    opened,
    remove,
)
from atlas_mcp.testing.outcomes import error_of


async def check_04_an_unknown_run_is_told_by_its_id(stand: Stand) -> None:
    """The error of a read, a claim or a question for the driver names the id."""
    async with opened(stand) as journal:
        for ask in (journal.read, journal.claim, journal.is_driven):
            error = await error_of(ask("nobody"))
            assert isinstance(error, UnknownRun), error
            assert "nobody" in str(error)
            for strange in ("", "a\0b", "\ud800", "x" * 5_000):
                error = await error_of(ask(strange))
                assert isinstance(error, UnknownRun), error


async def check_06_a_driven_run_cannot_be_claimed(stand: Stand) -> None:
    """Another process cannot claim it, and its driver cannot claim it again."""
    async with opened(stand) as driver, opened(stand) as other:
        await driver.open_run("r", first_record())

        assert await driver.is_driven("r")
        assert await other.is_driven("r")
        assert isinstance(await error_of(other.claim("r")), JournalBusy)
        assert isinstance(await error_of(driver.claim("r")), JournalBusy)


async def check_07_a_released_run_can_be_claimed_under_a_higher_fence(stand: Stand) -> None:
    """After a release, the next process that asks gets the run."""
    async with opened(stand) as driver, opened(stand) as other:
        lease = await driver.open_run("r", first_record())
        await driver.release(lease)
        assert not await other.is_driven("r")

        taken = await other.claim("r")

        assert taken.fence > lease.fence
        await other.append(taken, [later_record(2)])


async def check_09_who_lost_a_run_takes_nothing_from_its_successor(stand: Stand) -> None:
    """Renewing, releasing and closing with an old lease leave the new one alone."""
    async with opened(stand) as successor:
        async with opened(stand) as sleeper:
            lease = await sleeper.open_run("r", first_record())
            stand.pass_time(stand.lease_seconds + 1)
            taken = await successor.claim("r")
            await sleeper.renew()
            await sleeper.release(lease)
        assert await successor.is_driven("r")
        await successor.append(taken, [later_record(2)])
        stand.pass_time(stand.lease_seconds + 1)

        assert not await successor.is_driven("r")


async def check_10_a_renewed_lease_lasts(stand: Stand) -> None:
    """Renewals in time keep all leases of a process."""
    async with opened(stand) as driver, opened(stand) as other:
        for run_id in ("a", "b"):
            await driver.open_run(run_id, first_record())
        for _ in range(3):
            stand.pass_time(stand.lease_seconds * 0.9)
            await driver.renew()

        for run_id in ("a", "b"):
            assert isinstance(await error_of(other.claim(run_id)), JournalBusy)


async def check_11_closing_gives_leases_back(stand: Stand) -> None:
    """A process that ends in order leaves no run that looks driven."""
    async with opened(stand) as driver:
        await driver.open_run("r", first_record())
    async with opened(stand) as other:
        assert not await other.is_driven("r")
        await other.claim("r")


async def check_12_two_claims_at_once_give_one_lease(stand: Stand) -> None:
    """The second claim is refused, since the run is driven."""
    async with opened(stand) as opener:
        await opener.open_run("r", first_record())
    async with opened(stand) as one, opened(stand) as two:
        errors: list[Exception | None] = []

        async def claim(journal: Journal) -> None:
            errors.append(await error_of(journal.claim("r")))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(claim, one)
            tasks.start_soon(claim, two)

        assert sorted(type(error).__name__ for error in errors) == ["JournalBusy", "NoneType"]


async def check_22_renewing_tells_which_leases_are_lost_and_keeps_the_others(stand: Stand) -> None:
    """Claims of other processes and removals end leases; each lost lease is told once."""
    async with opened(stand) as sleeper, opened(stand) as other:
        claimed = await sleeper.open_run("claimed", first_record())
        removed = await sleeper.open_run("removed", first_record())
        await sleeper.open_run("kept", first_record())
        stand.pass_time(stand.lease_seconds + 1)
        await other.claim("claimed")
        await remove(other, "removed")

        lost = await sleeper.renew()

        assert set(lost) == {claimed, removed}
        assert await sleeper.renew() == ()
        assert await other.is_driven("kept")


async def check_23_a_lease_that_was_given_back_is_not_renewed(stand: Stand) -> None:
    """It is not reported as lost either: its process has given it back itself."""
    async with opened(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.release(lease)

        assert await journal.renew() == ()
        assert not await journal.is_driven("r")


async def check_24_giving_back_an_old_lease_leaves_the_new_one(stand: Stand) -> None:
    """This holds for two leases of one process too, and for a run that has been removed."""
    async with opened(stand) as journal:
        old = await journal.open_run("r", first_record())
        await journal.release(old)
        new = await journal.claim("r")
        await journal.release(old)

        assert await journal.is_driven("r")
        await journal.append(new, [later_record(2)])
        assert await journal.renew() == ()
        await journal.release(new)
        await remove(journal, "r")
        await journal.release(new)


async def check_25_a_lease_lasts_as_long_as_the_journal_says(stand: Stand) -> None:
    """The driver of a run derives the pace of its renewals from that time."""
    async with opened(stand) as journal:
        assert journal.lease_seconds == stand.lease_seconds
        await journal.open_run("r", first_record())
        stand.pass_time(stand.lease_seconds * 0.99)
        assert await journal.is_driven("r")
        stand.pass_time(stand.lease_seconds * 0.02)
        assert not await journal.is_driven("r")


async def check_26_a_request_reaches_the_driver_alone_and_once(stand: Stand) -> None:
    """Of several requests for a run the newest counts, with its grace."""
    async with opened(stand) as driver, opened(stand) as other:
        await driver.open_run("r", first_record())
        await driver.open_run("untouched", first_record())
        await other.open_run("others", first_record())
        assert await driver.take_requests() == {}

        await other.request_stop("r", "client", grace=2.5)
        assert await other.take_requests() == {}
        assert await driver.take_requests() == {"r": LiveRequest("client", 2.5)}
        await other.request_stop("r", "client", grace=2.5)
        await other.request_stop("r", "user")

        assert await driver.take_requests() == {"r": LiveRequest("user")}
        assert await driver.take_requests() == {}


async def check_27_the_next_claim_clears_a_request(stand: Stand) -> None:
    """A request to an earlier driver must not stop the process that goes on with the run."""
    async with opened(stand) as driver, opened(stand) as other:
        lease = await driver.open_run("r", first_record())
        await other.request_stop("r", "user")
        await driver.release(lease)
        assert await driver.take_requests() == {}

        again = await other.claim("r")
        assert await other.take_requests() == {}

        await driver.request_lift("r")
        await other.release(again)
        await driver.claim("r")
        assert await driver.take_requests() == {}


async def check_28_who_lost_a_run_is_given_no_request_about_it(stand: Stand) -> None:
    """The request is for the run's new driver."""
    async with opened(stand) as sleeper, opened(stand) as successor:
        await sleeper.open_run("r", first_record())
        stand.pass_time(stand.lease_seconds + 1)
        await successor.claim("r")
        await sleeper.request_stop("r", "user")

        assert await sleeper.take_requests() == {}
        assert await successor.take_requests() == {"r": LiveRequest("user")}


async def check_52_a_lift_and_a_stop_replace_each_other(stand: Stand) -> None:
    """The newest of them is given, without the grace of the earlier one."""
    async with opened(stand) as driver, opened(stand) as other:
        await driver.open_run("r", first_record())

        await other.request_stop("r", "client", grace=9.0)
        await other.request_lift("r")
        assert await driver.take_requests() == {"r": LiveRequest(None)}

        await other.request_lift("r")
        await other.request_stop("r", "client", grace=9.0)
        assert await driver.take_requests() == {"r": LiveRequest("client", 9.0)}
        assert await driver.take_requests() == {}


async def check_53_the_request_of_a_user_is_replaced_by_no_other(stand: Stand) -> None:
    """A run that a user ends does not go on because a client waits again."""
    async with opened(stand) as driver, opened(stand) as other:
        await driver.open_run("r", first_record())
        await other.request_stop("r", "user", grace=1.0)
        await other.request_lift("r")
        await other.request_stop("r", "client", grace=9.0)

        assert await driver.take_requests() == {"r": LiveRequest("user", 1.0)}
        await other.request_lift("r")
        assert await driver.take_requests() == {"r": LiveRequest(None)}


async def check_29_no_request_can_be_made_for_an_unknown_run(stand: Stand) -> None:
    """A mistyped id raises an error."""
    async with opened(stand) as journal:
        for request in (journal.request_stop("nobody", "user"), journal.request_lift("nobody")):
            error = await error_of(request)

            assert isinstance(error, UnknownRun), error
            assert "nobody" in str(error)


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
