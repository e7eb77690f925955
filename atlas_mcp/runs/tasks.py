"""A task group whose one error comes out as itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import cast

import anyio
import anyio.abc

from atlas_mcp.errors import AtlasError


@asynccontextmanager
async def open_task_group() -> AsyncGenerator[anyio.abc.TaskGroup]:
    """Open a task group for the length of a block.

    Raises:
        Exception: The one error that ended it, bare; several of one cause are one error.
        ExceptionGroup: Several of different causes did, and none of them may be lost.
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
    """Return the one error in a group of groups, `None` if there are several.

    Those that were raised on purpose and say the same are one: a full disk fails everybody who
    writes to it at once.
    """
    first, *others = _leaves(group)
    if not others:
        return first
    same = all(type(other) is type(first) and str(other) == str(first) for other in others)
    return first if same and isinstance(first, AtlasError) else None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(cast("BaseExceptionGroup[BaseException]", error))
        else:
            yield error
