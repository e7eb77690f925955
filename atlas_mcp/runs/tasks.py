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
        inner: BaseException = cast("BaseExceptionGroup[BaseException]", group)
        while isinstance(inner, BaseExceptionGroup):
            found = cast("BaseExceptionGroup[BaseException]", inner)
            if len(found.exceptions) != 1:
                raise
            inner = found.exceptions[0]
        raise inner from inner.__cause__
