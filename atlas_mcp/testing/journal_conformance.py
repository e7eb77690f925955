"""What every `Journal` keeps, as numbered checks to run against an implementation.

::

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    async def test_it_conforms(check: Check, tmp_path: Path) -> None:
        await check(MyStand(tmp_path))

A `Stand` opens journals on one store, as so many processes would, under a clock that the checks
move, and can damage a record. The checks close what they open.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Protocol, TypeAlias

import anyio

from atlas_mcp.atlas.budget import Budget
from atlas_mcp.atlas.events import (
    CallsLost,
    ExploresPlanned,
    ExploringClosed,
    Planned,
    Record,
    RecordLost,
    RunFinished,
    RunOpened,
    RunResumed,
    SolverFinished,
    SolverStarted,
)
from atlas_mcp.atlas.explore import Candidate, Explore
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.run_spec import RunSpec, SolverSpec
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.errors import JournalBusy, JournalError, UnknownRun
from atlas_mcp.journal.base import Journal, Lease, TaskEntry


class Stand(Protocol):
    """What the checks need of a store."""

    def open(self) -> Journal:
        """Return a further journal on the same store."""
        ...

    def pass_time(self, seconds: float) -> None:
        """Move the clock of all its journals."""
        ...

    @property
    def lease_seconds(self) -> float:
        """Seconds without renewal after which a lease ends."""
        ...

    def tear(self, run_id: str, seq: int) -> None:
        """Cut the record off in the middle, behind the journals' backs."""
        ...


Check: TypeAlias = Callable[[Stand], Awaitable[None]]

_MODEL = ModelSpec("maker/m")
_SPEC = RunSpec("atlas", _MODEL, (SolverSpec("s", _MODEL),), Budget(max_explores=100))


def first_record(problem: str = "How many?", at: float = 1.0) -> Record:
    """Return the record that opens a run."""
    return Record(1, at, RunOpened(Problem(problem), _SPEC))


def later_record(seq: int, text: str = "42") -> Record:
    """Return record `seq` of a run that plans, starts and ends one explore after the other."""
    number = (seq + 1) // 3
    events = (
        ExploresPlanned("prefetch", (Planned(number, Explore("s")),)),
        SolverStarted(number, Decimal("0.25")),
        SolverFinished(
            number, Candidate(text, "so", "how", 0.5), Charge(Usage(1, 9, 5), Decimal("0.1"))
        ),
    )
    return Record(seq, float(seq), events[(seq - 2) % 3])


async def check_01_records_are_read_back_as_they_were_appended(stand: Stand) -> None:
    """In order, whole, across appends of one record and of several."""
    async with _open(stand) as journal:
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
    """`after` is exclusive; there is nothing after the last."""
    async with _open(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(seq) for seq in (2, 3, 4)])

        assert await journal.read("r", after=2) == (later_record(3), later_record(4))
        assert await journal.read("r", after=4) == ()


async def check_03_another_process_reads_what_was_appended(stand: Stand) -> None:
    """An append that has returned is there for everyone."""
    async with _open(stand) as writer, _open(stand) as reader:
        lease = await writer.open_run("r", first_record())
        await writer.append(lease, [later_record(2)])

        assert await reader.read("r") == (first_record(), later_record(2))


async def check_04_an_unknown_run_is_told_by_its_id(stand: Stand) -> None:
    """For reading, claiming and asking who drives it."""
    async with _open(stand) as journal:
        for ask in (journal.read, journal.claim, journal.is_driven):
            error = await _error(ask("nobody"))
            assert isinstance(error, UnknownRun), error
            assert "nobody" in str(error)


async def check_05_a_run_is_opened_once(stand: Stand) -> None:
    """A second opening of one id is refused and changes nothing."""
    async with _open(stand) as journal:
        await journal.open_run("r", first_record("first"))

        assert isinstance(await _error(journal.open_run("r", first_record("second"))), JournalError)
        assert await journal.read("r") == (first_record("first"),)


async def check_06_a_driven_run_cannot_be_claimed(stand: Stand) -> None:
    """Neither by another process nor again by the same."""
    async with _open(stand) as driver, _open(stand) as other:
        await driver.open_run("r", first_record())

        assert await driver.is_driven("r")
        assert await other.is_driven("r")
        assert isinstance(await _error(other.claim("r")), JournalBusy)
        assert isinstance(await _error(driver.claim("r")), JournalBusy)


