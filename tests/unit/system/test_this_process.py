"""The first and the last steps of a process, seen in processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.support.systems import posix


def run(code: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )


CLOSED = """
import os
for number in (0, 1): os.close(number)
from atlas_mcp.system.this_process import place_streams
place_streams()
file = os.open(os.devnull, os.O_RDONLY)
try:
    os.write(1, b"a stray word")
except OSError:
    os.write(2, b"told")
os.write(2, b" %d" % file)
"""


@posix
def test_no_file_gets_the_number_of_a_closed_stream_and_its_users_learn_of_it() -> None:
    done = run(CLOSED)

    told, number = done.stderr.split()
    assert told == b"told"
    assert int(number) > 2


@posix
@pytest.mark.parametrize(("interrupted", "code"), [("None", 128 + signal.SIGTERM), ("7", 7)])
def test_a_signal_before_anything_listens_ends_the_process_without_a_traceback(
    interrupted: str, code: int
) -> None:
    done = run(
        "import os, signal\n"
        "from atlas_mcp.system.this_process import take_over\n"
        f"take_over(interrupted={interrupted})\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "signal.pause()\n"
    )

    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


HELD_UP = """
import threading, time
from atlas_mcp.system import this_process
this_process.THREAD_SECONDS = 0.05
brief = threading.Thread(target=time.sleep, args=(0.01,))
brief.start()
print(this_process.is_held_up())
threading.Thread(target=time.sleep, args=(600,)).start()
print(this_process.is_held_up(), flush=True)
this_process.leave(3)
"""


def test_a_process_leaves_whatever_its_threads_wait_for() -> None:
    done = run(HELD_UP)

    assert (done.returncode, done.stdout.split()) == (3, [b"False", b"True"])


def test_what_was_written_is_there_at_the_end() -> None:
    done = run(
        "import sys\n"
        "from atlas_mcp.system.this_process import leave, take_over\n"
        "take_over()\n"
        "print('answer')\n"
        "print('cause', file=sys.stderr)\n"
        "leave(0)\n"
    )

    assert (done.returncode, done.stdout.split(), done.stderr.split()) == (
        0,
        [b"answer"],
        [b"cause"],
    )
