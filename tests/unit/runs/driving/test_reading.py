"""A reply is put down whatever happens meanwhile, and holds nobody up."""

from __future__ import annotations

import threading

import anyio
import pytest

from atlas_mcp.atlas.arrived import LIGHT_CHARS, solver_replied
from atlas_mcp.atlas.events import Event
from atlas_mcp.atlas.messages import AssistantTurn, Reply
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.runs.driving.reading import event_of_reply


def reply(text: str) -> Reply:
    return Reply(AssistantTurn(text), "end", Charge(Usage(), None))


@pytest.mark.parametrize(("chars", "aside"), [(10, False), (LIGHT_CHARS + 1, True)])
async def test_a_long_reply_becomes_an_event_in_a_thread(chars: int, aside: bool) -> None:
    arrived, where = reply("x" * chars), list[int]()

    def event() -> Event:
        where.append(threading.get_ident())
        return solver_replied(1, arrived)

    assert await event_of_reply(event, arrived) == solver_replied(1, arrived)
    assert (where != [threading.get_ident()]) == aside


async def test_a_cancellation_does_not_keep_a_reply_from_its_event() -> None:
    arrived, put = reply("x" * (LIGHT_CHARS + 1)), list[Event]()
    with anyio.CancelScope() as scope:
        scope.cancel()
        put.append(await event_of_reply(lambda: solver_replied(1, arrived), arrived))

    assert put == [solver_replied(1, arrived)]
