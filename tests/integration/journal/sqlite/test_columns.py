"""Runs of a journal with any values in its rows are shown, listed, exported and gone on with.

A small journal is played once; of each copy some columns of some rows are written over with any
value at all. What cannot be understood is refused in words, and nothing ends in a traceback.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import anyio
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mcp import Client

from atlas_mcp.cli.output import print_lone, print_runs, print_view
from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import BudgetSettings, Settings
from atlas_mcp.errors import AtlasError
from atlas_mcp.journal.base import LiveRequest, TaskEntry
from atlas_mcp.journal.clients import Caller
from atlas_mcp.journal.sqlite.journal import SqliteJournal
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.models.pool import Pool
from atlas_mcp.runs.archive import read_archive, write_archive
from atlas_mcp.runs.clock import today
from atlas_mcp.runs.lone_drivers import find_lone_drivers
from atlas_mcp.runs.opening import open_service
from atlas_mcp.runs.retention import Keep
from atlas_mcp.server.app import make_server
from atlas_mcp.views.listing import as_dict
from atlas_mcp.views.rendering import view_of
from tests.support.drawing import draws
from tests.support.gated_models import Gated, GivenHost, Session, connected, text_of, until

COLUMNS = [
    *(("runs", name) for name in ("run_id", "opened_at", "updated_at", "status", "workflow")),
    *(("runs", name) for name in ("title", "owner", "fence", "lease_until", "stop_cause")),
    *(("runs", name) for name in ("size_bytes", "stop_grace", "is_to_lift")),
    *(("events", name) for name in ("run_id", "seq", "seq", "at", *["body"] * 9)),
    *(("tasks", name) for name in ("task_id", "run_id", "created_at")),
    *(("spending", name) for name in ("day", "run_id", "units")),
    *(("callers", name) for name in ("caller_id", "run_id", "digest", "owner", "state")),
    *(("callers", name) for name in ("asked_at", "changed_at")),
    *(("drivers", name) for name in ("owner", "pid", "version", "started_at", "alone_since")),
    *(("cuts", name) for name in ("client", "at", "seconds")),
]
"""Those of every table; where most can go wrong, more than once."""

KEYS = {
    "runs": "run_id",
    "events": "run_id, seq",
    "tasks": "task_id",
    "spending": "day, run_id",
    "callers": "caller_id",
    "drivers": "owner",
    "cuts": "rowid",
}

EDGES = (0, -1, 1, 5, 2_000_000, 2**53 - 1, 2**53, 2**63 - 1, -(2**63))
"""Whole numbers: those at which something ends, the largest a column holds among them."""


@dataclass(frozen=True, repr=False)
class Written:
    """A journal of a run that was answered, one that broke off and one of a client's explores."""

    file: bytes
    runs: tuple[str, ...]
    bodies: tuple[str, ...]


def settings_of(home: Path, model: Gated) -> Settings:
    return Settings(
        home=home,
        solvers={"demo": SolverSettings(model=model.name)},
        budget=BudgetSettings(max_cost_usd_per_day=Decimal(1_000)),
    )


async def write(home: Path) -> Written:
    async with connected(home, "auto") as session:
        answered = await session.view("solve_with_atlas", problem="6 * 7?")
        explored = await session.view("explore", problem="6 * 8?", count=2)
        session.model.held = {len(session.model.requests) + 1}
        broken = await session.view("solve_with_atlas", problem="6 * 9?", wait_s=0)
        await until(lambda: session.model.waiting == 1)
        service = await session.host.service()
        spending = service.planner.journal
        runs = (answered.run_id, broken.run_id, explored.run_id)
        for run_id in runs:
            await service.tasks.add_task(TaskEntry(f"task-{run_id}", run_id, 5.0))
            await spending.reserve_spending(run_id, day=today(), usd=Decimal("0.1"), cap=None)
    journal = SqliteJournal(home)
    for run_id in runs:
        caller = Caller(f"caller-{run_id}", run_id, run_id, 1.0)
        await journal.join(caller, after_cut=False, since=1e12)
        await journal.mark(caller.caller_id, "cut")
    await journal.announce_driver(7, "1.0")
    await journal.note_alone()
    await journal.note_cut("client", 5.0)
    await journal.aclose()
    connection = sqlite3.connect(home / FILE_NAME)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    bodies = tuple(body for (body,) in connection.execute("SELECT body FROM events"))
    connection.close()
    return Written((home / FILE_NAME).read_bytes(), runs, bodies)


@pytest.fixture(scope="module")
def written() -> Iterator[Written]:
    with TemporaryDirectory() as folder:
        yield anyio.run(write, Path(folder) / "home")


ANY: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.sampled_from(EDGES),
    st.floats(allow_nan=False),
    st.text(max_size=9),
    st.binary(max_size=9),
)


class Copy(NamedTuple):
    """A record of the journal, by its number, of which one value is written over or none.

    Attributes:
        number: Which record.
        place: Which of its values; `None` for none.
        value: What is written there.
    """

    number: int
    place: int | None
    value: Any

    def of(self, bodies: Sequence[str]) -> str:
        """Return the record as it is to be stored."""
        body = bodies[self.number % len(bodies)]
        if self.place is None:
            return body
        event = json.loads(body)
        places = list(_places(event))
        into, where = places[self.place % len(places)]
        into[where] = None if isinstance(self.value, bytes) else self.value
        return json.dumps(event)


