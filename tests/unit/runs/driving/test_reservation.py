"""The cap over all runs of a home: counted before a call, settled after it, never passed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from atlas_mcp.atlas.day_cap import reservation_needed
from atlas_mcp.atlas.events import DayCapReached
from atlas_mcp.atlas.usage import FREE
from atlas_mcp.errors import JournalError
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.runs.driving import reservation
from atlas_mcp.runs.driving.reservation import Reservation
from atlas_mcp.testing.memory_journal import MemoryJournal, MemoryStore
from tests.support.drawing import draws
from tests.support.played_runs import a_run, answers, play

TODAY = "2026-11-28"
CAP = Decimal(5)
PROCESSES = 20


def share(journal: SqliteJournal, run_id: str, *, cap: Decimal = CAP) -> Reservation:
    return Reservation(journal, run_id, cap, day=lambda: TODAY)


async def test_what_is_covered_once_is_not_counted_twice(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    run = share(journal, "a")

    assert await run.cover(Decimal(2), spent=FREE) is None
    assert await run.cover(Decimal(1), spent=FREE) is None
    assert await run.cover(Decimal(3), spent=FREE) is None

    assert await journal.spending(TODAY) == Decimal(3)
    await journal.aclose()


async def test_a_run_is_told_how_much_it_may_commit_in_all(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    await share(journal, "a").cover(Decimal(3), spent=FREE)
    run = share(journal, "b")
    await run.cover(Decimal("0.5"), spent=FREE)

    assert await run.cover(Decimal(4), spent=FREE) == Decimal(2)
    assert await journal.spending(TODAY) == Decimal("3.5")
    assert await run.cover(Decimal(2), spent=FREE) is None
    await journal.aclose()


async def test_what_a_call_did_not_cost_is_there_for_others(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    run, other = share(journal, "a"), share(journal, "b")
    await run.cover(CAP, spent=FREE)

    await run.settle(lambda: Decimal(1), spent=FREE)

    assert await other.cover(Decimal(4), spent=FREE) is None
    await journal.aclose()


async def test_a_call_that_cost_more_than_its_bound_is_counted_past_the_cap(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    run = share(journal, "a")
    await run.cover(CAP, spent=FREE)

    await run.settle(lambda: CAP + 1, spent=FREE)

    assert await journal.spending(TODAY) == CAP + 1
    assert await share(journal, "b").cover(Decimal("0.01"), spent=FREE) == 0
    await journal.aclose()


async def test_a_run_that_goes_on_the_next_day_counts_there_what_it_commits_then(
    tmp_path: Path,
) -> None:
    journal = SqliteJournal(tmp_path)
    days = [TODAY, "2026-11-29"]
    run = Reservation(journal, "a", CAP, day=lambda: days[0])
    await run.cover(Decimal(4), spent=FREE)
    days.pop(0)

    assert await run.cover(Decimal(8), spent=FREE) is None

    assert await journal.spending(TODAY) == Decimal(4)
    assert await journal.spending("2026-11-29") == Decimal(4)
    await journal.aclose()


async def test_what_was_held_before_midnight_is_not_given_back_to_the_new_day(
    tmp_path: Path,
) -> None:
    journal = SqliteJournal(tmp_path)
    days = [TODAY, "2026-11-29"]
    run = Reservation(journal, "a", Decimal(1), day=lambda: days[0])
    await run.cover(Decimal(1), spent=FREE)
    days.pop(0)
    await run.cover(Decimal(2), spent=FREE)

    await run.settle(lambda: Decimal("1.1"), spent=Decimal("0.1"))

    assert await journal.spending(TODAY) == Decimal("0.1")
    assert await journal.spending("2026-11-29") == Decimal(1)
    await journal.aclose()


async def test_without_a_cap_nothing_is_refused_and_what_is_spent_is_counted(
    tmp_path: Path,
) -> None:
    journal = SqliteJournal(tmp_path)
    free = Reservation(journal, "a", None, day=lambda: TODAY)

    assert await free.cover(Decimal(100), spent=FREE) is None
    await free.settle(lambda: Decimal(4), spent=Decimal(4))

    assert await share(journal, "b").cover(Decimal(2), spent=FREE) == Decimal(1)
    await journal.aclose()


async def test_a_run_that_is_taken_up_again_gives_back_what_nobody_holds(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    await share(journal, "a").cover(Decimal(4), spent=FREE)

    again = Reservation(journal, "a", CAP, Decimal(3), lambda: TODAY)
    await again.begin()

    assert await journal.spending(TODAY) == Decimal(3)
    await journal.aclose()


async def test_what_was_reserved_for_a_call_that_is_not_on_record_is_given_back(
    tmp_path: Path,
) -> None:
    """Its process died between the two, in the first call of the run."""
    journal = SqliteJournal(tmp_path)
    await share(journal, "a").cover(Decimal(2), spent=FREE)

    again = share(journal, "a")
    await again.begin()

    assert await journal.spending(TODAY) == 0
    assert await again.cover(Decimal(2), spent=FREE) is None
    assert await journal.spending(TODAY) == Decimal(2)
    await journal.aclose()


class Failing(SqliteJournal):
    """A journal that can be made to take no change of the day's spending, or to take its time."""

    full = False
    gate: anyio.Event | None = None

    @override
    async def reserve_spending(
        self, run_id: str, *, day: str, usd: Decimal, cap: Decimal | None
    ) -> Decimal | None:
        if self.full:
            raise JournalError("the disk is full")
        return await super().reserve_spending(run_id, day=day, usd=usd, cap=cap)

    @override
    async def release_spending(self, run_id: str, *, day: str | None, usd: Decimal) -> None:
        if self.full:
            raise JournalError("the disk is full")
        if self.gate is not None:
            with anyio.CancelScope(shield=True):
                await self.gate.wait()
        await super().release_spending(run_id, day=day, usd=usd)


