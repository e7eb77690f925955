"""The prompts: an agent as the orchestrator, and an agent that delegates.

Their texts are in `atlas_mcp.server.descriptions`.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from mcp.server.mcpserver import MCPServer, UserMessage
from pydantic import Field

from atlas_mcp.server import descriptions

ProblemArgument: TypeAlias = Annotated[str | None, Field(description=descriptions.PROMPT_PROBLEM)]
SolverArgument: TypeAlias = Annotated[str | None, Field(description=descriptions.PROMPT_SOLVER)]


def add_prompts(server: MCPServer[Any]) -> None:
    """Register the prompts on `server`."""

    @server.prompt(title="ATLAS", description=descriptions.ATLAS_PROMPT)
    def atlas(
        problem: ProblemArgument = None,
        solver: SolverArgument = None,
        strategy: Annotated[str | None, Field(description=descriptions.PROMPT_STRATEGY)] = None,
    ) -> list[UserMessage]:
        """Turn the client's agent into the orchestrator."""
        return [UserMessage(descriptions.atlas_prompt(problem, solver=solver, strategy=strategy))]

    @server.prompt(title="Solve with ATLAS", description=descriptions.SOLVE_PROMPT)
    def solve(
        problem: ProblemArgument = None,
        solver: SolverArgument = None,
        effort: Annotated[str | None, Field(description=descriptions.PROMPT_EFFORT)] = None,
    ) -> list[UserMessage]:
        """Have the client's agent delegate the problem and report the evidence."""
        return [UserMessage(descriptions.solve_prompt(problem, solver=solver, effort=effort))]
