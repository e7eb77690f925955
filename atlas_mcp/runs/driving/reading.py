"""Replies made into events, and recorded replies read: the boundary for bugs in the reading.

`atlas.replies.read_reply` turns a reply into its consequence and should never raise. If it does,
the reply stays on record, a failed candidate or a failed run is recorded as its consequence, and
the log has the traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from atlas_mcp.atlas import replies
from atlas_mcp.atlas.arrived import is_light
from atlas_mcp.atlas.commands import ReadReply
from atlas_mcp.atlas.events import Event
from atlas_mcp.atlas.state import RunState
from atlas_mcp.off_loop import surely_off_loop

logger = logging.getLogger(__name__)


async def event_of_reply(conclude: Callable[[], Event], arrived: object) -> Event:
    """Return the event that records a reply, made off the event loop where the reply is long.

    Nothing cancels this: the reply has been paid for, and is not on record yet.

    Args:
        conclude: Makes the event.
        arrived: The reply.
    """
    if is_light(arrived):
        return conclude()
    return await surely_off_loop("replies", conclude)


def read_reply_or_failure(run_id: str, state: RunState, command: ReadReply) -> Event:
    """Return the consequence of a reply on record, even if a bug keeps it from being read."""
    try:
        return replies.read_reply(state, command)
    except Exception as error:
        logger.exception("run %s: a reply could not be read", run_id)
        return replies.unreadable_reply(state, command, error)