async def test_a_journal_that_is_slow_is_told_as_one_and_not_as_a_cap_that_is_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Failing(tmp_path)
    run = share(journal, "a")
    await run.cover(Decimal(2), spent=FREE)
    journal.gate = anyio.Event()
    async with anyio.create_task_group() as tasks:

        async def settle() -> None:
            await run.settle(lambda: Decimal(1), spent=Decimal(1))

        tasks.start_soon(settle)
        await anyio.wait_all_tasks_blocked()
        monkeypatch.setattr(reservation, "RECORD_SECONDS", 0)
        monkeypatch.setattr(reservation, "SETTLE_SECONDS", 0)
        with pytest.raises(JournalError, match="took no reservation"):
            await run.cover(Decimal(3), spent=Decimal(1))
        await run.settle(lambda: Decimal(4), spent=Decimal(4))
        assert "run a: what it spent is not counted to the day yet" in caplog.text
        monkeypatch.undo()
        journal.gate.set()

    assert await run.cover(Decimal(3), spent=Decimal(1)) is None
    assert run.committed == await journal.spending(TODAY) == Decimal(3)
    await journal.aclose()


@pytest.mark.parametrize("cap", [None, CAP])
async def test_what_could_not_be_counted_is_counted_the_next_time(
    cap: Decimal | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Failing(tmp_path)
    run = Reservation(journal, "a", cap, day=lambda: TODAY)
    journal.full = True
    for _ in range(2):
        await run.settle(lambda: Decimal(3), spent=Decimal(3))
    assert await journal.spending(TODAY) == 0
    (told,) = caplog.messages
    assert told == "run a: $3.00 that it spent are not counted to the day yet: the disk is full"
    journal.full = False

    await run.settle(lambda: Decimal(4), spent=Decimal(4))

    assert run.committed == await journal.spending(TODAY) == Decimal(4)
    await journal.aclose()


async def test_what_could_not_be_given_back_stays_committed_and_is_said_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Failing(tmp_path)
    run = share(journal, "a")
    await run.cover(Decimal(3), spent=FREE)
    journal.full = True

    await run.settle(lambda: Decimal(1), spent=Decimal(1))

    assert await journal.spending(TODAY) == Decimal(3)
    assert "run a: $2.00 that it does not need stay committed for the day" in caplog.text
    await journal.aclose()


async def test_a_reservation_whose_caller_is_cancelled_is_counted_here_and_there_or_nowhere(
    tmp_path: Path,
) -> None:
    journal = SqliteJournal(tmp_path)
    run = share(journal, "a")
    with anyio.CancelScope() as scope:
        scope.cancel("the run is being stopped")
        await run.cover(Decimal(2), spent=FREE)

    assert run.committed == await journal.spending(TODAY)
    assert run.committed in (0, 2)
    await journal.aclose()


steps = st.lists(
    st.tuples(st.integers(0, PROCESSES - 1), st.sampled_from(("cover", "settle", "die"))),
    min_size=5,
    max_size=60,
)
amounts = st.lists(
    st.decimals(min_value=0, max_value=3, places=4), min_size=PROCESSES, max_size=PROCESSES
)


@pytest.mark.every_day(1)
@pytest.mark.parametrize("together", [False, True])
@settings(max_examples=draws(25), deadline=None)
@given(steps=steps, amounts=amounts)
@pytest.mark.requirement("MONEY-8")
def test_no_interleaving_of_twenty_processes_passes_the_cap(
    together: bool, steps: Sequence[tuple[int, str]], amounts: Sequence[Decimal]
) -> None:
    """Whoever dies leaves what it had committed, and its successor begins with that."""

    async def play() -> None:
        with tempfile.TemporaryDirectory() as folder:
            journals = [SqliteJournal(Path(folder)) for _ in range(PROCESSES)]
            runs = [share(journal, f"run-{n}") for n, journal in enumerate(journals)]

            async def step(number: int, kind: str) -> None:
                run, usd = runs[number], amounts[number]
                if kind == "cover":
                    before = run.committed
                    left = await run.cover(before + usd, spent=FREE)
                    assert left is None or before <= left < before + usd
                elif kind == "settle":
                    await run.settle(lambda: run.committed / 2, spent=FREE)
                else:
                    runs[number] = Reservation(
                        journals[number], run.run_id, CAP, run.committed, lambda: TODAY
                    )
                counted = await journals[number].spending(TODAY)
                assert counted is not None
                assert counted <= CAP

            if together:
                async with anyio.create_task_group() as tasks:
                    for number, kind in steps:
                        tasks.start_soon(step, number, kind)
            else:
                for number, kind in steps:
                    await step(number, kind)
            total = sum((run.committed for run in runs), Decimal(0))
            counted = await journals[0].spending(TODAY)
            assert counted is not None
            assert total <= counted + Decimal("1e-6") <= CAP + Decimal("1e-6")
            for journal in journals:
                await journal.aclose()

    anyio.run(play)


async def test_what_could_not_be_given_back_is_given_back_the_next_time(tmp_path: Path) -> None:
    journal = Failing(tmp_path)
    days = [TODAY, "2026-11-29"]
    run = Reservation(journal, "a", CAP, day=lambda: days[0])
    await run.cover(Decimal(2), spent=FREE)
    days.pop(0)
    await run.cover(Decimal(4), spent=FREE)

    journal.full = True
    await run.settle(lambda: Decimal(1), spent=Decimal(1))
    assert run.committed == Decimal(4)
    journal.full = False
    await run.settle(lambda: Decimal(1), spent=Decimal(1))

    assert run.committed == Decimal(1)
    assert await journal.spending(TODAY) == 0
    assert await journal.spending("2026-11-29") == Decimal(1)
    await journal.aclose()


async def test_a_run_reserves_what_its_state_needs_and_keeps_what_it_may_still_use() -> None:
    run = play(a_run(max_cost_usd="5"), answers())
    state = run.live[-1]
    before = next(one for one in run.live if one.calls_in_flight)
    journal = MemoryJournal(MemoryStore())
    of_run = Reservation(journal, "a", CAP, day=lambda: TODAY)

    assert not of_run.covers(before)
    assert await of_run.enlarge(before) == ()
    assert of_run.covers(before)
    assert await journal.spending(TODAY) == of_run.committed == reservation_needed(before)

    await of_run.keep(lambda: state)
    await of_run.leave(lambda: state)
    assert await journal.spending(TODAY) == state.ledger.committed


async def test_a_run_that_may_reserve_no_more_learns_its_part_of_the_cap() -> None:
    before = next(one for one in play(a_run(max_cost_usd="5"), answers()).live if one.ledger.held)
    small = Reservation(MemoryJournal(MemoryStore()), "a", Decimal("0.01"), day=lambda: TODAY)

    assert await small.enlarge(before) == (DayCapReached(Decimal("0.01"), Decimal("0.01")),)
    assert Reservation(MemoryJournal(MemoryStore()), "a", None).covers(before)
