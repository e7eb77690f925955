"""Checks of `Callers`: identical requests join one run, and a run is wanted as long as one waits.

A process that is gone is here one that has closed its journal.
"""

from __future__ import annotations

import anyio

from atlas_mcp.atlas.events import Record, RunFinished
from atlas_mcp.journal.base import Journal
from atlas_mcp.journal.clients import Caller, CallerState
from atlas_mcp.testing.journal_conformance import (
    Check,
    Stand,
    checks_of,
    ended_run,
    first_record,
    opened,
    remove,
)

NEVER = 1e12
"""Unix seconds before which everything in a check happens: no change is recent."""

EVER = 0.0
"""Unix seconds after which everything in a check happens."""


def caller(name: str, run_id: str = "", digest: str = "d", asked_at: float = 1.0) -> Caller:
    """Return a caller, which would open a run of its own name."""
    return Caller(name, run_id or f"run-{name}", digest, asked_at)


async def solves(journal: Journal, one: Caller, *, since: float = NEVER) -> str | None:
    """Join as an identical question does."""
    return await journal.join(one, after_cut=False, since=since)


async def repeats(journal: Journal, one: Caller, *, since: float = EVER) -> str | None:
    """Join as an explore does that is repeated after a cut."""
    return await journal.join(one, after_cut=True, since=since)


async def open_run_of(journal: Journal, one: Caller) -> None:
    """Open the run of a caller that has joined none."""
    assert await solves(journal, one) is None
    await journal.open_run(one.run_id, first_record())


async def check_53_an_identical_request_joins_the_run_for_which_a_caller_waits(
    stand: Stand,
) -> None:
    """It does so in each process, and before the run is open; others open their own."""
    async with opened(stand) as one, opened(stand) as other:
        assert await solves(one, caller("a")) is None

        assert await solves(one, caller("b")) == "run-a"
        assert await solves(other, caller("c", asked_at=2.0)) == "run-a"
        assert await solves(other, caller("d", digest="else")) is None
        assert await solves(other, caller("e", digest="")) is None
        assert await solves(other, caller("f", digest="")) is None


async def check_54_of_requests_at_once_one_opens_the_run(stand: Stand) -> None:
    """The others join it, in whichever process they come."""
    results: list[str | None] = []

    async with opened(stand) as one, opened(stand) as other:

        async def ask(journal: Journal, name: str) -> None:
            results.append(await solves(journal, caller(name)))

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(ask, (one, other)[number % 2], str(number))

    assert results.count(None) == 1
    assert len(set(results)) == 2


async def check_55_a_driven_run_is_joined_however_old_it_is(stand: Stand) -> None:
    """Also if its callers were cut off, or were told that it goes on."""
    states: tuple[CallerState, ...] = ("cut", "promised")
    for state in states:
        async with opened(stand) as journal:
            first = caller(f"a-{state}", digest=state)
            await open_run_of(journal, first)
            await journal.mark(first.caller_id, state)

            assert await solves(journal, caller(f"b-{state}", digest=state)) == first.run_id


async def check_56_a_run_that_nobody_received_is_joined_while_it_is_recent(stand: Stand) -> None:
    """The newest of the changes of the run and of its caller counts."""
    async with opened(stand) as journal:
        await ended_run(journal, "run-a", at=500.0)
        assert await solves(journal, caller("a")) is None
        await journal.mark("a", "cut")

        assert await solves(journal, caller("later")) is None
        await journal.drop("later")
        assert await solves(journal, caller("b", asked_at=2.0), since=EVER) == "run-a"


async def check_57_an_answer_that_comes_long_after_the_promise_is_recent(stand: Stand) -> None:
    """The caller was told early that the run goes on."""
    async with opened(stand) as journal:
        await ended_run(journal, "run-a", at=9e8)
        assert await solves(journal, caller("a")) is None
        await journal.mark("a", "promised")
        await ended_run(journal, "run-b", at=9e9)
        assert await solves(journal, caller("b", digest="other")) is None
        await journal.mark("b", "promised")

        assert await solves(journal, caller("c"), since=5e9) is None
        assert await solves(journal, caller("d", digest="other"), since=5e9) == "run-b"


