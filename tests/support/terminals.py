"""The program on a pseudo-terminal, as a person sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.processes import COMMAND, PATIENCE


@dataclass(frozen=True, slots=True)
class Seen:
    """A run of the program to its end.

    Attributes:
        code: Its exit code.
        terminal: What it wrote to the terminal.
        stdout: What it wrote to stdout, where that was a pipe; else empty.
    """

    code: int
    terminal: bytes
    stdout: bytes


def on_a_terminal(
    environ: Mapping[str, str], *arguments: str, stdout_is_piped: bool = False
) -> Seen:
    """Run the program with stderr on a terminal, and stdout too unless it is piped."""
    assert sys.platform != "win32"
    import pty

    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout_is_piped else terminal,
        stderr=terminal,
    )
    os.close(terminal)
    seen = _until_closed(controller)
    out, _ = process.communicate(timeout=PATIENCE)
    return Seen(process.returncode, seen, out or b"")


def _until_closed(controller: int) -> bytes:
    """Return what is written to a pseudo-terminal until its last writer has gone."""
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(controller, 65_536)
        except OSError:
            # How Linux says that the other side is closed.
            part = b""
        if not part:
            os.close(controller)
            return b"".join(parts)
        parts.append(part)
