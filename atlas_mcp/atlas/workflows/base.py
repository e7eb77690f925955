"""The seam between the loop and the policies that it can follow.

A workflow decides which explores a run has and how it ends. It is pure: it takes the state of a run
and returns commands, and it never sees a model, a clock or a journal. It builds an orchestrator's
call with its hold, where it has one; starting explores, retries and stops are the same for all.
"""

from __future__ import annotations

from typing import Protocol, Self

from atlas_mcp.atlas.commands import Command
from atlas_mcp.atlas.events import Event, OrchestratorReplied
from atlas_mcp.atlas.explore import Explore, Outcome, read_candidate
from atlas_mcp.atlas.holds import solver_tokens_at_most
from atlas_mcp.atlas.input_tokens import input_tokens_at_most
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.run_facts import OrchestratorTurn
from atlas_mcp.atlas.solver_prompts import solver_request
from atlas_mcp.atlas.state import RunState
from atlas_mcp.errors import InvalidInput


class Workflow(Protocol):
    """A policy. Subclass it, and give it a line in `registry`.

    Attributes:
        orchestrated: Whether an orchestrator is asked; a run without one needs no such model.
        gathers: Whether a run of it ends with candidates for the caller to weigh, not an answer.
        why_unknown: Why runs of it can be shown and not carried on; empty for a known workflow.
    """

    orchestrated: bool = False
    gathers: bool = False
    why_unknown: str = ""

    @classmethod
    def with_option(cls, option: str | None) -> Self:
        """Return the policy for the part of its name behind the colon.

        Args:
            option: That part; `None` where there is none, and always where it takes none.

        Raises:
            InvalidInput: It does not take that option.
        """
        assert option is None, "the registry has no option for it"
        return cls()

    @property
    def explores(self) -> int | None:
        """How many explores a run of it takes at most; `None` leaves that to the budget."""
        return None

    @property
    def usual_explores(self) -> int | None:
        """The ceiling of explores where neither caller nor configuration sets one.

        `None` for that of every run.
        """
        return None

    def next_commands(self, state: RunState) -> tuple[Command, ...]:
        """Return the next commands where no call is open and no explore waits.

        Not all is to be returned at once: it is asked again once they are recorded.
        """
        ...

    def decide(
        self, state: RunState, turn: OrchestratorTurn, replied: OrchestratorReplied
    ) -> Event:
        """Return the event that follows from a reply of the orchestrator."""
        raise AssertionError(f"{type(self).__name__} asks no orchestrator")

    def check_further_explores(self, run_id: str) -> None:
        """Refuse explores that a client wants to add to a run.

        Raises:
            InvalidInput: The workflow takes no explores from a client.
        """
        raise InvalidInput(
            "run_id", f"{run_id!r} is a solve_with_atlas run; leave run_id out to start afresh"
        )

    def request(
        self,
        state: RunState,
        explore: Explore,
        spec: ModelSpec,
        *,
        max_tokens: int,
        seed: int | None,
    ) -> ModelRequest:
        """Return the request to the model of an explore.

        Args:
            state: The run.
            explore: The explore.
            spec: Its model.
            max_tokens: Ceiling of the reply.
            seed: For endpoints that sample; `None` for unseeded.
        """
        return solver_request(state.problem, explore, spec, max_tokens=max_tokens, seed=seed)

    def input_tokens_at_most(self, state: RunState, explore: Explore, spec: ModelSpec) -> int:
        """Return a bound of the input tokens of `request`; money is held for as many.

        A solver's request is not built for this. One that a workflow makes itself is, unless the
        workflow overrides this method too.
        """
        if type(self).request is Workflow.request:
            return solver_tokens_at_most(state.problem, explore, spec)
        request = self.request(state, explore, spec, max_tokens=spec.max_tokens, seed=None)
        return input_tokens_at_most(request, image_tokens=spec.image_tokens)

    def read(self, state: RunState, explore: Explore, reply: Reply) -> Outcome:
        """Return the outcome that the reply to an explore gives."""
        return read_candidate(reply, state.problem.answer_schema)
