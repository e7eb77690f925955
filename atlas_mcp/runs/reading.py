"""Reading the replies that are on record: the one boundary for the bugs of what reads them.

`atlas.calls.conclude` says what follows from a reply. Where it raises all the same, the reply stays
on record, a failed candidate or a failed run takes its place, and the log has the traceback.
"""

from __future__ import annotations

import logging

from atlas_mcp.atlas.calls import conclude, unconcluded
from atlas_mcp.atlas.events import Event
from atlas_mcp.atlas.policy import ReadReply
from atlas_mcp.atlas.state import RunState

logger = logging.getLogger(__name__)


def read_reply(run_id: str, state: RunState, command: ReadReply) -> Event:
    """Return what follows from a reply that is on record, also where reading it is a bug."""
    try:
        return conclude(state, command)
    except Exception as error:
        logger.exception("run %s: a reply could not be read", run_id)
        return unconcluded(state, command, error)
