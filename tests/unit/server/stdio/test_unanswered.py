"""The requests that have no answer yet."""

from __future__ import annotations

import anyio
import pytest
from mcp_types import (
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from atlas_mcp.server.stdio.unanswered import Unanswered


def asks(number: int | str) -> JSONRPCRequest:
    return JSONRPCRequest(jsonrpc="2.0", id=number, method="ping")


def cancels(number: int | str) -> JSONRPCNotification:
    return JSONRPCNotification(
        jsonrpc="2.0", method="notifications/cancelled", params={"requestId": number}
    )


ENDS: list[JSONRPCMessage] = [
    JSONRPCResponse(jsonrpc="2.0", id=7, result={}),
    JSONRPCError(jsonrpc="2.0", id="7", error=ErrorData(code=-1, message="no")),
]


async def is_answered(unanswered: Unanswered) -> bool:
    with anyio.move_on_after(0):
        await unanswered.answered()
        return True
    return False


@pytest.mark.parametrize("end", ENDS)
async def test_a_request_waits_for_its_answer(end: JSONRPCMessage) -> None:
    unanswered = Unanswered()
    with unanswered.taking(asks(7)):
        pass
    assert not await is_answered(unanswered)

    unanswered.give(end)

    assert await is_answered(unanswered)


async def test_a_cancelled_request_waits_no_more() -> None:
    unanswered = Unanswered()
    for message in (asks(7), cancels("7")):
        with unanswered.taking(message):
            pass

    assert await is_answered(unanswered)


async def test_a_request_that_is_not_handed_on_does_not_wait() -> None:
    unanswered = Unanswered()
    with pytest.raises(OSError, match="closed"), unanswered.taking(asks(7)):
        raise OSError("closed")

    assert await is_answered(unanswered)


async def test_answers_that_are_not_read_are_not_waited_for() -> None:
    unanswered = Unanswered()
    with unanswered.taking(asks(7)):
        pass
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(unanswered.answered)
        await anyio.wait_all_tasks_blocked()
        unanswered.forget()
