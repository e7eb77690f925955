"""A reply is put down whatever happens meanwhile, and holds nobody up."""

from __future__ import annotations

import threading

import anyio
import pytest

from atlas_mcp.atlas.arrived import LIGHT_CHARS, solver_replied
from atlas_mcp.atlas.events import Event
from atlas_mcp.atlas.messages import AssistantTurn, Reply
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.runs.driving.reading import put_down


def reply(text: str) -> Reply:
    return Reply(AssistantTurn(text), "end", Charge(Usage(), None))


@pytest.mark.parametrize(("chars", "aside"), [(10, False), (LIGHT_CHARS + 1, True)])
async def test_a_long_reply_is_put_down_in_a_thread(chars: int, aside: bool) -> None:
    arrived, where = reply("x" * chars), list[int]()

    def event() -> Event:
        where.append(threading.get_ident())
        return solver_replied(1, arrived)

    assert await put_down(event, arrived) == solver_replied(1, arrived)
    assert (where != [threading.get_ident()]) == aside


async def test_a_cancellation_does_not_keep_a_reply_from_being_put_down() -> None:
    arrived, put = reply("x" * (LIGHT_CHARS + 1)), list[Event]()
    with anyio.CancelScope() as scope:
        scope.cancel()
        put.append(await put_down(lambda: solver_replied(1, arrived), arrived))

    assert put == [solver_replied(1, arrived)]
