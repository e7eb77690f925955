"""What a test needs that not every system has.

`posix` marks a test of what only POSIX has: it is skipped on Windows, and under the rig that takes
from Python what Windows lacks (`tests/rigs/no_posix`).
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

POSIX = hasattr(signal, "SIGKILL")
"""Whether this is POSIX; not so under the rig."""

posix = pytest.mark.posix

BREAK = cast("signal.Signals", getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))
"""What asks a process to end, other than Ctrl-C: it goes to a group of processes on Windows."""

BREAK_NUMBER = int(getattr(signal, "SIGBREAK", signal.SIGTERM))
"""The number of the signal that the process gets."""

GROUP: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""Flag with which a process is started that is to be sent `BREAK`."""

KILL = 9
"""The number of SIGKILL, also where Python does not name it."""

HOLD = """
import sys
from pathlib import Path
from atlas_mcp.system.locks import open_lock, share_lock, try_lock

descriptor = open_lock(Path(sys.argv[1]))
taken = try_lock(descriptor, shared=sys.argv[2] == "shared")
print("held" if taken else "refused", flush=True)
sys.stdin.read()
"""


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process that cannot object, also where Python lacks what POSIX has."""
    if sys.platform == "win32":
        process.kill()
    else:
        process.send_signal(KILL)


@contextmanager
def held(lock: Path, *, shared: bool = False) -> Generator[subprocess.Popen[str]]:
    """Let another process hold a lock for the length of a block."""
    how = "shared" if shared else "alone"
    command = [sys.executable, "-c", HOLD, str(lock), how]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.stdin.close()
