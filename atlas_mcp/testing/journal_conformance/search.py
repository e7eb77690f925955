"""Checks of `Search`: runs are found by their words, and added up; both follow every change."""

from __future__ import annotations

from decimal import Decimal

from atlas_mcp.atlas.events import Record, RunFinished
from atlas_mcp.journal.base import Journal
from atlas_mcp.journal.search import FoundRuns, Statistics
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

HOSTILE = (
    '"',
    '""" AND',
    "NEAR(a b, 2)",
    "problem: x*",
    "^how",
    "a OR NOT b -c",
    "(((",
    "*",
    "'; DROP TABLE runs; --",
    "\0\x1b[31m",
    "\ud800",
    "\u202e\u2066",
    "%_[a-z]",
    "{answer problem}: how",
    "x" * 1_000_000,
    "how " * 200_000,
)
"""Texts that a query language would obey."""


async def ids(journal: Journal, text: str, *, limit: int = 50, offset: int = 0) -> list[str]:
    """Return the ids of the runs that are found."""
    return run_ids(await journal.search(text, limit=limit, offset=offset))


def run_ids(found: FoundRuns) -> list[str]:
    """Return the ids of runs, in their order."""
    return [one.run.run_id for one in found.runs]


async def asked(journal: Journal, run_id: str, problem: str, at: float = 1.0) -> None:
    """Store a run with a problem, which is not driven."""
    await journal.release(await journal.open_run(run_id, first_record(problem, at)))


async def explored(journal: Journal, run_id: str, *answers: str, end: str | None) -> None:
    """Store a run with a candidate for each answer, a month apart from other runs by its id."""
    lease = await journal.open_run(run_id, first_record(at=1.0))
    records: list[Record] = []
    for number, answer in enumerate(answers):
        records += [later_record(3 * number + seq, answer) for seq in (2, 3, 4)]
    seq = 3 * len(answers) + 2
    status, reason = ("failed", "no_candidates") if end is None else ("answered", "decided")
    records.append(Record(seq, float(seq), RunFinished(status, reason, end)))
    await journal.append(lease, records)
    await journal.release(lease)


async def check_81_a_run_is_found_by_its_problem_answers_models_and_id(stand: Stand) -> None:
    """Case and accents do not count; the place is named, with the text around the find."""
    async with opened(stand) as journal:
        await asked(journal, "other", "Which river is the longest?")
        await asked(journal, "b4c5d6", "The café of Zoë: how many PRIMES are there?")
        await explored(journal, "r2", "forty-two", "seventeen", end="forty-two")
        assert await journal.catch_up() == 0

        assert await ids(journal, "CAFE zoe primes") == ["b4c5d6"]
        assert await ids(journal, "b4c") == ["b4c5d6"]
        assert await ids(journal, "Forty-Two") == ["r2"]
        assert await ids(journal, "seventeen") == ["r2"]
        assert set(await ids(journal, "maker/m")) == {"other", "b4c5d6", "r2"}
        assert await ids(journal, "nowhere") == await ids(journal, "river primes") == []
        [one] = (await journal.search("seventeen")).runs
        assert one.found is not None
        assert (one.found.place, one.found.pieces[1]) == ("candidates", "seventeen")
        [one] = (await journal.search("cafe")).runs
        assert one.found is not None
        assert one.found.pieces[:2] == ("The ", "café")


async def check_82_the_last_word_may_be_a_beginning(stand: Stand) -> None:
    """The words before it are whole, and a single letter is a word."""
    async with opened(stand) as journal:
        await asked(journal, "r", "Solve for x: handshakes of people.")
        await journal.catch_up()

        assert await ids(journal, "handsh") == await ids(journal, "people hand") == ["r"]
        assert await ids(journal, "hand people") == await ids(journal, "p") == []
        assert await ids(journal, "x") == ["r"]


async def check_83_scripts_without_spaces_and_signs_are_found(stand: Stand) -> None:
    """A part of a Japanese or Chinese sentence, a formula however it is spaced, a picture."""
    async with opened(stand) as journal:
        await asked(journal, "ja", "日本語の問題です", 1.0)
        await asked(journal, "zh", "求方程的根", 2.0)
        await asked(journal, "sum", "If x + 1 = 5 😀, what is x?", 3.0)
        await journal.catch_up()

        assert await ids(journal, "の問題") == await ids(journal, "語") == ["ja"]
        assert await ids(journal, "方程") == ["zh"]
        assert await ids(journal, "x+1=5") == await ids(journal, "😀") == ["sum"]
        assert await ids(journal, "x+2") == []


async def check_84_nothing_in_a_search_is_a_command(stand: Stand) -> None:
    """Every text finds runs with its words, or none; none fails."""
    async with opened(stand) as journal:
        await asked(journal, "r", "How many primes?")
        await journal.catch_up()

        for text in HOSTILE:
            assert await ids(journal, text) in ([], ["r"]), text[:40]
        assert await ids(journal, '"how" many') == ["r"]
        assert await ids(journal, "how OR many") == []