async def check_07_a_released_run_can_be_claimed_under_a_higher_fence(stand: Stand) -> None:
    """Releasing gives the run to whoever comes next."""
    async with _open(stand) as driver, _open(stand) as other:
        lease = await driver.open_run("r", first_record())
        await driver.release(lease)
        assert not await other.is_driven("r")

        taken = await other.claim("r")

        assert taken.fence > lease.fence
        await other.append(taken, [later_record(2)])


async def check_08_who_lost_a_run_cannot_append_to_it(stand: Stand) -> None:
    """A process that slept through its lease writes nothing into its successor's run."""
    async with _open(stand) as sleeper, _open(stand) as successor:
        lease = await sleeper.open_run("r", first_record())
        stand.pass_time(stand.lease_seconds + 1)
        taken = await successor.claim("r")

        assert isinstance(await _error(sleeper.append(lease, [later_record(2)])), JournalBusy)
        await successor.append(taken, [later_record(2, "the successor's")])

        assert (await successor.read("r"))[1] == later_record(2, "the successor's")


async def check_09_who_lost_a_run_takes_nothing_from_its_successor(stand: Stand) -> None:
    """Renewing, releasing and closing with an old lease leave the new one alone."""
    async with _open(stand) as successor:
        async with _open(stand) as sleeper:
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
    """For as long as it is renewed in time, and for every run that is held."""
    async with _open(stand) as driver, _open(stand) as other:
        for run_id in ("a", "b"):
            await driver.open_run(run_id, first_record())
        for _ in range(3):
            stand.pass_time(stand.lease_seconds * 0.9)
            await driver.renew()

        for run_id in ("a", "b"):
            assert isinstance(await _error(other.claim(run_id)), JournalBusy)


async def check_11_closing_gives_leases_back(stand: Stand) -> None:
    """A process that ends in order leaves nothing that looks driven."""
    async with _open(stand) as driver:
        await driver.open_run("r", first_record())
    async with _open(stand) as other:
        assert not await other.is_driven("r")
        await other.claim("r")


async def check_12_two_claims_at_once_give_one_lease(stand: Stand) -> None:
    """Whoever comes second is told that the run is driven."""
    async with _open(stand) as opener:
        await opener.open_run("r", first_record())
    async with _open(stand) as one, _open(stand) as two:
        errors: list[Exception | None] = []

        async def claim(journal: Journal) -> None:
            errors.append(await _error(journal.claim("r")))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(claim, one)
            tasks.start_soon(claim, two)

        assert sorted(type(error).__name__ for error in errors) == ["JournalBusy", "NoneType"]


