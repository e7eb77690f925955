"""A home as it looks from outside: the processes that use it, its runs, and where a key stands."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from atlas_mcp.atlas.codec import decode_event
from atlas_mcp.atlas.events import (
    OrchestratorAsked,
    OrchestratorReplied,
    Record,
    SolverReplied,
    SolverStarted,
)
from atlas_mcp.atlas.state import RunState
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.testing.home_processes import HomeProcess, processes_of

SIGKILL, SIGHUP = signal.Signals["SIGKILL"], signal.Signals["SIGHUP"]
"""By name, since the checker of types knows that Windows has neither."""

LOOK_EVERY = 0.05
"""Seconds between two looks at what only the system knows."""


@dataclass(frozen=True)
class Run:
    """A run as the journal has it.

    Attributes:
        run_id: Its id.
        state: The state that its records fold to.
        replies: How many replies of models it has on record.
        begun: When each of its calls was put on record, just before it was made, Unix seconds.
    """

    run_id: str
    state: RunState
    replies: int
    begun: tuple[float, ...]


@dataclass(frozen=True)
class Home:
    """The folder of a home and what leads processes to it.

    Attributes:
        folder: `ATLAS_HOME`.
        environ: The environment of a server, its key included.
    """

    folder: Path
    environ: dict[str, str]

    def processes(self) -> list[HomeProcess]:
        """Return the processes of the home, workers included, in no order."""
        return processes_of(self.folder)

    def drivers(self, *servers: int) -> list[HomeProcess]:
        """Return the processes that none of these servers nor any other of the home started.

        Args:
            servers: The ids of the servers that the caller started.
        """
        processes = self.processes()
        ids = {one.pid for one in processes} | set(servers)
        return [one for one in processes if one.pid not in servers and one.parent not in ids]

    def runs(self) -> list[Run]:
        """Return the runs on record, by id."""
        path = self.folder / FILE_NAME
        if not path.exists():
            return []
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            connection.execute("PRAGMA query_only = 1")
            if not connection.execute("PRAGMA user_version").fetchone()[0]:
                # Killed before it had made the tables.
                return []
            rows = connection.execute(
                "SELECT run_id, seq, at, body FROM events ORDER BY run_id, seq"
            ).fetchall()
        records: dict[str, list[Record]] = {}
        for run_id, seq, at, body in rows:
            records.setdefault(run_id, []).append(Record(seq, at, decode_event(body)))
        return [_run(run_id, those) for run_id, those in records.items()]

    def log(self) -> str:
        """Return the log of the drivers."""
        path = self.folder / "driver.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def files_with(self, text: str) -> list[Path]:
        """Return the files below the folder of the home's folder that hold a text."""
        return [
            path
            for path in self.folder.parent.rglob("*")
            if path.is_file() and text.encode() in path.read_bytes()
        ]


def _run(run_id: str, records: list[Record]) -> Run:
    replies, calls = (OrchestratorReplied, SolverReplied), (OrchestratorAsked, SolverStarted)
    return Run(
        run_id,
        RunState.fold(records),
        sum(isinstance(record.event, replies) for record in records),
        tuple(record.at for record in records if isinstance(record.event, calls)),
    )


def wait_for(condition: Callable[[], bool], patience: float) -> bool:
    """Return whether a condition that only a look can tell comes true in time."""
    until = time.monotonic() + patience
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_EVERY)
    return True
