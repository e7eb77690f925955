"""Holds against each other, after each death of a process: the calls the API saw, and the journal.

Reads a copy of the journal's files, so that the next process finds them as the dead one left them.
"""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
import tempfile
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crash_play import ANSWER, WIDE_CAP, Key, key_of, mark_of, problem_of

from atlas_mcp.atlas.codec import decode_event
from atlas_mcp.atlas.events import (
    OrchestratorAsked,
    OrchestratorReplied,
    Record,
    SolverReplied,
    SolverStarted,
)
from atlas_mcp.atlas.messages import Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.question_events import QuestionAnswered, QuestionAsked, QuestionReplied
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.atlas.solver_prompts import solver_request
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.usage import FREE
from atlas_mcp.journal.sqlite.store import FILE_NAME
from atlas_mcp.models.prices import cost_of
from atlas_mcp.testing.messages_api import ApiReply, Asked, MessagesApi
from atlas_mcp.testing.messages_rules import prefixes

MARGIN = 0.05
"""Seconds for which a response must have been complete before a kill to be safe from it, beside
those by which the machine itself was late."""


@dataclass(frozen=True)
class Death:
    """The end of a process.

    Attributes:
        at: Just before it was killed, seconds of `time.monotonic`; infinite if it ended by itself.
        asked_at: When it was first asked to drive a run; infinite if it did not come to that.
        faults: The faults that it could report.
        of: The kind of process.
        late: Seconds by which the machine was late just before.
    """

    at: float = math.inf
    asked_at: float = math.inf
    faults: tuple[str, ...] = ()
    of: str = "a process"
    late: float = 0.0

    @property
    def margin(self) -> float:
        """Seconds for which a response must have been complete to be safe from it."""
        return MARGIN + self.late


@dataclass
class Tally:
    """The figures of the rig.

    Attributes:
        kills: Processes killed.
        program_kills: Those of them that were the program itself.
        runs: Runs opened.
        calls: Calls the API saw.
        cut: Calls that got no whole reply before the kill.
        finished: Calls whose reply had been complete for the margin, or longer.
        narrow: Those of them for which it was less than twice the margin.
        excused: Calls made again whose reply had been complete for less than the margin.
        latest: The most seconds by which the machine was late just before a kill.
        oldest_lost: For how long the oldest reply that is in no record had been complete, seconds.
        lost: Candidates that should be in the journal and are not.
        repeated: Calls made again that should not have been.
        unanswered: Runs without an answer, although their last process was not killed.
        faults: Everything that went wrong, these three included.
    """

    kills: int = 0
    program_kills: int = 0
    runs: int = 0
    calls: int = 0
    cut: int = 0
    finished: int = 0
    narrow: int = 0
    excused: int = 0
    latest: float = 0.0
    oldest_lost: float = 0.0
    lost: int = 0
    repeated: int = 0
    unanswered: int = 0
    faults: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Written:
    """A run as the journal has it.

    Attributes:
        state: The state that its records fold to.
        announced: The calls that it says are about to be made.
        marks: Those of all replies it holds.
    """

    state: RunState
    announced: frozenset[Key]
    marks: frozenset[str]


