"""What finding runs again costs in a journal of many runs: the first reading, searches, sums.

A search is compared with a bare FTS5 query for the same words on the same index, on a connection
that does nothing else, and the statistics with the bare sums. Times are in milliseconds, the median
and the 95th percentile over the rounds.

    python benchmarks/search.py [--runs N] [--rounds N] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import inspect
import itertools
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path

import anyio
from journal import INSERT_EVENT, INSERT_RUN, connect, events_of_a_run

from atlas_mcp.atlas.codec import encode_event
from atlas_mcp.atlas.events import Event
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.journal.words import phrases_of

PROBLEM_WORDS = 70
"""Words of a problem: some four hundred characters."""

VOCABULARY = 20_000
"""Different words, the more frequent the earlier, as in a language."""

KEPT = ("run_opened", "explores_planned", "solver_started", "solver_finished", "run_finished")
"""Events of a run in this journal: those that a digest is made of. The others would make it four
times as large, and its reading as long."""

QUERIES = (
    "how",
    "how many",
    "{0}",
    "{50} {51}",
    "{5000}",
    "{900} {4000} {7000}",
    "{2:3}",
    "r00",
    "scripted",
    "21",
    "x",
    "日本",
    "nowhere",
    "how many {0} {1} {2} {3} {4} {5}",
    "",
)
"""Searches; a number stands for a word by its frequency, cut to so many letters."""


def vocabulary() -> list[str]:
    """Return words that stay the same from one benchmark to the next."""
    letters = random.Random(1)
    return [
        "".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=letters.randint(3, 9)))
        for _ in range(VOCABULARY)
    ]


def fill(home: Path, events: Sequence[Event], runs: int, words: Sequence[str]) -> None:
    """Make a journal of so many finished runs, one a minute until now, each with its problem."""
    anyio.run(SqliteJournal(home).aclose)
    lines = [encode_event(event) for event in events if event.type in KEPT]
    problem = json.dumps("How many handshakes? " * 20)
    weights = list(itertools.accumulate(1 / (place + 10) for place in range(len(words))))
    chosen = random.Random(2)
    first_at = time.time() - 60 * runs
    with closing(sqlite3.connect(home / FILE_NAME, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for first in range(0, runs, 1_000):
            connection.execute("BEGIN")
            for number in range(first, min(runs, first + 1_000)):
                text = " ".join(chosen.choices(words, cum_weights=weights, k=PROBLEM_WORDS))
                title = f"How many {text}"
                run_id, at = f"r{number:07x}", first_at + 60 * number
                own = [lines[0].replace(problem, json.dumps(title)), *lines[1:]]
                size = sum(map(len, own))
                connection.execute(INSERT_RUN, (run_id, at, at + 30, title[:120], size))
                rows = [(run_id, seq, at + seq, line) for seq, line in enumerate(own, start=1)]
                connection.executemany(INSERT_EVENT, rows)
            connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def timed(work: Callable[[], Awaitable[object] | object], rounds: int) -> list[float]:
    """Do some work, once unmeasured, and return the milliseconds that it took each time."""
    times: list[float] = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        result = work()
        if inspect.isawaitable(result):
            await result
        times.append(1e3 * (time.perf_counter() - began))
    return times[1:]


def row(what: str, ours: Sequence[float], bare: Sequence[float], note: str = "") -> None:
    p95 = sorted(ours)[int(0.95 * (len(ours) - 1))]
    middle, other = statistics.median(ours), statistics.median(bare)
    ratio = middle / other if other else float("inf")
    print(f"  {what:40} {middle:8.2f} {p95:8.2f} {other:8.2f} {ratio:7.1f}  {note}")


async def measure_first_reading(home: Path, runs: int) -> None:
    """Measure reading all runs, and how long an append of another process waits meanwhile."""
    journal, other = SqliteJournal(home), SqliteJournal(home)
    before = (home / FILE_NAME).stat().st_size
    lease = await other.claim(f"r{0:07x}")
    waits: list[float] = []

    async def write() -> None:
        while True:
            began = time.perf_counter()
            await other.renew()
            waits.append(1e3 * (time.perf_counter() - began))
            await anyio.sleep(0.02)

    began = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        await journal.catch_up()
        tasks.cancel_scope.cancel("all runs are read")
    took = time.perf_counter() - began
    await other.release(lease)
    await other.aclose()
    await journal.aclose()
    added = (home / FILE_NAME).stat().st_size - before
    print(
        f"  all runs read in {took:.0f} s, {1e3 * took / runs:.2f} ms each; the file grew by "
        f"{added / 1e6:,.0f} MB, {added / before:.0%}"
    )
    middle = statistics.median(waits)
    print(
        f"  meanwhile a write of another process: {max(waits):.0f} ms at most, {middle:.1f} mostly"
    )


async def measure_searches(home: Path, rounds: int, words: Sequence[str]) -> None:
    journal = SqliteJournal(home)
    bare = connect(home / FILE_NAME)

    async def search(text: str) -> None:
        await journal.catch_up(seconds=2)
        await journal.search(text)

    began = time.perf_counter()
    await search("nowhere")
    print(f"  the first search of a process: {1e3 * (time.perf_counter() - began):.0f} ms")
    print(f"  {'search':40} {'median':>8} {'p95':>8} {'bare':>8} {'ratio':>7}  matches")
    every: list[float] = []
    for pattern in QUERIES:
        text = _filled(pattern, words)
        query = " ".join(phrase.as_query for phrase in phrases_of(text))
        asked = "SELECT rowid FROM digest_words WHERE digest_words MATCH ? LIMIT 50"

        def select() -> object:
            if not query:  # noqa: B023
                return bare.execute(
                    "SELECT * FROM runs ORDER BY opened_at DESC LIMIT 50"
                ).fetchall()
            return bare.execute(asked, (query,)).fetchall()  # noqa: B023

        ours = await timed(lambda: search(text), rounds)  # noqa: B023
        every += ours
        found = await journal.search(text)
        row(repr(text)[:40], ours, await timed(select, rounds), f"{found.total:,}")
    last = sorted(every)
    p95 = last[int(0.95 * (len(last) - 1))]
    print(
        f"  of all: median {statistics.median(last):.1f}, p95 {p95:.1f}, longest {last[-1]:.1f} ms"
    )
    sums = "SELECT sum(units), sum(requests) FROM digest_spending"
    row(
        "statistics",
        await timed(journal.statistics, rounds),
        await timed(lambda: bare.execute(sums).fetchall(), rounds),
    )
    bare.close()
    await journal.aclose()


def _filled(pattern: str, words: Sequence[str]) -> str:
    """Return a search in which numbers have become words."""
    parts: list[str] = []
    for part in pattern.split(" "):
        if part.startswith("{"):
            number, _, letters = part.strip("{}").partition(":")
            part = words[int(number)][: int(letters or 99)]
        parts.append(part)
    return " ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--keep", type=Path, help="a folder whose journal is made once and kept")
    options = parser.parse_args()
    words = vocabulary()
    with tempfile.TemporaryDirectory() as folder:
        home: Path = options.keep or Path(folder)
        if not (home / FILE_NAME).exists():
            fill(home, anyio.run(events_of_a_run), options.runs, words)
        size = (home / FILE_NAME).stat().st_size / 1e6
        print(f"a file of {options.runs:,} runs, {size:,.0f} MB")
        anyio.run(measure_first_reading, home, options.runs)
        anyio.run(measure_searches, home, options.rounds, words)


if __name__ == "__main__":
    main()
