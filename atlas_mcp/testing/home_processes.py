"""The processes of a home as the system lists them: servers, drivers, and what these start.

For rigs and benchmarks on Linux; elsewhere it finds none. It looks, and ends nothing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROCESSES = Path("/proc")

KB = 1_000
"""In a megabyte."""


@dataclass(frozen=True, slots=True)
class HomeProcess:
    """A process whose environment names a home.

    Attributes:
        pid: Its id.
        parent: The id of its parent.
        argv: Its arguments.
    """

    pid: int
    parent: int
    argv: tuple[str, ...]

    def memory(self) -> float:
        """Return its part of the memory in MB, shared pages split; 0 once it has ended."""
        with suppress(OSError):
            for line in (PROCESSES / str(self.pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    return int(line.split()[1]) / KB
        return 0.0


def processes_of(home: Path) -> list[HomeProcess]:
    """Return the processes of a home, in no order.

    A process that has ended and that its parent has not waited for is none.

    Args:
        home: The value of `ATLAS_HOME` in their environments.
    """
    mark = f"\0ATLAS_HOME={home}\0".encode()
    found: list[HomeProcess] = []
    for folder in PROCESSES.glob("[0-9]*"):
        # It may end at any time, and that of another user cannot be read.
        with suppress(OSError, IndexError):
            if mark not in b"\0" + (folder / "environ").read_bytes() + b"\0":
                continue
            argv = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            state, parent, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
            if state != "Z":
                found.append(HomeProcess(int(folder.name), int(parent), tuple(argv[:-1])))
    return found
