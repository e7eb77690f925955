"""Steps of a run: an event, the records of its consequences, and the calls that follow.

Owns the order within a step: consequences are recorded until calls are to be made, or until work is
to be done that takes long. Pure: time comes from the caller, and a driver performs the step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from atlas_mcp.atlas.commands import Call, CompareAnswers, Note, ReadReply, Work
from atlas_mcp.atlas.events import Event, Record
from atlas_mcp.atlas.policy import next_commands
from atlas_mcp.atlas.replies import Read, is_quickly_read, read_reply
from atlas_mcp.atlas.state import RunState


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one write, and the state they lead to."""

    records: tuple[Record, ...]
    state: RunState

    def followed_by(self, later: Batch) -> Batch:
        """Return both as one write."""
        return Batch((*self.records, *later.records), later.state)


def batch_of(state: RunState, events: Iterable[Event], now: float) -> Batch:
    """Return the records of events, in their order and all at one time, on top of a state.

    Args:
        state: The run before them.
        events: The events.
        now: The time of the run, Unix seconds.
    """
    records: list[Record] = []
    for event in events:
        record = Record(state.seq + 1, now, event)
        state = state.apply(record)
        records.append(record)
    return Batch(tuple(records), state)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run.

    Attributes:
        happened: The events that the step was decided on.
        whole: These events, then their consequences.
        calls: The calls to make once the whole is recorded.
        work: The work that must be done before anything else is decided; `None` for none.
    """

    happened: Batch
    whole: Batch
    calls: tuple[Call, ...] = ()
    work: Work | None = None

    @property
    def state(self) -> RunState:
        """The run after the step."""
        return self.whole.state

    def consequences(self, now: float) -> Batch:
        """Return the records of the consequences alone, all at one time.

        Args:
            now: The time of the run, Unix seconds.
        """
        records = self.whole.records[len(self.happened.records) :]
        return batch_of(self.happened.state, (record.event for record in records), now)


def next_step(
    state: RunState, events: Iterable[Event], now: float, read: Read = read_reply
) -> Step:
    """Return the step that events lead to.

    Args:
        state: The run before them.
        events: The events; none where the run is taken up.
        now: The time of the run, Unix seconds.
        read: Reads the replies that take no time.
    """
    happened = whole = batch_of(state, events, now)
    calls: list[Call] = []
    while commands := next_commands(whole.state):
        for command in commands:
            if isinstance(command, Note):
                event = command.event
            elif isinstance(command, ReadReply) and is_quickly_read(whole.state, command):
                event = read(whole.state, command)
            elif not isinstance(command, ReadReply | CompareAnswers):
                event = command.intent
                calls.append(command)
            else:
                return Step(happened, whole, tuple(calls), command)
            whole = whole.followed_by(batch_of(whole.state, (event,), now))
    return Step(happened, whole, tuple(calls))
