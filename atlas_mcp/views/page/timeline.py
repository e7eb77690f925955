"""The time line of a run: every call, wait and comparison as a bar, in lanes without overlaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from atlas_mcp.atlas.call_names import call_key
from atlas_mcp.atlas.events import (
    AnswersCompared,
    AttemptFailed,
    CallsLost,
    OrchestratorAsked,
    OrchestratorFailed,
    OrchestratorReplied,
    Record,
    RunFinished,
    SolverFinished,
    SolverReplied,
    SolverStarted,
)
from atlas_mcp.atlas.state import RunState
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.texts import counted
from atlas_mcp.views.facts import explore_name
from atlas_mcp.views.page.bounded import name
from atlas_mcp.views.page.course_shapes import Timeline, TimelineBar, TimelineLane
from atlas_mcp.views.page.own_records import own_records

_BarState: TypeAlias = Literal["running", "ok", "failed", "lost"]


@dataclass(slots=True)
class _Call:
    """A call from its announcement to its end, with its attempts and the waits between them."""

    label: str
    kind: Literal["solver", "orchestrator"]
    begun: float
    explore_id: int | None = None
    turn: int | None = None
    waits_until: float = 0.0
    failed: int = 0
    bars: list[TimelineBar] = field(default_factory=list[TimelineBar])

    @property
    def until(self) -> float:
        """When it ended; never, while it goes on."""
        last = self.bars[-1].to if self.bars else self.begun
        return float("inf") if last is None else last

    def fail_attempt(self, at: float, not_before: float) -> None:
        """Note that an attempt failed, and that the next one waits."""
        self.end(at, "failed")
        self.failed += 1
        self.begun, self.waits_until = at, max(at, not_before)

    def end(self, at: float | None, state: _BarState) -> None:
        """Note the end of the attempt under way, or of the wait for it; `None` while it goes on."""
        start = self.begun
        if self.waits_until > start:
            wait_ends = self.waits_until if at is None else min(at, self.waits_until)
            label = f"waits before attempt {self.failed + 1}"
            self.bars.append(self._bar(label, "wait", start, wait_ends, "ok"))
            start = self.waits_until
        if at is None or at >= start:
            again = f", attempt {self.failed + 1}" if self.failed else ""
            self.bars.append(self._bar(f"{self.label}{again}", self.kind, start, at, state))

    def settle(self, state: _BarState) -> None:
        """Put another state on its last bar: its reply has been read."""
        self.bars[-1] = self.bars[-1].model_copy(update={"state": state})

    def _bar(
        self,
        label: str,
        kind: Literal["solver", "orchestrator", "wait"],
        start: float,
        to: float | None,
        state: _BarState,
    ) -> TimelineBar:
        return TimelineBar(
            label=label,
            kind=kind,
            explore_id=self.explore_id,
            turn=self.turn,
            start=start,
            to=to,
            state=state,
        )


@dataclass(slots=True)
class _Course:
    """The calls of a run as its records are read."""

    state: RunState
    at: float
    open: dict[str, _Call] = field(default_factory=dict[str, _Call])
    ended: list[_Call] = field(default_factory=list[_Call])
    last: dict[int, _Call] = field(default_factory=dict[int, _Call])
    compared: list[TimelineBar] = field(default_factory=list[TimelineBar])

    def read(self, record: Record) -> None:
        """Take the next record; time never runs back."""
        before, at = self.at, max(self.at, record.at)
        self.at = at
        match record.event:
            case SolverStarted(explore_id=number) as event:
                call = _Call(self._name(number), "solver", at, explore_id=number)
                self.open[call_key(event)] = self.last[number] = call
            case OrchestratorAsked(turn=turn) as event:
                self.open[call_key(event)] = _Call(f"turn {turn}", "orchestrator", at, turn=turn)
            case AttemptFailed(call=key, not_before=not_before) if key in self.open:
                self.open[key].fail_attempt(at, not_before)
            case SolverReplied() | OrchestratorReplied() as event:
                self._end(call_key(event), "ok")
            case OrchestratorFailed() as event:
                self._end(call_key(event), "failed")
            case SolverFinished(explore_id=number, outcome=outcome) as event:
                how: _BarState = "failed" if outcome.status == "failed" else "ok"
                if call_key(event) in self.open:
                    self._end(call_key(event), how)
                elif number in self.last:
                    self.last[number].settle(how)
            case AnswersCompared(explore_ids=numbers):
                self._compare(before, at, len(numbers))
            case CallsLost():
                self._end_all(before, "lost")
            case RunFinished():
                self._end_all(at, "lost")
            case _:
                pass

    def close(self, *, driven: bool) -> None:
        """Note the calls that are open at the end: they go on, or their process is gone."""
        self._end_all(None if driven else self.at, "running" if driven else "lost")

    def _end(self, key: str, state: _BarState) -> None:
        call = self.open.pop(key, None)
        if call is not None:
            call.end(self.at, state)
            self.ended.append(call)

    def _end_all(self, at: float | None, state: _BarState) -> None:
        for call in self.open.values():
            call.end(at, state)
            self.ended.append(call)
        self.open.clear()

    def _compare(self, start: float, to: float, count: int) -> None:
        # Its beginning is on no record: it starts no earlier than the record before.
        label = f"compares {counted(count, 'answer')}"
        bar = TimelineBar(label=label, kind="compare", start=start, to=to, state="ok")
        self.compared.append(bar)

    def _name(self, number: int) -> str:
        explore = self.state.explores.get(number)
        if explore is None:
            return f"#{number}"
        action = explore.planned.explore
        return name(explore_name(number, action.solver, strategy=action.strategy, role=action.role))


def page_timeline(records: Sequence[Record], run: RunSnapshot) -> Timeline:
    """Return the time line of a run.

    Args:
        records: Its records, from the first.
        run: The run.
    """
    opened = run.state.opened_at
    course = _Course(run.state, opened)
    for record in own_records(records):
        course.read(record)
    live = run.status == "running"
    course.close(driven=live)
    orchestrator = [one for one in course.ended if one.kind == "orchestrator"]
    solvers = [one for one in course.ended if one.kind == "solver"]
    lanes = [*_lanes("Orchestrator", orchestrator), *_lanes("Solvers", solvers)]
    if course.compared:
        lanes.append(TimelineLane(name="Comparison", bars=course.compared))
    return Timeline(start=opened, to=max(run.now, course.at) if live else course.at, lanes=lanes)


def _lanes(name: str, calls: Sequence[_Call]) -> Iterator[TimelineLane]:
    """Yield calls in as few lanes as they need."""
    lanes: list[list[_Call]] = []
    for call in sorted(calls, key=lambda one: one.bars[0].start):
        free = (lane for lane in lanes if lane[-1].until <= call.bars[0].start)
        lane = next(free, None)
        if lane is None:
            lanes.append([call])
        else:
            lane.append(call)
    for number, lane in enumerate(lanes, 1):
        bars = [bar for call in lane for bar in call.bars]
        yield TimelineLane(name=name if len(lanes) == 1 else f"{name} {number}", bars=bars)