async def check_13_appends_at_once_are_all_kept_in_order(stand: Stand) -> None:
    """Those of one run in the order they were made, those of others undisturbed."""
    async with _open(stand) as journal:
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
    """Others that are written at the same time are kept."""
    async with _open(stand) as journal, _open(stand) as other:
        lost = await journal.open_run("lost", first_record())
        stand.pass_time(stand.lease_seconds + 1)
        await other.claim("lost")
        names = ("held", "twice", "hole", "also held")
        leases = {name: await journal.open_run(name, first_record()) for name in names}
        leases["lost"] = lost

        errors = await _append_at_once(
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
    async with _open(stand) as journal:
        names = ("good", "bad", "better", "best")
        leases = {name: await journal.open_run(name, first_record()) for name in names}
        bad = Record(2, 2.0, RunFinished("failed", "\ud800"))  # pyright: ignore[reportArgumentType]

        errors = await _append_at_once(
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


async def check_16_the_list_has_the_newest_first_and_how_they_stand(stand: Stand) -> None:
    """Status as recorded, whether it is driven, and the beginning of the problem."""
    async with _open(stand) as journal:
        old = await journal.open_run("old", first_record("An old\n  question?", at=10.0))
        await journal.append(old, [Record(2, 25.0, RunFinished("answered", "decided", "42"))])
        await journal.release(old)
        await journal.open_run("new", first_record("x" * 5_000, at=20.0))

        new, ended = await journal.list_runs()

        assert (new.run_id, new.status, new.driven, new.workflow) == (
            *("new", "running", True),
            "atlas",
        )
        assert (ended.run_id, ended.status, ended.driven) == ("old", "answered", False)
        assert (ended.opened_at, ended.updated_at) == (10.0, 25.0)
        assert ended.title == "An old question?"
        assert len(new.title) < 500
        assert [run.run_id for run in await journal.list_runs(limit=1)] == ["new"]


async def check_17_a_run_whose_driver_is_gone_is_listed_as_not_driven(stand: Stand) -> None:
    """That is what tells an interrupted run from a running one."""
    async with _open(stand) as journal:
        await journal.open_run("r", first_record())
        stand.pass_time(stand.lease_seconds + 1)

        [run] = await journal.list_runs()

        assert (run.status, run.driven) == ("running", False)


async def check_18_a_run_that_explores_on_is_running_again(stand: Stand) -> None:
    """An end is followed by more where the client is the orchestrator."""
    async with _open(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [Record(2, 2.0, RunFinished("answered", "decided"))])
        more = ExploresPlanned("client", (Planned(1, Explore("s")),))
        await journal.append(lease, [Record(3, 3.0, more)])

        assert [run.status for run in await journal.list_runs()] == ["running"]


async def check_19_a_torn_last_record_is_left_out(stand: Stand) -> None:
    """It was being written when the process died; what came before is whole."""
    async with _open(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(2), later_record(3)])
        stand.tear("r", 3)

        assert await journal.read("r") == (first_record(), later_record(2))


async def check_20_a_run_goes_on_after_a_torn_last_record(stand: Stand) -> None:
    """Its place is free: else a run with a torn end could never be gone on with."""
    async with _open(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(2), later_record(3)])
        stand.tear("r", 3)

        await journal.append(lease, [Record(3, 3.0, ExploringClosed())])

        assert (await journal.read("r"))[-1].event == ExploringClosed()


async def check_21_a_torn_earlier_record_is_told_in_its_place(stand: Stand) -> None:
    """A hole in the evidence is never passed over, and costs nothing of the rest."""
    async with _open(stand) as journal:
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


async def check_22_renewing_tells_which_leases_are_lost_and_keeps_the_others(stand: Stand) -> None:
    """One that was claimed by another process, and one whose run was removed; each once."""
    async with _open(stand) as sleeper, _open(stand) as other:
        claimed = await sleeper.open_run("claimed", first_record())
        removed = await sleeper.open_run("removed", first_record())
        await sleeper.open_run("kept", first_record())
        stand.pass_time(stand.lease_seconds + 1)
        await other.claim("claimed")
        await _remove(other, "removed")

        lost = await sleeper.renew()

        assert set(lost) == {claimed, removed}
        assert await sleeper.renew() == ()
        assert await other.is_driven("kept")


