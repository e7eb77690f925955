"""Opening an address in the browser of the person at this machine.

A program for this may wait until the browser is closed, or be a browser for terminals that takes
ours over. So it runs in a process of its own, apart from our terminal, and is not waited for long.
"""

from __future__ import annotations

import subprocess

from atlas_mcp.system.interpreter import this_python
from atlas_mcp.system.processes import CREATION_FLAGS

OPEN_SECONDS = 10.0
"""Seconds to wait for the word that it is open, or that there is no browser."""

_OPEN = """
import os, sys, webbrowser
screens = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
needs_one = os.name == "posix" and sys.platform != "darwin"
if needs_one and not any(os.environ.get(name) for name in screens):
    sys.exit(1)
sys.exit(0 if webbrowser.open(sys.argv[1], new=2) else 1)
"""
"""The program of the process. Without a screen only browsers for terminals are left, and it has no
terminal."""

OPENING: list[subprocess.Popen[bytes]] = []
"""The processes that were not waited for."""


def open_in_browser(address: str) -> bool:
    """Open an address in a browser, and return whether there is one. Blocks for a few seconds.

    Args:
        address: Of a page (`http:`) or of a file (`file:`).
    """
    try:
        child = subprocess.Popen(
            [*this_python(), "-c", _OPEN, address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            creationflags=CREATION_FLAGS,
        )
    except OSError:
        return False
    try:
        return child.wait(OPEN_SECONDS) == 0
    except subprocess.TimeoutExpired:
        # It stays with the browser that it has opened.
        OPENING.append(child)
        return True
