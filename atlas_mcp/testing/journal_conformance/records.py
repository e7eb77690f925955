"""Checks of `Records`: nothing appended is lost, twice or out of order, whatever happens."""

from __future__ import annotations

from contextlib import aclosing

import anyio

from atlas_mcp.atlas.events import (
    ExploringClosed,
    Record,
    RecordLost,
    RunFinished,
)
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import JournalBusy, JournalError, RunExists, UnknownRun
from atlas_mcp.journal.base import Lease, RunProgress
from atlas_mcp.testing.journal_conformance import (
    Check,
    Stand,
    append_at_once,
    checks_of,
    first_record,
    later_record,
    opened,
    remove,
)
from atlas_mcp.testing.outcomes import error_of


async def check_01_records_are_read_back_as_they_were_appended(stand: Stand) -> None:
    """They come in order and whole, across appends of one record and of several."""
    async with opened(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(2), later_record(3)])
        await journal.append(lease, [later_record(4, "é 漢字 \n \u2028 'quoted'")])
        await journal.append(lease, [])

        records = await journal.read("r")

        assert [record.seq for record in records] == [1, 2, 3, 4]
        assert records[1:3] == (later_record(2), later_record(3))
        assert records[3] == later_record(4, "é 漢字 \n \u2028 'quoted'")
        assert RunState.fold(records).seq == 4


async def check_02_reading_goes_on_after_a_record(stand: Stand) -> None:
    """`after` is exclusive; after the last record there are none."""
    async with opened(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(seq) for seq in (2, 3, 4)])

        assert await journal.read("r", after=2) == (later_record(3), later_record(4))
        assert await journal.read("r", after=4) == ()


async def check_03_another_process_reads_what_was_appended(stand: Stand) -> None:
    """Every process sees an append that has returned."""
    async with opened(stand) as writer, opened(stand) as reader:
        lease = await writer.open_run("r", first_record())
        await writer.append(lease, [later_record(2)])

        assert await reader.read("r") == (first_record(), later_record(2))


async def check_05_a_run_is_opened_once(stand: Stand) -> None:
    """A second opening of one id is refused as such, and changes nothing."""
    async with opened(stand) as journal, opened(stand) as other:
        await journal.open_run("r", first_record("first"))

        for again in (journal, other):
            error = await error_of(again.open_run("r", first_record("second")))
            assert isinstance(error, RunExists), error
            assert error.run_id == "r"
        assert await journal.read("r") == (first_record("first"),)
        assert await journal.is_driven("r")


async def check_08_who_lost_a_run_cannot_append_to_it(stand: Stand) -> None:
    """A process that slept through its lease writes nothing into its successor's run."""
    async with opened(stand) as sleeper, opened(stand) as successor:
        lease = await sleeper.open_run("r", first_record())
        stand.pass_time(stand.lease_seconds + 1)
        taken = await successor.claim("r")

        assert isinstance(await error_of(sleeper.append(lease, [later_record(2)])), JournalBusy)
        await successor.append(taken, [later_record(2, "the successor's")])

        assert (await successor.read("r"))[1] == later_record(2, "the successor's")


async def check_13_appends_at_once_are_all_kept_in_order(stand: Stand) -> None:
    """Appends to one run keep their order, and do not disturb those to other runs."""
    async with opened(stand) as journal:
        names = [f"r{number}" for number in range(5)]
        leases = [await journal.open_run(name, first_record()) for name in names]

        async def append_all(lease: Lease) -> None:
            for seq in range(2, 22):
                await journal.append(lease, [later_record(seq)])

        async with anyio.create_task_group() as tasks:
            for lease in leases:
                tasks.start_soon(append_all, lease)

        for name in names:
            assert [record.seq for record in await journal.read(name)] == list(range(1, 22))


