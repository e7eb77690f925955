"""The log of a driver: warnings and worse in its file, and in the log of its server.

A client shows its user the stderr of the server, and nothing of a file.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TextIO

from typing_extensions import override

from atlas_mcp.log_lines import PrintableFormatter
from atlas_mcp.runs.detached.messages import Logged, encode
from atlas_mcp.runs.detached.pipes import Pipes


class _DatedFormatter(PrintableFormatter):
    """Begins each line with the time and the process, since several write to the file."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        return f"{moment} {os.getpid()} {record.levelname} {super().format(record)}"


class _ForServer(logging.Handler):
    """Hands records of the log to the server."""

    def __init__(self, pipes: Pipes) -> None:
        super().__init__(logging.WARNING)
        self._pipes = pipes
        self._lines = PrintableFormatter()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self._lines.format(record).removeprefix(f"{record.name}: ")
            self._pipes.send(encode(Logged(record.name, record.levelno, text)))
        except Exception:  # noqa: BLE001 - as every handler: a log ends nothing
            self.handleError(record)


def log_to(stream: TextIO, pipes: Pipes) -> None:
    """Have the process write its log, warnings and worse, to a stream and to its server."""
    dated = logging.StreamHandler(stream)
    dated.setFormatter(_DatedFormatter())
    logging.basicConfig(handlers=[dated, _ForServer(pipes)], level=logging.WARNING)
