from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from atlas_mcp.system.processes import CREATION_FLAGS, Tree, kill, processors
from tests.support.systems import posix

SLEEPER = "import time; time.sleep(600)"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}])
print(child.pid, flush=True)
child.wait()
"""


def start(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        creationflags=CREATION_FLAGS,
    )


def is_there(process: int) -> bool:
    """Return whether a process runs; one that has ended may wait for its parent to look."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return not state.lstrip().startswith("Z")


def test_a_killed_child_is_gone_and_one_that_has_ended_may_be_killed() -> None:
    with start(SLEEPER) as child:
        kill(child)
        assert child.wait(30) != 0
        kill(child)


@posix
def test_a_tree_ends_with_all_that_its_child_has_started() -> None:
    with start(PARENT) as child:
        tree = Tree(child)
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        assert is_there(grandchild)
        tree.kill()
        assert child.wait(30) != 0
        until = time.monotonic() + 30
        while is_there(grandchild) and time.monotonic() < until:
            time.sleep(0.01)
        tree.kill()
        tree.close()

    assert not is_there(grandchild)


def test_there_is_a_processor_and_no_more_than_the_machine_has() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)
