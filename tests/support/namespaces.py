"""Processes that are the first of a system of processes of their own, as in a container."""

from __future__ import annotations

import shutil
import subprocess

UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
"""Runs a command as the first process; a user needs rights for that."""


def may_unshare() -> bool:
    if shutil.which(UNSHARE[0]) is None:
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
