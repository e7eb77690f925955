"""How many runs, calls and clients one process carries at once.

A run takes connections, and so descriptors, and memory. `Capacity` says how much of each there is;
how the places are given out is the engine's.
"""

from __future__ import annotations

from dataclasses import dataclass

from atlas_mcp.config.settings import DEFAULT_MAX_RUNS
from atlas_mcp.models.call_slots import MOST_CALLS
from atlas_mcp.system.limits import raise_open_files
from atlas_mcp.system.memory import memory_bytes

OWN_FILES = 64
"""Descriptors that are neither a call's nor a client's: the journal, its log and its flushes, the
listeners, standard streams, pictures and modules that are being read."""

FILES_A_CALL = 1.5
"""Descriptors for each call that may be in flight: its connection, and its part of those that are
idle or being closed. Measured: with 128 calls in flight, 40 others were open."""

RUN_BYTES = 1_000_000
"""Bytes of memory that a place takes: three times the memory of a run of eight calls
(`benchmarks/load.py`), since problems and candidates may be longer."""

MEMORY_SHARE = 2
"""Runs take at most one part in this many of the memory."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The most that one process carries at once.

    Attributes:
        runs: Runs that are driven; the others wait in line.
        calls: Calls in flight of all runs; the others wait for a connection.
        clients: Connections of clients that are served over HTTP; the others wait to be accepted.
    """

    runs: int = DEFAULT_MAX_RUNS
    calls: int = MOST_CALLS
    clients: int = 0

    @classmethod
    def of_this_process(cls, max_runs: int, *, serves: bool = False) -> Capacity:
        """Return the capacity of this process; its limit of open files is raised first.

        Args:
            max_runs: The operator's own limit.
            serves: Whether clients connect to it: half of the descriptors are then theirs.
        """
        return capacity_of(raise_open_files(), memory_bytes(), max_runs=max_runs, serves=serves)


def capacity_of(files: int, memory: int | None, *, max_runs: int, serves: bool) -> Capacity:
    """Return what so many descriptors, and so many bytes of memory, allow.

    A run has at least one call in flight when it works, so there are no more runs than calls: one
    that waits for a connection would wait within its time limit.
    """
    free = max(2, files - OWN_FILES)
    clients = free // 2 if serves else 0
    calls = max(1, min(MOST_CALLS, int((free - clients) / FILES_A_CALL)))
    runs = min(max_runs, calls)
    if memory is not None:
        runs = min(runs, memory // MEMORY_SHARE // RUN_BYTES)
    return Capacity(max(1, runs), calls, clients)