async def check_58_a_run_whose_end_was_received_is_not_joined(stand: Stand) -> None:
    """A request after that is a new one, also after another caller was cut off."""
    async with opened(stand) as journal:
        await ended_run(journal, "run-a", at=1.0)
        assert await solves(journal, caller("a")) is None
        assert await solves(journal, caller("b"), since=EVER) == "run-a"
        await journal.receive("run-a")
        await journal.mark("a", "cut")

        assert await solves(journal, caller("c"), since=EVER) is None


async def check_59_a_failed_run_is_asked_anew(stand: Stand) -> None:
    """Its cause may have been mended since."""
    async with opened(stand) as journal:
        first = caller("a")
        assert await solves(journal, first) is None
        lease = await journal.open_run(first.run_id, first_record())
        await journal.append(lease, [Record(2, 1.0, RunFinished("failed", "no_candidates"))])
        await journal.release(lease)
        await journal.mark("a", "cut")

        assert await solves(journal, caller("b"), since=EVER) is None


async def check_60_a_caller_without_a_run_is_forgotten_with_its_process(stand: Stand) -> None:
    """The next identical request opens a run of its own, for which others wait."""
    async with opened(stand) as journal:
        async with opened(stand) as gone:
            assert await solves(gone, caller("a")) is None

        assert await solves(journal, caller("b"), since=EVER) is None
        assert await solves(journal, caller("c"), since=EVER) == "run-b"


async def check_61_a_dropped_caller_is_not_joined(stand: Stand) -> None:
    """Its run could not be opened."""
    async with opened(stand) as journal:
        assert await solves(journal, caller("a")) is None
        await journal.drop("a")
        await journal.drop("a")

        assert await solves(journal, caller("b")) is None


async def check_62_a_repeat_after_a_cut_joins_once(stand: Stand) -> None:
    """While the first caller waits, or once it was told to wait, a repeat is a new request."""
    async with opened(stand) as journal, opened(stand) as other:
        await open_run_of(journal, caller("a"))
        assert await repeats(other, caller("b", digest="d", asked_at=2.0)) is None
        await journal.drop("b")
        await journal.mark("a", "cut")

        assert await repeats(other, caller("c", asked_at=3.0), since=NEVER) is None
        await journal.drop("c")
        assert await repeats(other, caller("d", asked_at=4.0)) == "run-a"
        assert await repeats(other, caller("e", asked_at=5.0)) is None

        await journal.mark("d", "promised")
        await journal.drop("e")
        assert await repeats(other, caller("f", asked_at=6.0)) is None


async def check_63_a_repeat_joins_the_run_of_a_process_that_is_gone(stand: Stand) -> None:
    """Its caller waited there, so it has got no answer; one that was promised to go on may."""
    async with opened(stand) as journal:
        async with opened(stand) as gone:
            await open_run_of(gone, caller("a"))
            await open_run_of(gone, caller("p", digest="promised"))
            await gone.mark("p", "promised")

        assert await repeats(journal, caller("b")) == "run-a"
        assert await repeats(journal, caller("c", digest="promised")) is None


async def check_64_of_repeats_at_once_one_joins(stand: Stand) -> None:
    """The others are requests of their own: independent attempts are asked for word for word."""
    results: list[str | None] = []
    async with opened(stand) as journal, opened(stand) as other:
        await open_run_of(journal, caller("a"))
        await journal.mark("a", "cut")

        async def ask(one: Journal, name: str) -> None:
            results.append(await repeats(one, caller(name)))

        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(ask, (journal, other)[number % 2], str(number))

    assert sorted(filter(None, results)) == ["run-a"]


async def check_65_a_run_is_wanted_while_a_caller_waits_in_a_live_process(stand: Stand) -> None:
    """Runs without callers are left out."""
    async with opened(stand) as journal, opened(stand) as driver:
        async with opened(stand) as gone:
            await solves(gone, caller("a", "gone", digest="a"))
            await solves(gone, caller("b", "left", digest="b"))
        await solves(journal, caller("c", "left", digest="c"))
        await solves(journal, caller("d", "cut", digest="d"))
        await journal.mark("d", "cut")

        runs = ["gone", "left", "cut", "none"]
        for promises in (True, False):
            found = await driver.wanted(runs, promises=promises)
            assert found == {"gone": False, "left": True, "cut": False}
        # A process that is said to be gone may hold its lock for a moment more.
        dying = await driver.wanted(["left"], promises=True, gone=journal.owner)
        assert dying == {"left": False}
        await journal.mark("c", "cut")
        assert await driver.wanted(["left"], promises=True) == {"left": False}
        assert await driver.wanted([], promises=True) == {}


