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


class _Waiting(logging.Filter):
    """Holds back log records about the journal, whichever module logs them."""

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
    # A filter of a logger sees no records of the loggers below it; one of a handler sees them all.
    # The handler of the last resort writes the log of a command.
    root = logging.getLogger().handlers
    handlers = (*root, logging.lastResort) if logging.lastResort is not None else tuple(root)
    for handler in handlers:
        handler.addFilter(waiting)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(waiting)
        for cause, record in waiting.held.items():
            if not any(cause in text for text in _shown):
                logging.getLogger(record.name).handle(record)
