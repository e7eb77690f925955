"""The last acts of a block: bounded, and none of them kept from its turn by another.

Owns the bounded shields of last acts, and the closing of several things at once.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TypeAlias

import anyio

from atlas_mcp.task_groups import main_cause, open_task_group

logger = logging.getLogger(__name__)

Close: TypeAlias = Callable[[], Awaitable[None]]
"""Closes one thing."""


@contextmanager
def last_act(what: str, seconds: float) -> Generator[None]:
    """Keep cancellations away from a block for so long at most, and say where it was given up.

    Args:
        what: The act, for the log: "closing the models".
        seconds: How long it may take.
    """
    with anyio.move_on_after(seconds, shield=True) as scope:
        yield
    if scope.cancelled_caught:
        logger.warning("%s took longer than %g s and was given up", what, seconds)


async def close_all(closes: Iterable[Close]) -> None:
    """Close several things at once; one that fails, or takes its time, keeps no other open.

    Raises:
        Exception: The error of one that failed; those of others are in the log.
    """
    errors: list[Exception] = []

    async def close(one: Close) -> None:
        try:
            await one()
        except Exception as error:  # noqa: BLE001 - raised below, once all have had their turn
            errors.append(error)

    async with open_task_group() as tasks:
        for number, one in enumerate(closes):
            tasks.start_soon(close, one, name=f"close {number}")
    if errors:
        raise main_cause(ExceptionGroup("what could not be closed", errors))