async def check_23_a_lease_that_was_given_back_is_not_renewed(stand: Stand) -> None:
    """Nor told as lost: who gave it back knows."""
    async with _open(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.release(lease)

        assert await journal.renew() == ()
        assert not await journal.is_driven("r")


async def check_24_giving_back_an_old_lease_leaves_the_new_one(stand: Stand) -> None:
    """Also where both are of the same process, and where the run is gone."""
    async with _open(stand) as journal:
        old = await journal.open_run("r", first_record())
        await journal.release(old)
        new = await journal.claim("r")
        await journal.release(old)

        assert await journal.is_driven("r")
        await journal.append(new, [later_record(2)])
        assert await journal.renew() == ()
        await journal.release(new)
        await _remove(journal, "r")
        await journal.release(new)


async def check_25_a_lease_lasts_as_long_as_the_journal_says(stand: Stand) -> None:
    """Whoever drives a run must know how often to renew it."""
    async with _open(stand) as journal:
        assert journal.lease_seconds == stand.lease_seconds
        await journal.open_run("r", first_record())
        stand.pass_time(stand.lease_seconds * 0.99)
        assert await journal.is_driven("r")
        stand.pass_time(stand.lease_seconds * 0.02)
        assert not await journal.is_driven("r")


async def check_26_a_wish_to_stop_reaches_the_driver_and_nobody_else(stand: Stand) -> None:
    """It stays until the run is claimed anew; the last one counts."""
    async with _open(stand) as driver, _open(stand) as other:
        await driver.open_run("r", first_record())
        await driver.open_run("untouched", first_record())
        await other.open_run("others", first_record())
        assert await driver.stop_requests() == {}

        await other.request_stop("r", "client")
        assert await driver.stop_requests() == {"r": "client"}
        await other.request_stop("r", "user")

        assert await driver.stop_requests() == await driver.stop_requests() == {"r": "user"}
        assert await other.stop_requests() == {}


async def check_27_the_next_claim_forgets_a_wish_to_stop(stand: Stand) -> None:
    """Whoever goes on with a run must not be stopped by what its last driver was asked."""
    async with _open(stand) as driver, _open(stand) as other:
        lease = await driver.open_run("r", first_record())
        await other.request_stop("r", "user")
        await driver.release(lease)
        assert await driver.stop_requests() == {}

        await other.claim("r")

        assert await other.stop_requests() == {}


async def check_28_who_lost_a_run_hears_no_wish_about_it(stand: Stand) -> None:
    """It is its successor's to stop."""
    async with _open(stand) as sleeper, _open(stand) as successor:
        await sleeper.open_run("r", first_record())
        stand.pass_time(stand.lease_seconds + 1)
        await successor.claim("r")
        await sleeper.request_stop("r", "user")

        assert await sleeper.stop_requests() == {}
        assert await successor.stop_requests() == {"r": "user"}


async def check_29_an_unknown_run_cannot_be_asked_to_stop(stand: Stand) -> None:
    """A slip in an id is told, not swallowed."""
    async with _open(stand) as journal:
        error = await _error(journal.request_stop("nobody", "user"))

        assert isinstance(error, UnknownRun), error
        assert "nobody" in str(error)


async def check_30_tasks_are_found_by_every_process(stand: Stand) -> None:
    """Several may stand for one run; an unknown one is none."""
    one, two = TaskEntry("task-1", "r", 5.0), TaskEntry("task-2", "r", 6.5)
    async with _open(stand) as journal:
        await journal.open_run("r", first_record())
        await journal.add_task(one)
        await journal.add_task(two)
    async with _open(stand) as other:
        assert await other.find_task("task-1") == one
        assert await other.find_task("task-2") == two
        assert await other.find_task("task") is None
        assert await other.find_task("r") is None


async def check_31_a_removed_run_is_gone_with_its_records_and_tasks(stand: Stand) -> None:
    """Others keep theirs; its id is free, and nothing of it comes back."""
    async with _open(stand) as journal:
        for run_id in ("r", "other"):
            lease = await journal.open_run(run_id, first_record())
            await journal.append(lease, [later_record(2)])
            await journal.add_task(TaskEntry(f"task of {run_id}", run_id, 5.0))
            await journal.release(lease)

        assert await _remove(journal, "r") == ("r",)

        assert isinstance(await _error(journal.read("r")), UnknownRun)
        assert isinstance(await _error(journal.claim("r")), UnknownRun)
        assert await journal.find_task("task of r") is None
        assert [run.run_id for run in await journal.list_runs()] == ["other"]
        assert len(await journal.read("other")) == 2
        assert await journal.find_task("task of other") is not None
        await journal.open_run("r", first_record("Another?"))
        assert await journal.read("r") == (first_record("Another?"),)
        assert await journal.find_task("task of r") is None


async def check_32_runs_that_are_driven_are_not_removed(stand: Stand) -> None:
    """Whoever drives them; what is unknown is passed over. The others go, in one call."""
    async with _open(stand) as journal, _open(stand) as other:
        await other.open_run("theirs", first_record())
        await journal.open_run("ours", first_record())
        for run_id in ("a", "b"):
            await journal.release(await journal.open_run(run_id, first_record()))

        removed = await _remove(journal, "theirs", "a", "nobody", "ours", "b")

        assert removed == ("a", "b")
        assert len(await journal.read("theirs")) == len(await journal.read("ours")) == 1
        assert await journal.remove([]) == ()


async def check_33_who_lost_its_run_to_removal_cannot_append_to_it(stand: Stand) -> None:
    """A process that woke up too late does not bring half a run back."""
    async with _open(stand) as sleeper, _open(stand) as other:
        lease = await sleeper.open_run("r", first_record())
        stand.pass_time(stand.lease_seconds + 1)
        assert await _remove(other, "r") == ("r",)

        error = await _error(sleeper.append(lease, [later_record(2)]))

        assert isinstance(error, UnknownRun), error
        assert await other.list_runs() == ()


async def check_34_a_resumed_run_is_running_again(stand: Stand) -> None:
    """Whatever its end was; that its calls were lost says nothing of how it stands."""
    async with _open(stand) as journal:
        for number, status in enumerate(("answered", "cancelled", "failed"), start=1):
            lease = await journal.open_run(status, first_record(at=float(number)))
            end = RunFinished(status, "decided")
            await journal.append(lease, [Record(2, 2.0, end), Record(3, 3.0, CallsLost())])
        ended = await journal.list_runs()
        for run in ended:
            lease = Lease(run.run_id, 1)
            await journal.append(lease, [Record(4, 4.0, RunResumed("Go on.", 9, Decimal(7)))])

        assert [run.status for run in ended] == ["failed", "cancelled", "answered"]
        assert [run.status for run in await journal.list_runs()] == ["running"] * 3
        assert (await journal.read("failed"))[-1].event == RunResumed("Go on.", 9, Decimal(7))


async def check_35_the_list_says_what_each_run_takes(stand: Stand) -> None:
    """It grows with every record, by at least its text, and is nobody else's."""
    async with _open(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.open_run("small", first_record(at=0.5))
        [size, small] = [run.size_bytes for run in await journal.list_runs()]
        await journal.append(lease, [later_record(2), later_record(3)])
        [more, _] = [run.size_bytes for run in await journal.list_runs()]
        await journal.append(lease, [later_record(4, "é" * 10_000)])
        [most, same] = [run.size_bytes for run in await journal.list_runs()]

        assert 0 < size == small == same
        assert size < more
        assert more + 10_000 < most < more + 100_000


async def check_36_the_list_is_whole_without_a_limit(stand: Stand) -> None:
    """And has a hundred runs where none is given."""
    async with _open(stand) as journal:
        for number in range(105):
            await journal.open_run(f"r{number}", first_record(at=float(number)))

        every = [run.run_id for run in await journal.list_runs(limit=None)]

        assert every == [f"r{number}" for number in reversed(range(105))]
        assert [run.run_id for run in await journal.list_runs()] == every[:100]
        assert [run.run_id for run in await journal.list_runs(limit=3)] == every[:3]


async def check_37_runs_idle_for_too_long_are_beyond_the_age(stand: Stand) -> None:
    """By their last record, longest idle first; one that is driven is not idle."""
    async with _open(stand) as journal:
        for name, at in (("new", 40.0), ("older", 30.0), ("oldest", 20.0)):
            await _ended_run(journal, name, at)
        await journal.open_run("driven", first_record(at=10.0))

        found = await journal.expired(idle_since=40.0, size_bytes=None)
        none = await journal.expired(idle_since=20.0, size_bytes=None)

        assert [run.run_id for run in found] == ["oldest", "older"]
        assert {(run.status, run.driven) for run in found} == {("answered", False)}
        assert none == await journal.expired(idle_since=None, size_bytes=None) == ()


async def check_38_what_does_not_fit_is_beyond_the_size(stand: Stand) -> None:
    """Driven runs are kept and count first; then the last changed. The rest go, small or not."""
    async with _open(stand) as journal:
        await journal.open_run("driven", first_record("d" * 10_000, at=1.0))
        await _ended_run(journal, "smallest", 10.0)
        await _ended_run(journal, "large", 20.0, "l" * 20_000)
        await _ended_run(journal, "newest", 30.0)
        size = {run.run_id: run.size_bytes for run in await journal.list_runs()}
        room = size["driven"] + size["newest"]

        async def beyond(size_bytes: float) -> list[str]:
            found = await journal.expired(idle_since=None, size_bytes=size_bytes)
            return [run.run_id for run in found]

        assert await beyond(sum(size.values())) == []
        assert await beyond(sum(size.values()) - 1) == ["smallest"]
        assert await beyond(room + size["large"]) == ["smallest"]
        assert await beyond(room + size["smallest"]) == ["smallest", "large"]
        assert await beyond(0) == ["smallest", "large", "newest"]


async def check_39_a_run_that_is_wanted_again_is_not_removed(stand: Stand) -> None:
    """Somebody drives it, or has gone on with it since it was listed."""
    async with _open(stand) as journal, _open(stand) as other:
        for name in ("idle", "driven", "changed"):
            await _ended_run(journal, name, 10.0)
        listed = await journal.list_runs()
        await other.claim("driven")
        lease = await other.claim("changed")
        await other.append(lease, [Record(3, 30.0, RunResumed("Go on."))])
        await other.release(lease)

        assert await journal.remove(listed) == ("idle",)
        assert {run.run_id for run in await journal.list_runs()} == {"driven", "changed"}


async def check_40_what_would_leave_a_hole_is_refused_and_not_stored(stand: Stand) -> None:
    """Neither behind the last record nor within what is appended; what fits is taken after it."""
    async with _open(stand) as journal:
        lease = await journal.open_run("r", first_record())

        for seqs in ((3,), (2, 4), (2, 3, 2), (7, 8)):
            error = await _error(journal.append(lease, [later_record(seq) for seq in seqs]))
            assert isinstance(error, JournalError), seqs
            assert "'r'" in str(error)
        assert await journal.read("r") == (first_record(),)
        await journal.append(lease, [later_record(2), later_record(3)])

        assert len(await journal.read("r")) == 3


async def check_41_a_record_is_written_once(stand: Stand) -> None:
    """A second one in its place is refused, and the first stays as it is."""
    async with _open(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [later_record(2), later_record(3)])

        for records in (
            [later_record(2, "other")],
            [later_record(3)],
            [later_record(3), later_record(4)],
        ):
            assert isinstance(await _error(journal.append(lease, records)), JournalError)

        assert await journal.read("r") == (first_record(), later_record(2), later_record(3))


async def check_42_an_append_whose_caller_is_cancelled_is_stored_or_refused(stand: Stand) -> None:
    """What its caller was told holds, and nobody else's records go with it."""
    async with _open(stand) as journal:
        names = [f"r{number}" for number in range(8)]
        leases = {name: await journal.open_run(name, first_record()) for name in names}
        stored: dict[str, bool] = {}
        scopes = {name: anyio.CancelScope() for name in names}

        async def append(name: str) -> None:
            with scopes[name]:
                error = await _error(journal.append(leases[name], [later_record(2)]))
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


CHECKS: tuple[Check, ...] = tuple(
    check for name, check in sorted(globals().items()) if name.startswith("check_")
)
"""All checks, in their order."""


async def _append_at_once(
    journal: Journal, *appends: tuple[Lease, Record]
) -> dict[str, Exception | None]:
    """Append a record to each of several runs at once, and return what was raised for which."""
    errors: dict[str, Exception | None] = {}

    async def append(lease: Lease, record: Record) -> None:
        errors[lease.run_id] = await _error(journal.append(lease, [record]))

    async with anyio.create_task_group() as tasks:
        for lease, record in appends:
            tasks.start_soon(append, lease, record)
    return errors


async def _remove(journal: Journal, *run_ids: str) -> tuple[str, ...]:
    """Remove runs as they are listed now, and one that is not there by its name."""
    listed = {run.run_id: run for run in await journal.list_runs(limit=None)}
    like = next(iter(listed.values()))
    runs = [listed.get(run_id) or replace(like, run_id=run_id) for run_id in run_ids]
    return await journal.remove(runs)


async def _ended_run(journal: Journal, run_id: str, at: float, answer: str = "42") -> None:
    """Store a run that has ended and that nobody drives."""
    lease = await journal.open_run(run_id, first_record(at=at))
    await journal.append(lease, [Record(2, at, RunFinished("answered", "decided", answer))])
    await journal.release(lease)


@asynccontextmanager
async def _open(stand: Stand) -> AsyncGenerator[Journal]:
    journal = stand.open()
    try:
        yield journal
    finally:
        await journal.aclose()


async def _error(outcome: Awaitable[object]) -> Exception | None:
    """Return what was raised, whatever it is: the check says what it must be."""
    try:
        await outcome
    except Exception as error:  # noqa: BLE001 - judged by the caller
        return error
    return None