class Damage(NamedTuple):
    """A column of a row that is written over.

    Attributes:
        table: Where.
        column: Which.
        number: Which row.
        value: What is written there.
        as_text: Whether bytes are called text.
    """

    table: str
    column: str
    number: int
    value: Any
    as_text: bool


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys: list[Any] = [*value] if isinstance(value, dict) else [*range(len(value))]
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


NUMBERS = st.integers(0, 99)
COPIES = st.builds(Copy, NUMBERS, st.none() | NUMBERS, ANY)
DAMAGES = st.one_of(
    *(
        st.builds(
            Damage,
            st.just(table),
            st.just(column),
            NUMBERS,
            COPIES | ANY if column == "body" else ANY,
            st.booleans(),
        )
        for table, column in COLUMNS
    )
)


def damage(home: Path, written: Written, damages: Sequence[Damage]) -> None:
    home.mkdir()
    (home / FILE_NAME).write_bytes(written.file)
    connection = sqlite3.connect(home / FILE_NAME, isolation_level=None)
    for table, column, number, value, as_text in damages:
        new = value.of(written.bodies) if isinstance(value, Copy) else value
        cast = "CAST(? AS TEXT)" if as_text and isinstance(new, bytes) else "?"
        (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        # Two rows under one key, and nothing where something must be, are refused.
        with suppress(sqlite3.IntegrityError):
            connection.execute(
                f"UPDATE {table} SET {column} = {cast} WHERE ({KEYS[table]}) = "
                f"(SELECT {KEYS[table]} FROM {table} LIMIT 1 OFFSET ?)",
                (new, number % rows),
            )
    connection.close()


@contextmanager
def told() -> Generator[None]:
    """Let pass what is said in words."""
    with suppress(AtlasError):
        yield


async def look_and_go_on(home: Path, written: Written) -> None:
    model = Gated()
    own = settings_of(home, model)
    async with open_service(own, pool=Pool(own, {model.name: model})) as service:
        listed = await service.list_runs()
        json.dumps([as_dict(run) for run in listed])
        print_runs(listed, limit=100)
        for run_id in written.runs:
            with told():
                view = view_of(await service.look(run_id))
                view.model_validate_json(view.model_dump_json())
                print_view(view, as_json=False, evidence="data")
            with told():
                records = await service.read(run_id)
                exported = "\n".join(write_archive(run_id, records))
                assert read_archive(exported, "file")[1] == records
            await service.tasks.find_task(f"task-{run_id}")
            with told():
                await service.planner.journal.spending_of(run_id)
        with told():
            await service.planner.journal.spending(today())
        await service.expired(Keep(1.0, 0.001))
        for run_id in written.runs:
            with told():
                await service.resume(run_id, max_explores=9)
                await service.wait(run_id, 10)
            with told():
                await service.cancel(run_id)
        await service.remove(await service.list_runs())


async def ask_for_clients(home: Path, written: Written) -> None:
    journal = SqliteJournal(home)
    print_lone(await find_lone_drivers(journal, journal))
    await journal.announce_driver(8, "1.0")
    assert [one.pid for one in await journal.drivers() if one.pid == 8] == [8]
    await journal.note_cut("client", 6.0)
    assert 6.0 in await journal.cuts("client", since=0.0)
    for run_id in written.runs:
        for number, after_cut in enumerate((True, False)):
            with told():
                again = Caller(f"again-{number}-{run_id}", f"new-{run_id}", run_id, 2.0)
                await journal.join(again, after_cut=after_cut, since=0.0)
                await journal.mark(again.caller_id, "promised")
        with told():
            await journal.claim(run_id)
            await journal.request_lift(run_id)
    assert set((await journal.take_requests()).values()) <= {LiveRequest(None)}
    assert await journal.take_requests() == {}
    await journal.wanted(written.runs, promises=True)
    for run_id in written.runs:
        await journal.receive(run_id)
    await journal.aclose()


async def ask_the_server(home: Path, written: Written) -> None:
    model = Gated()
    own = settings_of(home, model)
    host = GivenHost(own, model)
    async with Client(make_server(own, host=host)) as client:
        session = Session(client, model, host)
        await client.read_resource("atlas://runs")
        for run_id in written.runs:
            for tool, more in (
                ("get_run", {}),
                ("explore", {"problem": "6 * 8?"}),
                ("resume_run", {"max_explores": 9}),
                ("cancel_run", {}),
            ):
                result = await session.call(tool, run_id=run_id, **more)
                # So the SDK says that something failed by a bug.
                assert not result.is_error or text_of(result) != f"Error executing tool {tool}"


@pytest.mark.every_day(0)
@pytest.mark.timeout(180)
@given(damages=st.lists(DAMAGES, min_size=1, max_size=3))
@settings(
    max_examples=draws(25),
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@pytest.mark.requirement("PAID-12")
def test_any_rows_leave_their_journal_usable(
    written: Written, caplog: pytest.LogCaptureFixture, damages: list[Damage]
) -> None:
    caplog.clear()
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        works = (look_and_go_on, ask_the_server, ask_for_clients)
        for name, work in zip(("service", "server", "clients"), works, strict=True):
            home = Path(folder) / name
            damage(home, written, damages)
            anyio.run(work, home, written)
    assert [one for one in caplog.records if one.exc_info] == []
