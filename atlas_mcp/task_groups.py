"""A task group whose failure comes out as one error, however many of its tasks failed.

The one place that opens groups of errors: the boundaries above tell a person one cause.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import cast

import anyio
import anyio.abc

from atlas_mcp.errors import AtlasError

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_task_group() -> AsyncGenerator[anyio.abc.TaskGroup]:
    """Open a task group for the length of a block.

    Raises:
        Exception: The error that ended it, bare. Where several did, see `main_cause`.
    """
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        cause = main_cause(group)
        raise cause from cause.__cause__


def main_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one error of a group to raise, and log those that say something else.

    An error that ends the interpreter comes before a bug, and a bug before an error raised on
    purpose; among equals the first wins. Errors that repeat another's words are left out.
    """
    leaves = list(_leaves(group))
    cause = min(leaves, key=_rank)
    known = {_words(cause)}
    for other in leaves:
        if _words(other) not in known:
            known.add(_words(other))
            expected = isinstance(other, AtlasError)
            logger.error("and also: %s", other, exc_info=None if expected else other)
    return cause


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """Yield the errors of a group of groups, in their order."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(cast("BaseExceptionGroup[BaseException]", error))
        else:
            yield error


def _rank(error: BaseException) -> int:
    if not isinstance(error, Exception):
        return 0
    return 2 if isinstance(error, AtlasError) else 1


def _words(error: BaseException) -> tuple[type[BaseException], str]:
    return type(error), str(error)
