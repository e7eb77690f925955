"""What the journal costs: making an event durable, and finding things in a file of many runs.

Every figure is also a ratio to a bare SQLite connection (write-ahead log, `synchronous = FULL`)
that takes turns with the journal in one process: it commits the same bytes one by one, selects the
same rows, opens the same file, and does nothing else. The ratio is the median over the rounds.

    python benchmarks/journal.py [--rounds N] [--events N] [--many N] [--runs N]
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import os
import secrets
import sqlite3
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from mcp import Client

from atlas_mcp.atlas.codec import encode_event
from atlas_mcp.atlas.events import Event, Record
from atlas_mcp.atlas.messages import ModelRequest
from atlas_mcp.atlas.problem import make_problem
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import BudgetSettings, Settings
from atlas_mcp.journal.base import Journal, Lease, ListedRun, Records
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.models.pool import Pool
from atlas_mcp.models.scripted.model import Says, Scripted
from atlas_mcp.program import main as command_line
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.request import RunRequest
from atlas_mcp.runs.retention import Keep
from atlas_mcp.runs.service import RunService
from atlas_mcp.server.app import make_server
from atlas_mcp.testing.atlas_api import candidate_text, synthesis_text

JUSTIFICATION = "Count the pairs from the definition, then check the count on a small case. " * 27
"""About 2,000 characters: a solver that shows its work."""

REMOVED = 5_000
"""Runs removed at the most: it takes about a millisecond each."""

NEWEST = "SELECT * FROM runs ORDER BY opened_at DESC LIMIT ?"
ADD_UP = "SELECT min(updated_at), sum(size_bytes) FROM runs"
INSERT_EVENT = "INSERT INTO events (run_id, seq, at, body) VALUES (?,?,?,?)"
INSERT_RUN = (
    "INSERT INTO runs (run_id, opened_at, updated_at, status, workflow, title, fence, lease_until, "
    "size_bytes) VALUES (?,?,?,'answered','atlas',?,1,0,?)"
)


@dataclass
class Turns:
    """Seconds of both sides, one each a round; `times` is how often a round does what it does."""

    what: str
    bare_what: str
    times: int = 1
    ours: list[float] = field(default_factory=list[float])
    bare: list[float] = field(default_factory=list[float])

    def report(self) -> None:
        ours, bare = (1e3 * statistics.median(one) / self.times for one in (self.ours, self.bare))
        ratio = statistics.median(a / b for a, b in zip(self.ours, self.bare, strict=True))
        print(f"  {self.what:30} {ours:9.3f} ms   {self.bare_what:26} {bare:9.3f} ms {ratio:8.2f}")


@dataclass
class Bench:
    """What is written, how often things are measured, and the connection that is compared with."""

    events: Sequence[Event]
    rounds: int
    connection: sqlite3.Connection

    @property
    def lines(self) -> list[str]:
        return [encode_event(event) for event in self.events]

    async def compare(
        self,
        turns: Turns,
        ours: Callable[[], Awaitable[object] | object],
        bare: Callable[[], object],
    ) -> None:
        """Let both take turns, once unmeasured and then for the rounds, and print what it took."""
        for measured in (False, *[True] * self.rounds):
            with timed(turns.ours if measured else []):
                result = ours()
                if inspect.isawaitable(result):
                    await result
            with timed(turns.bare if measured else []):
                bare()
        turns.report()

    def rows(self, query: str, *parameters: object) -> Callable[[], list[tuple[object, ...]]]:
        return lambda: self.connection.execute(query, parameters).fetchall()

    def bare_commits(self, count: int) -> None:
        """Insert and commit so many events, one by one."""
        run_id, lines = secrets.token_hex(7), self.lines
        for seq in range(count):
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.execute(INSERT_EVENT, (run_id, seq, 1.0, lines[seq % len(lines)]))
            self.connection.execute("COMMIT")

    async def appends(self, journal: Journal, count: int, *, runs: int = 1) -> None:
        """Append so many events, one by one in each of so many runs at once."""

        async def one_by_one() -> None:
            lease = await journal.open_run(secrets.token_hex(7), Record(1, 1.0, self.events[0]))
            for seq in range(2, count // runs + 1):
                event = self.events[(seq - 1) % len(self.events)]
                await journal.append(lease, [Record(seq, 1.0, event)])
            await journal.release(lease)

        async with anyio.create_task_group() as tasks:
            for _ in range(runs):
                tasks.start_soon(one_by_one)


@contextmanager
def timed(seconds: list[float]) -> Generator[None]:
    began = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - began)


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


async def events_of_a_run() -> tuple[Event, ...]:
    """Return what is recorded of a run of two explores and a synthesis, in the sizes it has."""
    candidate = candidate_text("21").replace("First this, then that.", JUSTIFICATION)

    def script(request: ModelRequest) -> Says:
        return Says(synthesis_text("21") if request.tools else candidate)

    model = Scripted(script)
    with tempfile.TemporaryDirectory() as home:
        solvers = {"s": SolverSettings(model=model.name)}
        settings = Settings(home=Path(home), budget=BudgetSettings(), solvers=solvers)
        async with open_service(settings, pool=Pool(settings, {model.name: model})) as service:
            run_id = await service.solve(make_problem("How many handshakes? " * 20), RunRequest())
            await service.wait(run_id, 60)
            return tuple(record.event for record in await service.read(run_id))


def fill(home: Path, events: Sequence[Event], runs: int) -> None:
    """Make a journal of so many finished runs, one a minute until now."""
    anyio.run(SqliteJournal(home).aclose)
    lines = [encode_event(event) for event in events]
    size = sum(len(line.encode()) for line in lines)
    connection = sqlite3.connect(home / FILE_NAME, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    first_at = time.time() - 60 * runs
    for first in range(0, runs, 1_000):
        connection.execute("BEGIN")
        for number in range(first, min(runs, first + 1_000)):
            run_id, at = secrets.token_hex(7), first_at + 60 * number
            title = "How many handshakes do seven people exchange? " * 2
            connection.execute(INSERT_RUN, (run_id, at, at + 30, title, size))
            rows = [(run_id, seq, at + seq, line) for seq, line in enumerate(lines, start=1)]
            connection.executemany(INSERT_EVENT, rows)
        connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def measure_events(bench: Bench, folder: Path, *, count: int, many: int) -> None:
    journal = SqliteJournal(folder)
    size = sum(map(len, bench.lines)) // len(bench.events)
    print(f"\nan event made durable, of {size:,} bytes on average")
    for runs, each in ((1, count), (many, 10 * many)):
        await bench.compare(
            Turns(f"{runs} run(s) appending", "one commit an event", each),
            lambda: bench.appends(journal, each, runs=runs),  # noqa: B023
            lambda: bench.bare_commits(each),  # noqa: B023
        )
    await journal.aclose()


async def measure_runs(bench: Bench, home: Path) -> None:
    """Measure looking at runs and writing them in a large file."""

    async def open_and_close() -> None:
        await SqliteJournal(home).aclose()

    def bare_open_and_close() -> None:
        other = connect(home / FILE_NAME)
        other.execute("SELECT 1 FROM runs").fetchone()
        other.close()

    await bench.compare(
        Turns("open and close", "connect, SELECT 1, close"), open_and_close, bare_open_and_close
    )
    journal = SqliteJournal(home)
    for limit, name in ((100, "the newest 100"), (1_000, "the newest 1,000"), (None, "all")):
        await bench.compare(
            Turns(f"list {name}", "SELECT of these rows"),
            lambda: journal.list_runs(limit=limit),  # noqa: B023
            bench.rows(NEWEST, -1 if limit is None else limit),
        )
    ids = [run.run_id for run in await journal.list_runs(limit=1_000)]
    await bench.compare(
        Turns("is_driven", "SELECT by run_id"),
        lambda: journal.is_driven(ids[0]),
        bench.rows("SELECT owner, lease_until FROM runs WHERE run_id = ?", ids[0]),
    )
    await bench.compare(
        Turns("read a run", "SELECT of its events"),
        lambda: journal.read(ids[0]),
        bench.rows("SELECT * FROM events WHERE run_id = ? ORDER BY seq", ids[0]),
    )
    leases: list[Lease] = []

    async def claim() -> None:
        leases.append(await journal.claim(ids[len(leases)]))

    update = bench.rows("UPDATE runs SET fence = fence + 1 WHERE run_id = ?", ids[-1])
    await bench.compare(Turns("claim", "one UPDATE, committed"), claim, update)
    await bench.compare(
        Turns("release", "one UPDATE, committed"), lambda: journal.release(leases.pop()), update
    )
    await bench.compare(
        Turns("append an event", "one commit an event", 100),
        lambda: bench.appends(journal, 100),
        lambda: bench.bare_commits(100),
    )
    await journal.aclose()


async def measure_resource(bench: Bench, home: Path) -> None:
    async with Client(make_server(Settings(home=home))) as client:
        await bench.compare(
            Turns("read atlas://runs, over MCP", "SELECT of 50 rows"),
            lambda: client.read_resource("atlas://runs"),
            bench.rows(NEWEST, 50),
        )


async def measure_retention(bench: Bench, home: Path, runs: int) -> None:
    """Measure deciding what is beyond the limits, then removing half of it with a run at work."""
    async with open_service(Settings(home=home)) as service:
        for keep, name in (
            (Keep(days=36_500, size_mb=1e9), "find none beyond the limits"),
            (Keep(days=runs / 2_880), "find half of them, by age"),
            (Keep(size_mb=0), "find all of them, by size"),
        ):
            await bench.compare(
                Turns(name, "min and sum of all rows"),
                lambda: service.expired(keep),  # noqa: B023
                bench.rows(ADD_UP),
            )
        tracemalloc.start()
        half = await service.expired(Keep(days=runs / 2_880))
        print(f"  memory for finding them: {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB")
        tracemalloc.stop()
        await measure_removal(bench, service, home, half[:REMOVED])


async def measure_removal(
    bench: Bench, service: RunService, home: Path, runs: Sequence[ListedRun]
) -> None:
    """Remove runs, while a run of this process and one of another append."""
    waits: dict[str, list[float]] = {"this process": [], "another process": []}
    other = SqliteJournal(home)
    size = (home / FILE_NAME).stat().st_size
    removed: Sequence[str] = ()
    began = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for journal, seconds in zip((service.records, other), waits.values(), strict=True):
            tasks.start_soon(append_until_cancelled, bench, journal, seconds)
        removed = await service.remove(runs)
        tasks.cancel_scope.cancel("all are removed")
    await other.aclose()
    took = time.perf_counter() - began
    left = (home / FILE_NAME).stat().st_size
    print(
        f"  {len(removed):,} runs removed in {took:.1f} s, {(size - left) / 1e6:,.0f} MB given back"
    )
    for who, seconds in waits.items():
        longest, median = max(seconds), statistics.median(seconds)
        print(f"  meanwhile an append of {who}: {longest * 1e3:.0f} ms at most, {median * 1e3:.1f}")


async def append_until_cancelled(bench: Bench, journal: Records, seconds: list[float]) -> None:
    lease = await journal.open_run(secrets.token_hex(7), Record(1, time.time(), bench.events[0]))
    seq = 1
    while True:
        seq += 1
        event = bench.events[(seq - 1) % len(bench.events)]
        with timed(seconds):
            await journal.append(lease, [Record(seq, time.time(), event)])
        await anyio.sleep(0.01)


def measure_command_line(bench: Bench, home: Path) -> None:
    """Measure `runs list` within the process; on its own it starts Python as well."""
    os.environ["ATLAS_HOME"], os.environ["ATLAS_CONFIG"] = str(home), os.devnull

    def list_runs(*options: str) -> float:
        people = contextlib.redirect_stderr(io.StringIO())
        with people, contextlib.redirect_stdout(io.StringIO()) as out:
            began = time.perf_counter()
            command_line(["runs", "list", *options])
            seconds = time.perf_counter() - began
        assert out.getvalue().count("\n") >= 1
        return seconds

    for options in ((), ("--json",), ("--limit", "1000"), ("--limit", "1000", "--json")):
        turns = Turns(" ".join(("runs list", *options)), "SELECT of these rows")
        select = bench.rows(NEWEST, 1_000 if options[:1] == ("--limit",) else 20)
        for measured in (False, *[True] * bench.rounds):
            seconds = list_runs(*options)
            with timed(turns.bare if measured else []):
                select()
            if measured:
                turns.ours.append(seconds)
        turns.report()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=300, help="events a round of one run")
    parser.add_argument("--many", type=int, default=100, help="runs that append at once")
    parser.add_argument("--runs", type=int, default=100_000, help="runs of the large file")
    options = parser.parse_args()
    events = anyio.run(events_of_a_run)
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        for home in (small, large):
            anyio.run(SqliteJournal(home).aclose)
        bench = Bench(events, options.rounds, connect(small / FILE_NAME))
        anyio.run(lambda: measure_events(bench, small, count=options.events, many=options.many))
        bench.connection.close()
        fill(large, events, options.runs)
        size = (large / FILE_NAME).stat().st_size / 1e6
        print(f"\na file of {options.runs:,} runs, {size:,.0f} MB")
        bench = Bench(events, options.rounds, connect(large / FILE_NAME))
        anyio.run(measure_runs, bench, large)
        anyio.run(measure_resource, bench, large)
        measure_command_line(bench, large)
        anyio.run(measure_retention, bench, large, options.runs)
        bench.connection.close()


if __name__ == "__main__":
    main()
