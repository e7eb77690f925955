"""Checks of `RunIndex`: the list of runs, those that have expired, and their removal."""

from __future__ import annotations

from decimal import Decimal

from atlas_mcp.atlas.events import (
    CallsLost,
    ExploresPlanned,
    Planned,
    Record,
    RunFinished,
    RunResumed,
)
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.errors import UnknownRun
from atlas_mcp.journal.base import Lease, TaskEntry
from atlas_mcp.testing.journal_conformance import (
    Check,
    Stand,
    checks_of,
    ended_run,
    first_record,
    later_record,
    opened,
    remove,
)
from atlas_mcp.testing.outcomes import error_of


async def check_16_the_list_has_the_newest_first_and_how_they_stand(stand: Stand) -> None:
    """Each has its recorded status, whether it is driven, and the beginning of its problem."""
    async with opened(stand) as journal:
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
    """This distinguishes an interrupted run from a running one."""
    async with opened(stand) as journal:
        await journal.open_run("r", first_record())
        stand.pass_time(stand.lease_seconds + 1)

        [run] = await journal.list_runs()

        assert (run.status, run.driven) == ("running", False)


async def check_18_a_run_that_explores_on_is_running_again(stand: Stand) -> None:
    """Where the client is the orchestrator, a run that has ended may go on."""
    async with opened(stand) as journal:
        lease = await journal.open_run("r", first_record())
        await journal.append(lease, [Record(2, 2.0, RunFinished("answered", "decided"))])
        more = ExploresPlanned("client", (Planned(1, Explore("s")),))
        await journal.append(lease, [Record(3, 3.0, more)])

        assert [run.status for run in await journal.list_runs()] == ["running"]


async def check_31_a_removed_run_is_gone_with_its_records_and_tasks(stand: Stand) -> None:
    """Other runs keep theirs. The id is free again, and a new run of that id starts empty."""
    async with opened(stand) as journal:
        for run_id in ("r", "other"):
            lease = await journal.open_run(run_id, first_record())
            await journal.append(lease, [later_record(2)])
            await journal.add_task(TaskEntry(f"task of {run_id}", run_id, 5.0))
            await journal.release(lease)

        assert await remove(journal, "r") == ("r",)

        assert isinstance(await error_of(journal.read("r")), UnknownRun)
        assert isinstance(await error_of(journal.claim("r")), UnknownRun)
        assert await journal.find_task("task of r") is None
        assert [run.run_id for run in await journal.list_runs()] == ["other"]
        assert len(await journal.read("other")) == 2
        assert await journal.find_task("task of other") is not None
        await journal.open_run("r", first_record("Another?"))
        assert await journal.read("r") == (first_record("Another?"),)
        assert await journal.find_task("task of r") is None


async def check_32_runs_that_are_driven_are_not_removed(stand: Stand) -> None:
    """The driver may be any process. Unknown ids are skipped; the call removes the other runs."""
    async with opened(stand) as journal, opened(stand) as other:
        await other.open_run("theirs", first_record())
        await journal.open_run("ours", first_record())
        for run_id in ("a", "b"):
            await journal.release(await journal.open_run(run_id, first_record()))

        removed = await remove(journal, "theirs", "a", "nobody", "ours", "b")

        assert removed == ("a", "b")
        assert len(await journal.read("theirs")) == len(await journal.read("ours")) == 1
        assert await journal.remove([]) == ()


async def check_34_a_resumed_run_is_running_again(stand: Stand) -> None:
    """This holds after any end. A record of lost calls does not change the status."""
    async with opened(stand) as journal:
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
    """The size grows with every record, by at least its text; other runs do not add to it."""
    async with opened(stand) as journal:
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
    """By default it has a hundred runs."""
    async with opened(stand) as journal:
        for number in range(105):
            await journal.open_run(f"r{number}", first_record(at=float(number)))

        every = [run.run_id for run in await journal.list_runs(limit=None)]

        assert every == [f"r{number}" for number in reversed(range(105))]
        assert [run.run_id for run in await journal.list_runs()] == every[:100]
        assert [run.run_id for run in await journal.list_runs(limit=3)] == every[:3]


async def check_37_runs_idle_for_too_long_are_beyond_the_age(stand: Stand) -> None:
    """The last record counts. The longest idle run comes first; a driven run is not idle."""
    async with opened(stand) as journal:
        for name, at in (("new", 40.0), ("older", 30.0), ("oldest", 20.0)):
            await ended_run(journal, name, at)
        await journal.open_run("driven", first_record(at=10.0))

        found = await journal.expired(idle_since=40.0, size_bytes=None)
        none = await journal.expired(idle_since=20.0, size_bytes=None)

        assert [run.run_id for run in found] == ["oldest", "older"]
        assert {(run.status, run.driven) for run in found} == {("answered", False)}
        assert none == await journal.expired(idle_since=None, size_bytes=None) == ()


async def check_38_what_does_not_fit_is_beyond_the_size(stand: Stand) -> None:
    """Driven runs are kept and count first, then the last changed; the rest go, small or not."""
    async with opened(stand) as journal:
        await journal.open_run("driven", first_record("d" * 10_000, at=1.0))
        await ended_run(journal, "smallest", 10.0)
        await ended_run(journal, "large", 20.0, "l" * 20_000)
        await ended_run(journal, "newest", 30.0)
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
    """It is driven now, or has changed since it was listed."""
    async with opened(stand) as journal, opened(stand) as other:
        for name in ("idle", "driven", "changed"):
            await ended_run(journal, name, 10.0)
        listed = await journal.list_runs()
        await other.claim("driven")
        lease = await other.claim("changed")
        await other.append(lease, [Record(3, 30.0, RunResumed("Go on."))])
        await other.release(lease)

        assert await journal.remove(listed) == ("idle",)
        assert {run.run_id for run in await journal.list_runs()} == {"driven", "changed"}


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
