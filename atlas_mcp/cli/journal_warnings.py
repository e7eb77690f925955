"""Failures to write the journal, shown once: with the run, or else by the log.

A full disk stops several parts of a command at once, and each of them logs it. The run that broke
off because of it shows the failure and the way on; the log waits for that.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager

from typing_extensions import override

from atlas_mcp.errors import JournalError

_LOGGERS = (
    "atlas_mcp.runs.tidying",
    "atlas_mcp.runs.local.driven_runs",
    "atlas_mcp.runs.driving.claims",
    "atlas_mcp.runs.driving.reservation",
    "atlas_mcp.runs.driving.upkeep",
)
"""The loggers of the modules that write to the journal for the runs of a command."""


class _Waiting(logging.Filter):
    """Holds back log records about the journal."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, logging.LogRecord] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        given = record.args if isinstance(record.args, tuple) else ()
        cause = next((str(one) for one in given if isinstance(one, JournalError)), None)
        if cause is None:
            return True
        self.held.setdefault(cause, record)
        return False


_shown: list[str] = []


def note_shown(text: str) -> None:
    """Take note of a text that people have seen; causes in it are not logged any more."""
    _shown.append(text)


@contextmanager
def causes_logged_once() -> Generator[None]:
    """Log each cause once at the end of a block, except those that people have seen in it."""
    _shown.clear()
    waiting = _Waiting()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(waiting)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(waiting)
        for cause, record in waiting.held.items():
            if not any(cause in text for text in _shown):
                logging.getLogger(record.name).handle(record)
