"""Putting replies down, and reading those that are on record: the boundary for bugs of the reading.

`atlas.replies.read_reply` says what follows from a reply. Where it raises all the same, the reply
stays on record, a failed candidate or a failed run takes its place, and the log has the traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from atlas_mcp.atlas import replies
from atlas_mcp.atlas.calls import is_light
from atlas_mcp.atlas.commands import ReadReply
from atlas_mcp.atlas.events import Event
from atlas_mcp.atlas.state import RunState
from atlas_mcp.models.off_loop import surely_off_loop

logger = logging.getLogger(__name__)


async def put_down(event_of: Callable[[], Event], arrived: object) -> Event:
    """Return what is to be recorded of a reply, made off the event loop where it is long.

    Nothing cancels it: the reply has been paid for, and is on no record yet.
    """
    if is_light(arrived):
        return event_of()
    return await surely_off_loop("replies", event_of)


def read_reply(run_id: str, state: RunState, command: ReadReply) -> Event:
    """Return what follows from a reply that is on record, also where reading it is a bug."""
    try:
        return replies.read_reply(state, command)
    except Exception as error:
        logger.exception("run %s: a reply could not be read", run_id)
        return replies.unreadable_reply(state, command, error)
