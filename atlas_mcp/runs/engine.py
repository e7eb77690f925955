"""The seam to the part that carries runs out: submit a run, stop it, follow it.

An engine owns the runs that it carries out: it holds their leases, and it alone adds events to
them. It never plans a run, shows one to a caller or removes one. A submission is a value, so that
an engine may work in this process, in one beside it, or on other machines.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeAlias

from atlas_mcp.atlas.events import Event, ExploresPlanned, RunOpened, StopCause
from atlas_mcp.atlas.explore_requests import ExploreRequest
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.questions import QuestionRequest
from atlas_mcp.atlas.run_spec import RunSpec
from atlas_mcp.runs.live import LiveRun


@dataclass(frozen=True, slots=True)
class OpenRun:
    """Open a run.

    Attributes:
        problem: The problem.
        spec: The settings of the run.
        explores: The first explores, where a client chooses them.
    """

    problem: Problem
    spec: RunSpec
    explores: ExploresPlanned | None = None

    @property
    def events(self) -> tuple[Event, ...]:
        """The events that open the run, in order."""
        opened = RunOpened(self.problem, self.spec)
        return (opened,) if self.explores is None else (opened, self.explores)


@dataclass(frozen=True, slots=True)
class ResumeRun:
    """Go on with a run that has stopped, or that is about to since its client waits no longer.

    Attributes:
        max_explores: The new ceiling; `None` leaves it.
        max_cost_usd: The new cap, US dollars; `None` leaves it.
        instruction: What its user asks the orchestrator to look into; empty for nothing.
    """

    max_explores: int | None = None
    max_cost_usd: Decimal | None = None
    instruction: str = ""

    @classmethod
    def under(
        cls,
        max_explores: int | None,
        max_cost_usd: float | Decimal | None,
        instruction: str | None = None,
    ) -> ResumeRun:
        """Return a request with these limits and this instruction, as callers give them."""
        cap = None if max_cost_usd is None else Decimal(str(max_cost_usd))
        return cls(max_explores, cap, (instruction or "").strip())

    @property
    def asks_for_more(self) -> bool:
        """Whether the run is to go on under other limits, or to follow an instruction."""
        return self != ResumeRun()


@dataclass(frozen=True, slots=True)
class ExploreFurther:
    """Add explores to a run whose explores a client chooses.

    Attributes:
        problem: The problem as the client repeats it; `None` if it does not.
        explores: The explores.
    """

    problem: Problem | None
    explores: ExploreRequest


@dataclass(frozen=True, slots=True)
class AskRun:
    """Ask a question about a run that does not go on.

    Attributes:
        request: The question.
    """

    request: QuestionRequest


Submission: TypeAlias = OpenRun | ResumeRun | ExploreFurther | AskRun
"""A request to open a run, or to go on with one. A value: another process can carry it out."""


class Engine(Protocol):
    """Carries runs out. Opened for the length of a block."""

    async def submit(self, run_id: str, submission: Submission) -> bool:
        """Return once the submission is on record and will be carried out.

        A caller that does not know the outcome of an `OpenRun` may repeat it: a run is opened once.
        A run that is under way takes further explores at once. A resumption lifts the stop of a run
        whose client left, in the grace of its calls: they go on, wherever the run is carried out.
        A stop for another cause is not lifted. Otherwise this waits a while for the end of a run
        that another engine carries out, or that is to stop. A question is taken beside others that
        are being asked; how its run stands, or ended, is left as it is.

        Args:
            run_id: The run; one to be opened gets this id.
            submission: The request.

        Returns:
            Whether the run goes on because of this: false where there is nothing to resume, where
            the run is going already, where the same submission has opened it before, or where a
            question is being asked or answered already.

        Raises:
            InvalidInput: The run does not allow it, or no run can be opened under the id. Nothing
                was spent.
            RunExists: Another submission has opened a run under the id of this one.
            UnknownRun: There is no such run.
            JournalBusy: Another engine carries the run out, or it did not come to its end in time.
            JournalError: The submission could not be recorded.
        """
        ...

    async def stop(self, run_id: str, cause: StopCause, *, grace: float = 0.0) -> None:
        """Let no further call of a run start.

        Args:
            run_id: The run.
            cause: `user` ends the run wherever it is carried out, also where it is not, and returns
                once it is carried out no more. The other causes return once they are on record;
                `client` is asked of another engine that carries the run out, and returns then;
                `shutdown` stops only a run of this engine.
            grace: Seconds that calls in flight get.

        Raises:
            UnknownRun: There is no such run for a user to end.
            JournalError: That a user ended the run could not be recorded.
        """
        ...

    def follow(self, run_id: str) -> AbstractAsyncContextManager[LiveRun]:
        """Keep a run up to date for the length of a block, wherever it is carried out.

        Yields:
            The run as it is and becomes; `done` once it is carried out no more. A run of another
            engine shows the records of the journal, and no tokens. A run that broke off in this
            engine, and has not gone on since, shows the state in which it did.

        Raises:
            UnknownRun: There is no such run.
        """
        ...

    @property
    def outlives(self) -> bool:
        """Whether a run goes on once the process that submitted it is gone.

        Asked before a caller is told that its run goes on without it.
        """
        ...

    @property
    def driven(self) -> tuple[str, ...]:
        """The ids of the runs that end with this process.

        Beside the three verbs, since a program that ends names these runs to its user, and must
        not wait for a journal then. An engine whose runs outlive the process has none.
        """
        ...

    async def leave(self, *, grace: float) -> None:
        """Leave the runs that end with this process to be resumed; return once none is driven.

        Beside the three verbs, since only the program knows how much time its end allows: the end
        of the engine's block leaves these runs without grace. A caller that waits no longer, and
        cancels this, finds the runs in the log of which something is not on record. An engine whose
        runs outlive the process returns at once.

        Args:
            grace: Seconds that calls in flight get.
        """
        ...
