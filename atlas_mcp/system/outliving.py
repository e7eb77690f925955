"""Starting a process that goes on when this one is gone, and shares nothing with it but two pipes.

Clients end a server together with its children, which they know by their parent, by a group of
processes or, on Windows, by a job object; and they wait until every copy of its streams is closed.
So the new process has none of these in common with us. A middle one starts it and ends at once,
which leaves it without a parent.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from atlas_mcp.system.jobs import ends_with_a_job
from atlas_mcp.system.processes import CREATION_FLAGS, STARTED, kill

MIDDLE_SECONDS = 30.0
"""Seconds that the process in the middle may take: 0.02 on an idle machine (2026-11)."""

KILL_SECONDS = 5.0
"""Seconds that its death may take once it is killed for having taken longer."""

REFUSED = 100
"""Added to the number of the error with which the new process could not be started: the exit code
of the one in the middle. The interpreter's own exit codes are smaller."""

_MIDDLE = f"""
import os, sys
start, number = os.posix_spawn, 0
try:
    try:
        start(sys.argv[1], sys.argv[1:], os.environ, setsid=True)
    except NotImplementedError:
        # It stays in the session of this process, which nobody else is in.
        start(sys.argv[1], sys.argv[1:], os.environ)
except OSError as error:
    number = {REFUSED} + error.errno
os._exit(number)
"""
"""The program in the middle, on POSIX. It imports what the interpreter has loaded anyway."""

_WINDOWS_MIDDLE = f"""
import os, subprocess, sys
environment, command = sys.argv[1], sys.argv[2:]
if environment:
    os.environ["__PYVENV_LAUNCHER__"] = environment
flag = lambda name: getattr(subprocess, name, 0)
flags = flag("DETACHED_PROCESS") | flag("CREATE_NEW_PROCESS_GROUP")
for more in (flag("CREATE_BREAKAWAY_FROM_JOB"), 0):
    try:
        subprocess.Popen(
            command,
            stdin=0, stdout=1, stderr=2, start_new_session=True, creationflags=flags | more,
        )
        os._exit(0)
    except OSError as error:
        number = {REFUSED} + (error.errno or 0)
os._exit(number)
"""
"""The same on Windows: out of the client's job where that lets its processes go."""


@dataclass(frozen=True, slots=True)
class Outliving:
    """Our ends of the pipes to a process that outlives us. They are the caller's to close.

    Attributes:
        commands: The descriptor that writes what the process reads as its input, which ends when
            it is closed, at the latest with us.
        answers: The descriptor that reads what the process writes as its output.
    """

    commands: int
    answers: int


def start_outliving(
    command: Sequence[str], *, environ: Mapping[str, str], stderr: int
) -> Outliving:
    """Start a process that this one's end does not end; see the module. It takes some 0.02 s.

    The process is in a session and a group of its own, and has three descriptors: two pipes as
    its input and output, and its errors. This call waits until it has been started, and blocks.

    Args:
        command: The program, as the path of a Python, and its arguments.
        environ: Its environment.
        stderr: The descriptor that it gets for its errors; it stays the caller's to close.

    Raises:
        OSError: It cannot be started.
    """
    with ExitStack() as failed, ExitStack() as handed_over:
        their_input, commands = os.pipe()
        handed_over.callback(os.close, their_input)
        failed.callback(os.close, commands)
        answers, their_output = os.pipe()
        handed_over.callback(os.close, their_output)
        failed.callback(os.close, answers)
        middle = subprocess.Popen(
            _middle(command, environ),
            stdin=their_input,
            stdout=their_output,
            stderr=stderr,
            env=environ,
            start_new_session=True,
            creationflags=CREATION_FLAGS,
        )
        STARTED.add(middle.pid)
        try:
            _await(middle, command[0])
        finally:
            STARTED.discard(middle.pid)
        failed.pop_all()
    return Outliving(commands, answers)


def may_outlive() -> bool:
    """Return whether this process goes on when the one is gone that asked for it.

    Not so on Windows in the job object of a client that lets no process go.
    """
    return not ends_with_a_job()


def _middle(command: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return the command of the process in the middle."""
    # `-I` would have a Python that is not where it was built lose its library.
    options = ["-s", "-P"] if environ.get("PYTHONHOME") else ["-I"]
    if sys.platform != "win32":
        return [sys.executable, *options, "-S", "-c", _MIDDLE, *command]
    # The Python of a virtual environment is a program there that starts the real one in a job of
    # its own, which ends it. So the real one is started, as by the library's `multiprocessing`.
    real: str = getattr(sys, "_base_executable", sys.executable)
    program, *arguments = command
    environment = ""
    if program == sys.executable != real:
        program, environment = real, sys.executable
    return [real, *options, "-S", "-c", _WINDOWS_MIDDLE, environment, program, *arguments]


def _await(middle: subprocess.Popen[bytes], program: str) -> None:
    """Wait until the process in the middle has ended.

    Raises:
        OSError: It has not started the other one.
    """
    try:
        code = middle.wait(MIDDLE_SECONDS)
    except subprocess.TimeoutExpired:
        kill(middle)
        with suppress(subprocess.TimeoutExpired):
            middle.wait(KILL_SECONDS)
        raise TimeoutError(
            errno.ETIMEDOUT, f"it has not been started after {MIDDLE_SECONDS:.0f} s", program
        ) from None
    if code >= REFUSED:
        raise OSError(code - REFUSED, os.strerror(code - REFUSED), program)
    if code:
        raise OSError(f"the Python that would start it has ended with exit code {code}")