async def check_14_an_append_that_is_refused_fails_alone(stand: Stand) -> None:
    """Other appends that are written at the same time are kept."""
    async with opened(stand) as journal, opened(stand) as other:
        lost = await journal.open_run("lost", first_record())
        stand.pass_time(stand.lease_seconds + 1)
        await other.claim("lost")
        names = ("held", "twice", "hole", "also held")
        leases = {name: await journal.open_run(name, first_record()) for name in names}
        leases["lost"] = lost

        errors = await append_at_once(
            journal,
            (leases["held"], later_record(2)),
            (leases["lost"], later_record(2)),
            (leases["twice"], first_record()),
            (leases["hole"], later_record(3)),
            (leases["also held"], later_record(2)),
        )

        assert isinstance(errors["lost"], JournalBusy)
        assert isinstance(errors["twice"], JournalError)
        assert isinstance(errors["hole"], JournalError)
        assert (errors["held"], errors["also held"]) == (None, None)
        for name, kept in (("held", 2), ("also held", 2), ("twice", 1), ("hole", 1), ("lost", 1)):
            assert len(await journal.read(name)) == kept, name


async def check_15_a_record_that_cannot_be_written_fails_alone(stand: Stand) -> None:
    """A fault in one caller's value costs no other caller a paid result."""
    async with opened(stand) as journal:
        names = ("good", "bad", "better", "best")
        leases = {name: await journal.open_run(name, first_record()) for name in names}
        bad = Record(2, 2.0, RunFinished("failed", "\ud800"))  # pyright: ignore[reportArgumentType]

        errors = await append_at_once(
            journal,
            (leases["good"], later_record(2)),
            (leases["bad"], bad),
            (leases["better"], later_record(2)),
            (leases["best"], later_record(2)),
        )

        assert isinstance(errors.pop("bad"), JournalError)
        assert set(errors.values()) == {None}
        assert len(await journal.read("bad")) == 1
        for name in errors:
            assert len(await journal.read(name)) == 2


async def check_19_a_torn_last_record_is_left_out(stand: Stand) -> None:
    """That record was being written when the process died; all earlier ones are whole."""
    async with opened(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(2), later_record(3)])
        stand.tear("r", 3)

        assert await journal.read("r") == (first_record(), later_record(2))


async def check_20_a_run_goes_on_after_a_torn_last_record(stand: Stand) -> None:
    """The place of the torn record is free, so that a run with a torn end can go on."""
    async with opened(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(2), later_record(3)])
        stand.tear("r", 3)

        await journal.append(lease, [Record(3, 3.0, ExploringClosed())])

        assert (await journal.read("r"))[-1].event == ExploringClosed()


async def check_21_a_torn_earlier_record_is_told_in_its_place(stand: Stand) -> None:
    """A lost record is reported, and the other records are still read."""
    async with opened(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(2), later_record(3), later_record(4)])
        stand.tear("r", 3)

        first, second, lost, last = await journal.read("r")

        assert (first, second, last) == (first_record(), later_record(2), later_record(4))
        assert lost.seq == 3
        assert isinstance(lost.event, RecordLost)
        assert (await journal.read("r", after=2))[0] == lost
        await journal.append(lease, [later_record(5)])
        assert len(await journal.read("r")) == 5


async def check_33_who_lost_its_run_to_removal_cannot_append_to_it(stand: Stand) -> None:
    """A process that woke up too late does not bring half a run back."""
    async with opened(stand) as sleeper, opened(stand) as other:
        lease = await sleeper.open_run("r", first_record())
        stand.pass_time(stand.lease_seconds + 1)
        assert await remove(other, "r") == ("r",)

        error = await error_of(sleeper.append(lease, [later_record(2)]))

        assert isinstance(error, UnknownRun), error
        assert await other.list_runs() == ()


async def check_40_what_would_leave_a_hole_is_refused_and_not_stored(stand: Stand) -> None:
    """A gap is refused before an append and within it. A later append without a gap is stored."""
    async with opened(stand) as journal:
        lease = await journal.open_run("r", first_record())

        for seqs in ((3,), (2, 4), (2, 3, 2), (7, 8)):
            error = await error_of(journal.append(lease, [later_record(seq) for seq in seqs]))
            assert isinstance(error, JournalError), seqs
            assert "'r'" in str(error)
        assert await journal.read("r") == (first_record(),)
        await journal.append(lease, [later_record(2), later_record(3)])

        assert len(await journal.read("r")) == 3


