"""Starting the driver of a home: its command, and its log."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from atlas_mcp.system.interpreter import launch_command
from atlas_mcp.system.outliving import Outliving, start_outliving

DRIVER = ("atlas_mcp.driver.process", "main")
"""The module and the function of a driver. This room starts it, and imports nothing of it."""

LOG_NAME = "driver.log"
"""The log of all drivers of a home, in its folder."""

MOST_LOG_BYTES = 1_000_000
"""Bytes after which a log is put aside, as `driver.log.1`, when the next driver starts."""


def start_driver_of(home: Path, environ: Mapping[str, str]) -> Outliving:
    """Start a driver.

    Args:
        home: The folder of its log, `ATLAS_HOME`.
        environ: Its environment.

    Raises:
        OSError: It cannot be started.
    """
    log = _opened_log(home)
    try:
        return start_outliving(launch_command(*DRIVER), environ=environ, stderr=log)
    finally:
        os.close(log)


def _opened_log(home: Path) -> int:
    path = home / LOG_NAME
    if path.exists() and not path.is_file():
        # A pipe without a reader would be waited for.
        raise OSError(errno.EINVAL, "the log of a driver must be a regular file", str(path))
    # Another driver may have it open, which keeps it in its place on Windows.
    with suppress(OSError):
        if path.stat().st_size > MOST_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