async def check_66_a_promise_outlives_its_process_where_promises_count(stand: Stand) -> None:
    """While that process lives, it counts in any case; once received, it does not."""
    async with opened(stand) as driver:
        async with opened(stand) as journal:
            await solves(journal, caller("a", "r"))
            await journal.mark("a", "promised")
            for promises in (True, False):
                assert await driver.wanted(["r"], promises=promises) == {"r": True}

        assert await driver.wanted(["r"], promises=True) == {"r": True}
        assert await driver.wanted(["r"], promises=False) == {"r": False}
        await driver.receive("r")
        assert await driver.wanted(["r"], promises=True) == {"r": False}


async def check_67_received_is_final_and_unknown_callers_are_ignored(stand: Stand) -> None:
    """A client may cancel its request while the answer is handed over."""
    async with opened(stand) as journal:
        await solves(journal, caller("a", "r"))
        await journal.receive("r")
        await journal.receive("none")
        await journal.mark("a", "waiting")
        await journal.mark("none", "cut")

        assert await journal.wanted(["r", "none"], promises=True) == {"r": False}


async def check_68_callers_go_with_their_runs(stand: Stand) -> None:
    """A removed run is joined by no request."""
    async with opened(stand) as journal:
        for name in ("a", "b"):
            await ended_run(journal, f"run-{name}", at=1.0)
            await solves(journal, caller(name, digest=name))
            await journal.mark(name, "promised")

        await remove(journal, "run-a")

        found = await journal.wanted(["run-a", "run-b"], promises=True)
        assert found == {"run-b": True}
        assert await solves(journal, caller("c", digest="a"), since=EVER) is None


async def check_69_the_newest_identical_caller_is_looked_at_first(stand: Stand) -> None:
    """An earlier one is joined if the newest cannot be."""
    async with opened(stand) as journal:
        await ended_run(journal, "run-a", at=1.0)
        await ended_run(journal, "run-b", at=1.0)
        await solves(journal, caller("b", asked_at=7.0))
        await journal.mark("b", "cut")
        assert await solves(journal, caller("a", asked_at=5.0)) is None
        await journal.mark("a", "cut")

        assert await solves(journal, caller("c", asked_at=3.0), since=EVER) == "run-b"
        await journal.receive("run-b")
        assert await solves(journal, caller("d", asked_at=9.0), since=EVER) == "run-a"


async def check_76_a_repeat_joins_though_an_earlier_request_was_answered(stand: Stand) -> None:
    """Attempts are added to one run word for word, and each of them has a caller of its own."""
    async with opened(stand) as journal:
        await open_run_of(journal, caller("a"))
        await journal.mark("a", "received")
        assert await repeats(journal, caller("b", "run-a", asked_at=2.0)) is None
        await journal.mark("b", "cut")

        assert await repeats(journal, caller("c", asked_at=3.0)) == "run-a"


async def check_77_a_request_that_was_cut_before_its_run_was_open_is_not_joined(
    stand: Stand,
) -> None:
    """No run of it will come."""
    async with opened(stand) as journal:
        assert await solves(journal, caller("a")) is None
        await journal.mark("a", "cut")

        assert await solves(journal, caller("b", asked_at=2.0), since=EVER) is None
        await journal.drop("b")
        assert await repeats(journal, caller("c", asked_at=3.0)) is None


async def check_78_an_end_is_received_by_those_that_asked_before_it(stand: Stand) -> None:
    """A caller that asks for more of a run while its end is handed over waits for another end."""
    async with opened(stand) as journal:
        await open_run_of(journal, caller("a", asked_at=1.0))
        await solves(journal, caller("b", "run-a", digest="more", asked_at=3.0))
        await journal.receive("run-a", until=2.0)
        assert await journal.wanted(["run-a"], promises=False) == {"run-a": True}

        await journal.receive("run-a", until=3.0)
        assert await journal.wanted(["run-a"], promises=False) == {"run-a": False}


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
