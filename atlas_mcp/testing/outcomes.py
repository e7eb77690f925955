"""The error of a call, kept for the checks of the conformance suites to judge."""

from __future__ import annotations

from collections.abc import Awaitable


async def error_of(outcome: Awaitable[object]) -> Exception | None:
    """Return the exception of `outcome`, of any type, or `None`; the check judges it."""
    try:
        await outcome
    except Exception as error:  # noqa: BLE001 - judged by the caller
        return error
    return None
