"""The seam between the loop and the policies that it can follow.

A workflow decides which explores a run has and how it ends. It is pure: it takes the state of a run
and returns commands, and it never sees a model, a clock or a journal. It builds an orchestrator's
call with its hold, where it has one; starting explores, retries and stops are the same for all.
"""

from __future__ import annotations

from typing import Protocol

from atlas_mcp.atlas.commands import Command
from atlas_mcp.atlas.events import Event, OrchestratorReplied
from atlas_mcp.atlas.explore import Explore, Outcome, read_candidate
from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.run_facts import OrchestratorTurn
from atlas_mcp.atlas.solver_prompts import solver_request
from atlas_mcp.atlas.state import RunState


class Workflow(Protocol):
    """A policy. Subclass it, and give it a line in `registry`.

    Attributes:
        name: What it is chosen by.
        summary: What it does, in a line for people.
        orchestrated: Whether an orchestrator is asked; a run without one needs no such model.
        client_decides: Whether the client's own agent is the orchestrator.
    """

    name: str
    summary: str
    orchestrated: bool = False
    client_decides: bool = False

    @property
    def explores(self) -> int | None:
        """How many explores a run of it takes at most; `None` leaves that to the budget."""
        return None

    def next_commands(self, state: RunState) -> tuple[Command, ...]:
        """Return what follows where no call is open and no explore waits.

        Not all is to be returned at once: it is asked again after every record.
        """
        ...

    def decide(
        self, state: RunState, turn: OrchestratorTurn, replied: OrchestratorReplied
    ) -> Event:
        """Return what follows from a reply of the orchestrator."""
        raise AssertionError(f"{self.name} asks no orchestrator")

    def request(
        self,
        state: RunState,
        explore: Explore,
        spec: ModelSpec,
        *,
        max_tokens: int,
        seed: int | None,
    ) -> ModelRequest:
        """Return what the model of an explore is sent.

        Args:
            state: The run.
            explore: The explore.
            spec: Its model.
            max_tokens: Ceiling of the reply.
            seed: For endpoints that sample; `None` for unseeded.
        """
        return solver_request(state.problem, explore, spec, max_tokens=max_tokens, seed=seed)

    def read(self, state: RunState, explore: Explore, reply: Reply) -> Outcome:
        """Return what the reply to an explore amounts to."""
        return read_candidate(reply, state.problem.answer_schema)
