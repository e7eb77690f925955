"""A run as it is at one moment: the facts from which views are made.

Values only. The service fills them in; the words about them are in `atlas_mcp.views`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from atlas_mcp.atlas.outcomes import Status, status_of
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.stopping import is_at_rest


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """Why a run goes on no more although it was not stopped: its journal took no more records.

    Attributes:
        cause: The journal's error, with the way to mend it.
        stored: Number of the last record that was stored.
        lost_replies: Replies that came and could not be stored.
        cut_off: Calls that had left, and whose replies were not waited for.
        damaged: Whether its file is no journal any more.
    """

    cause: str
    stored: int
    lost_replies: int = 0
    cut_off: int = 0
    damaged: bool = False


def no_tokens() -> Mapping[str, int]:
    """Return the tokens of a run of which none are known."""
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """A run at one moment.

    Attributes:
        run_id: Its id.
        state: Its records, folded.
        now: The time of the run, Unix seconds.
        driven: Whether some process carries its commands out. A run that has neither ended nor is
            driven was interrupted.
        broken: Why it broke off in this process; `None` unless it did. Its state may then be ahead
            of its records.
        waiting: Its place in the line for one of the process's places; `None` where it is not in
            line.
        beside: Whether the process beside this one carries it out, which may outlive this one.
        tokens: Output tokens so far of calls in flight, by the call's ledger key.
    """

    run_id: str
    state: RunState
    now: float
    driven: bool
    broken: BrokenOff | None = None
    waiting: str | None = None
    beside: bool = False
    tokens: Mapping[str, int] = field(default_factory=no_tokens)

    @property
    def status(self) -> Status:
        """The status of the run."""
        finished = self.state.finished
        recorded: Status = "running" if finished is None else finished.status
        if finished is None and is_at_rest(self.state):
            # Only questions about it are asked.
            return "interrupted"
        return status_of(recorded, driven=self.driven)

    @property
    def asking(self) -> bool:
        """Whether a question about it is being answered."""
        return self.driven and bool(self.state.open_questions)

    @property
    def live(self) -> bool:
        """Whether it, or a question about it, is being carried out: there will be news."""
        return self.status == "running" or self.asking

    @property
    def was_cut(self) -> bool:
        """Whether it ended because its client cut it off; an identical call goes on with it."""
        return self.status == "cancelled" and self.state.stop_cause == "client"
