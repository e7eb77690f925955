"""The last acts of a block: bounded, and none kept from its turn by another."""

from __future__ import annotations

import logging

import anyio
import pytest

from atlas_mcp.closing import close_all, last_act


async def test_a_last_act_goes_on_in_spite_of_a_cancellation() -> None:
    done: list[str] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        with last_act("closing", 5.0):
            await anyio.lowlevel.checkpoint()
            done.append("closed")

    assert done == ["closed"]


async def test_a_last_act_that_takes_too_long_is_given_up_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING), last_act("closing the models", 0.0):
        await anyio.sleep_forever()

    assert "closing the models took longer than 0 s and was given up" in caplog.text


async def test_one_that_fails_keeps_no_other_open() -> None:
    closed: list[int] = []

    async def fails() -> None:
        raise OSError("the disk is gone")

    async def closes() -> None:
        await anyio.lowlevel.checkpoint()
        closed.append(1)

    with pytest.raises(OSError, match="the disk is gone"):
        await close_all([fails, closes])
    assert closed == [1]