async def check_41_a_record_is_written_once(stand: Stand) -> None:
    """A second record in the same place is refused, and the first stays unchanged."""
    async with opened(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(2), later_record(3)])

        for records in (
            [later_record(2, "other")],
            [later_record(3)],
            [later_record(3), later_record(4)],
        ):
            assert isinstance(await error_of(journal.append(lease, records)), JournalError)

        assert await journal.read("r") == (first_record(), later_record(2), later_record(3))


async def check_42_an_append_whose_caller_is_cancelled_is_stored_or_refused(stand: Stand) -> None:
    """The outcome that the caller got is true, and the appends of other callers are kept."""
    async with opened(stand) as journal:
        names = [f"r{number}" for number in range(8)]
        leases = {name: await journal.open_run(name, first_record()) for name in names}
        stored: dict[str, bool] = {}
        scopes = {name: anyio.CancelScope() for name in names}

        async def append(name: str) -> None:
            with scopes[name]:
                error = await error_of(journal.append(leases[name], [later_record(2)]))
                stored[name] = error is None

        async with anyio.create_task_group() as tasks:
            for number, name in enumerate(names):
                tasks.start_soon(append, name)
                if number % 2:
                    scopes[name].cancel()

        for name in names:
            kept = len(await journal.read(name)) == 2
            assert kept == stored.get(name, False), name
        assert all(stored[name] for name in names[::2]), "nobody cancelled these"
        for name in names:
            seq = len(await journal.read(name)) + 1
            await journal.append(leases[name], [later_record(seq)])


async def check_43_a_follower_gets_each_record_once_until_the_run_is_let_go(stand: Stand) -> None:
    """Stored records come at once, then those of its own process, until the run is released."""
    async with opened(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(2), later_record(3)])
        found: list[Record] = []
        driven: list[bool] = []
        seen = anyio.Event()

        async def follow() -> None:
            async with aclosing(journal.follow("r", after=1)) as news:
                async for progress in news:
                    found.extend(progress.records)
                    driven.append(progress.driven)
                    if found[-1].seq == 3:
                        seen.set()

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(follow)
                await seen.wait()
                await journal.append(lease, [later_record(4)])
                await journal.append(lease, [later_record(5)])
                await journal.release(lease)

        assert found == [later_record(seq) for seq in (2, 3, 4, 5)]
        assert driven[-1] is False
        assert all(driven[:-1])


async def check_44_a_run_of_another_process_is_followed(stand: Stand) -> None:
    """The follower sees the appends of that process, and the end of its lease."""
    async with opened(stand) as driver, opened(stand) as other:
        lease = await driver.open_run("r", first_record())
        with anyio.fail_after(30):
            async with aclosing(other.follow("r", after=1)) as news:
                await driver.append(lease, [later_record(2)])
                assert await anext(news) == RunProgress((later_record(2),), driven=True)
                stand.pass_time(stand.lease_seconds + 1)
                assert await anext(news) == RunProgress((), driven=False)
                assert await anext(news, None) is None


async def check_45_a_run_that_is_not_there_cannot_be_followed(stand: Stand) -> None:
    """A run that is removed while it is followed ends with the same error."""
    async with opened(stand) as journal:
        lease = await journal.open_run("r", first_record())
        unknown = journal.follow("nobody", after=0)
        assert isinstance(await error_of(anext(unknown)), UnknownRun)
        async with aclosing(journal.follow("r", after=0)) as news:
            assert (await anext(news)).records == (first_record(),)
            await journal.release(lease)
            await remove(journal, "r")
            assert isinstance(await error_of(anext(news)), UnknownRun)


async def check_50_appends_are_stored_in_the_order_of_the_calls(stand: Stand) -> None:
    """A driver decides on further records before the last ones are stored."""
    async with opened(stand) as journal, anyio.create_task_group() as tasks:
        lease = await journal.open_run("r", first_record())

        async def append(seq: int, called: anyio.Event) -> None:
            called.set()
            await journal.append(lease, [later_record(seq)])

        for seq in range(2, 12):
            called = anyio.Event()
            tasks.start_soon(append, seq, called)
            await called.wait()


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
