"""The process's log as lines that steer nothing: texts of models and endpoints stand in it too."""

from __future__ import annotations

import logging
import traceback
from typing import TextIO

from typing_extensions import override

from atlas_mcp.texts import one_line, printable


class PrintableFormatter(logging.Formatter):
    """Writes a record of the log as one printable line; a traceback follows line by line."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return the line: the name of the logger, and the message."""
        text = f"{record.name}: {one_line(record.getMessage(), at_most=2_000)}"
        if record.exc_info is not None and record.exc_info[1] is not None:
            trace = "".join(traceback.format_exception(record.exc_info[1]))
            text += f"\n{printable(trace).rstrip()}"
        return text


def log_printably(stream: TextIO) -> None:
    """Have the process write its log, warnings and worse, to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PrintableFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
