"""A task group whose one error comes out as itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import anyio
import anyio.abc


@asynccontextmanager
async def open_task_group() -> AsyncGenerator[anyio.abc.TaskGroup]:
    """Open a task group for the length of a block.

    Raises:
        Exception: The one error that ended it, bare.
        ExceptionGroup: Several did, and none of them may be lost.
    """
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        only = _only_error(group)
        if only is None:
            raise
        raise only from only.__cause__


def _only_error(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """Return the one error in a group of groups, `None` if there are several."""
    if len(group.exceptions) != 1:
        return None
    only = group.exceptions[0]
    if isinstance(only, BaseExceptionGroup):
        return _only_error(cast("BaseExceptionGroup[BaseException]", only))
    return only