async def check_85_the_best_match_is_first_and_pages_do_not_overlap(stand: Stand) -> None:
    """Among equal matches the newest is first; without words all runs are listed, newest first."""
    async with opened(stand) as journal:
        for number in range(7):
            await asked(journal, f"r{number}", "A question of equal rank", float(number))
        await ended_run(journal, "best", 0.5, "equal")
        await journal.catch_up()

        every = ["best", *(f"r{number}" for number in reversed(range(7)))]
        assert await ids(journal, "equal") == every
        assert (await journal.search("equal", limit=2)).total == 8
        pages = [await ids(journal, "equal", limit=3, offset=at) for at in (0, 3, 6, 9)]
        assert pages == [every[:3], every[3:6], every[6:], []]
        newest = [*(f"r{number}" for number in reversed(range(1, 7))), "best", "r0"]
        assert await ids(journal, "") == newest
        assert await ids(journal, " \n", limit=2, offset=6) == newest[6:]


async def check_86_changes_are_found_once_they_were_read(stand: Stand) -> None:
    """Those of every process that shares the store; a search says what was not read yet."""
    async with opened(stand) as one, opened(stand) as two:
        lease = await one.open_run("r", first_record("How many?"))
        assert await two.catch_up() == 0
        await one.append(lease, [Record(2, 2.0, RunFinished("answered", "decided", "seventeen"))])
        assert await ids(two, "seventeen") == []
        await asked(one, "s", "Another?")

        seen: list[tuple[int, int]] = []
        assert await two.catch_up(progress=lambda done, of: seen.append((done, of))) == 0

        assert await ids(two, "seventeen") == await ids(one, "seventeen") == ["r"]
        [found] = (await one.search("seventeen")).runs
        assert found.outline is not None
        assert (found.outline.answer, found.outline.ended_at) == ("seventeen", 2.0)
        assert found.run.driven
        assert seen[-1][0] == seen[-1][1] > 0


async def check_87_a_removed_run_is_neither_found_nor_counted(stand: Stand) -> None:
    """A new run of its id is found by its own words."""
    async with opened(stand) as journal, opened(stand) as other:
        for run_id in ("gone", "stays"):
            await ended_run(journal, run_id, 10.0, "seventeen")
        await journal.catch_up()
        await other.catch_up()

        assert await remove(journal, "gone") == ("gone",)

        for one in (journal, other):
            assert await ids(one, "seventeen") == ["stays"]
            await one.catch_up()
            assert await ids(one, "seventeen") == await ids(one, "") == ["stays"]
            assert (await one.search("seventeen")).total == 1
            assert (await one.statistics()).runs == 1
        await asked(journal, "gone", "Anew?")
        await journal.catch_up()
        assert await ids(journal, "gone") == await ids(journal, "anew") == ["gone"]
        assert await ids(journal, "seventeen") == ["stays"]


async def check_88_statistics_add_all_runs_up(stand: Stand) -> None:
    """Money by month and model; ends; explores, and whose candidates gave the answer."""
    async with opened(stand) as journal:
        empty = await _counted(journal)
        assert (empty.since, empty.runs, empty.spent, empty.tried) == (None, 0, (), ())
        await explored(journal, "won", "42", "17", "42.0", end="42")
        await explored(journal, "lost", "3", end="5")
        await explored(journal, "failed", "9", end=None)

        found = await _counted(journal)

        assert (found.since, found.runs, found.unread, found.answered) == (1.0, 3, 0, 2)
        assert (found.answered_explores, found.priced, found.priced_usd) == (4, 2, Decimal("0.4"))
        assert found.unpriced_runs == 0
        assert [(end.status, end.runs) for end in found.ends] == [("answered", 2), ("failed", 1)]
        [spent] = found.spent
        assert (spent.runs, spent.spent.month, spent.spent.model) == (3, "1970-01", "maker/m")
        assert (spent.spent.requests, spent.spent.output_tokens) == (5, 25)
        assert spent.spent.cost_usd == Decimal("0.5")
        [tried] = found.tried
        assert (tried.explores, tried.failed, tried.judged, tried.won) == (5, 0, 4, 2)
        await asked(journal, "left", "Which river?")
        await journal.open_run("going", first_record())
        ends = {end.status: end.runs for end in (await _counted(journal)).ends}
        assert ends == {"answered": 2, "failed": 1, "interrupted": 1, "running": 1}


async def check_89_damaged_records_are_found_by_the_rest(stand: Stand) -> None:
    """A run whose records are torn does not keep others from being found."""
    async with opened(stand) as journal:
        for run_id in ("first", "later"):
            await explored(journal, run_id, "forty", end="seventeen")
        await asked(journal, "whole", "Which river?")
        stand.tear("first", 1)
        stand.tear("later", 4)

        assert await journal.catch_up() == 0

        assert await ids(journal, "river") == ["whole"]
        assert set(await ids(journal, "seventeen")) == {"first", "later"}
        assert (await journal.statistics()).runs == 3


async def _counted(journal: Journal) -> Statistics:
    await journal.catch_up()
    return await journal.statistics()


CHECKS: tuple[Check, ...] = checks_of(globals())
"""All checks of this part, in their order."""