@dataclass
class Witness:
    """Looks at all that the processes of one `ATLAS_HOME` do.

    Args:
        api: The API that they call.
        url: Where it is.
        home: `ATLAS_HOME`.
        tally: Where the figures go.
    """

    api: MessagesApi
    url: str
    home: Path
    tally: Tally
    runs: dict[str, Written] = field(default_factory=dict[str, "Written"])
    _seen: int = 0
    _replied: defaultdict[Key, list[tuple[float, Death]]] = field(
        default_factory=lambda: defaultdict[Key, list[tuple[float, Death]]](list)
    )
    _prompts: dict[Key, bytes] = field(default_factory=dict[Key, bytes])

    @property
    def open_runs(self) -> list[str]:
        """The runs that have not ended."""
        return [run_id for run_id, run in self.runs.items() if run.state.finished is None]

    def look(self, death: Death) -> None:
        """Compare what has happened since the last death."""
        self.tally.faults += death.faults
        self.tally.latest = max(self.tally.latest, death.late)
        self._settle()
        self._read_journal()
        runs = {problem_of(run.state.problem.text): run for run in self.runs.values()}
        calls, self._seen = self.api.asked[self._seen :], len(self.api.asked)
        self.tally.calls += len(calls)
        for asked in calls:
            self._check_call(asked, death, runs.get(key_of(asked.body).problem))

    def look_at_the_end(self) -> None:
        """Check that every run has its answer, and was billed no more than it has counted."""
        self.tally.runs += len(self.runs)
        billed = defaultdict[int, list[Asked]](list)
        for asked in self.api.asked:
            billed[key_of(asked.body).problem].append(asked)
        for run_id, run in self.runs.items():
            state = run.state
            if not is_done(state):
                self.tally.unanswered += 1
                self._fault(f"run {run_id} has no answer: {state.finished}")
            costs = [
                cost_of(f"anthropic/{asked.body['model']}", asked.billed) or FREE
                for asked in billed[problem_of(state.problem.text)]
            ]
            if sum(costs, FREE) > state.ledger.committed:
                self._fault(f"run {run_id} was billed {sum(costs)}, and counted {state.ledger}")

    def _settle(self) -> None:
        """Return once all that the dead process had sent has arrived, and been given up."""
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"{self.url}/nothing").close()
        if not self.api.wait_for(lambda api: api.in_flight == 0):
            self._fault("the API is still answering a process that is dead")

    def _check_call(self, asked: Asked, death: Death, run: Written | None) -> None:
        key = key_of(asked.body)
        if asked.at < death.asked_at:
            self._fault(f"{key} was made before anybody asked for it")
        if run is None or key not in run.announced:
            self._fault(f"{key} was made without a record")
            return
        if key.turn is not None and run.state.budget.max_cost_usd == WIDE_CAP:
            # Under a tight cap, the money that the kill lost can change what there is to say.
            prompt = prefixes(asked.body)[-1]
            if self._prompts.setdefault(key, prompt) != prompt:
                self._fault(f"{key} was said in other words than before")
        for replied_at, its_death in self._replied[key]:
            self._count_repetition(key, replied_at, its_death, again_in=death)
        if asked.outcome is None:
            self._fault(f"{key} was refused by the API")
        elif asked.replied_at is not None:
            self._replied[key].append((asked.replied_at, death))
            self._check_kept(asked, asked.replied_at, death, run)
        elif isinstance(asked.outcome, ApiReply):
            self.tally.cut += 1

    def _count_repetition(
        self, key: Key, replied_at: float, death: Death, *, again_in: Death
    ) -> None:
        if death is again_in or death.at - replied_at >= death.margin:
            self.tally.repeated += 1
            age = death.at - replied_at
            self._fault(f"{key} was made again, complete for {age:.3f} s when {death.of} died")
        else:
            self.tally.excused += 1

    def _check_kept(self, asked: Asked, replied_at: float, death: Death, run: Written) -> None:
        """Look for a reply that was complete at some time before a death."""
        age = death.at - replied_at
        self.tally.finished += age >= death.margin
        self.tally.narrow += death.margin <= age < 2 * death.margin
        if mark_of(asked) in run.marks:
            return
        self.tally.oldest_lost = max(self.tally.oldest_lost, age)
        if age >= death.margin:
            key = key_of(asked.body)
            self.tally.lost += key.turn is None
            self._fault(f"the reply to {key}, complete for {age:.3f} s, died with {death.of}")

    def _read_journal(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name in (FILE_NAME, f"{FILE_NAME}-wal"):
                # A process may die before it has made them.
                with suppress(FileNotFoundError):
                    shutil.copy(self.home / name, folder)
            with closing(sqlite3.connect(Path(folder, FILE_NAME))) as connection:
                if connection.execute("PRAGMA user_version").fetchone()[0]:
                    self._read_tables(connection)

    def _read_tables(self, connection: sqlite3.Connection) -> None:
        (soundness,) = connection.execute("PRAGMA quick_check").fetchone()
        if soundness != "ok":
            self._fault(f"the journal is damaged: {soundness}")
        listed: dict[str, str] = dict(connection.execute("SELECT run_id, status FROM runs"))
        for run_id in self.runs.keys() - listed.keys():
            self._fault(f"run {run_id} is gone")
        for run_id, status in listed.items():
            if run_id in self.runs and is_done(self.runs[run_id].state):
                continue
            rows = connection.execute(
                "SELECT seq, at, body FROM events WHERE run_id = ? ORDER BY seq", (run_id,)
            )
            run = _written([Record(seq, at, decode_event(body)) for seq, at, body in rows])
            self.runs[run_id], state = run, run.state
            if status != ("running" if state.finished is None else state.finished.status):
                self._fault(f"run {run_id} is listed as {status}, and is {state.finished}")
            cap = state.budget.max_cost_usd
            if cap is None or state.ledger.committed > cap:
                self._fault(f"run {run_id} is past its cap: {state.ledger}")

    def _fault(self, text: str) -> None:
        self.tally.faults.append(text)


def is_done(state: RunState) -> bool:
    """Return whether a run has its answer, and the question about it another one."""
    asked = [isinstance(one.outcome, QuestionAnswered) for one in state.questions.values()]
    return _answered(state) and asked == [True]


def _answered(state: RunState) -> bool:
    end = state.finished
    return end is not None and (end.status, end.answer) == ("answered", ANSWER)


def _written(records: Sequence[Record]) -> Written:
    state = RunState.fold(records)
    announced: set[Key] = set()
    marks: set[str] = set()
    for event in (record.event for record in records):
        if isinstance(event, SolverStarted):
            announced.add(_solver_call(state, state.explores[event.explore_id]))
        elif isinstance(event, OrchestratorAsked):
            assert state.spec.orchestrator is not None
            announced.add(_key(state, state.spec.orchestrator, turn=event.turn - 1))
        elif isinstance(event, QuestionAsked):
            model, asked = state.questions[event.number].posed.model, event.said.parts[-1]
            assert isinstance(asked, Text)
            announced.add(_key(state, model, directive=asked.text))
        elif isinstance(event, QuestionReplied):
            marks.add(json.loads(event.reply.text)["approach"])
        elif isinstance(event, OrchestratorReplied):
            marks.add(event.reply.verbatim["content"][0]["thinking"])
        elif isinstance(event, SolverReplied):
            marks.add(json.loads(event.reply.text)["approach"])
    return Written(state, frozenset(announced), frozenset(marks))


def _solver_call(state: RunState, explore: ExploreState) -> Key:
    action = explore.planned.explore
    spec = state.spec.solver(action.solver).spec
    request = solver_request(state.problem, action, spec, max_tokens=1, seed=None)
    (said,) = request.turns
    assert isinstance(said, UserTurn)
    directive = said.parts[-1]
    assert isinstance(directive, Text)
    return _key(state, spec, directive=directive.text)


def _key(state: RunState, spec: ModelSpec, **what: Any) -> Key:
    return Key(problem_of(state.problem.text), spec.model.rpartition("/")[2], **what)
