"""Resources, the prompt and the completion: runs and the pool to read, the client as orchestrator.

Their texts are in `atlas_mcp.server.descriptions`. Reading spends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer, UserMessage
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp_types import Completion, PromptReference, ResourceTemplateReference
from pydantic import Field

from atlas_mcp.errors import AtlasError, UnknownRun
from atlas_mcp.server import descriptions
from atlas_mcp.server.host import Host
from atlas_mcp.server.results import error_text, viewed, whole
from atlas_mcp.texts import unmarked_json

RUN_URI = "atlas://runs/{run_id}"
RUNS_URI = "atlas://runs"
SOLVERS_URI = "atlas://solvers"

MAX_LISTED = 50
"""Runs of the list. Clients refuse long resources."""

MAX_COMPLETIONS = 100
"""Values of one completion. Source: the MCP specification."""


def add_resources(server: MCPServer[Any], host: Host) -> None:
    """Register the resources, the prompt and the completion on `server`."""
    _add_run(server, host)
    _add_runs(server, host)
    _add_solvers(server, host)
    _add_prompt(server)
    _add_completion(server, host)


def _add_run(server: MCPServer[Any], host: Host) -> None:
    @server.resource(
        RUN_URI, title="Run", description=descriptions.RUN_RESOURCE, mime_type="application/json"
    )
    async def run(run_id: str, ctx: Context[Any, Any]) -> str:
        """Return a run as a `RunView`, whole."""
        with _errors_shown():
            service = await host.service()
            read = await service.look(run_id)
            text = await whole(await viewed(read))
            await service.callers.receive(read)
            return text


def _add_runs(server: MCPServer[Any], host: Host) -> None:
    @server.resource(
        RUNS_URI, title="Runs", description=descriptions.RUNS_RESOURCE, mime_type="application/json"
    )
    async def runs() -> str:
        """Return the newest runs as JSON, newest first."""
        with _errors_shown():
            service = await host.service()
            from atlas_mcp.views import listing

            newest = await service.list_runs(limit=MAX_LISTED)
            return unmarked_json(json.dumps([listing.as_dict(run) for run in newest], indent=2))


def _add_solvers(server: MCPServer[Any], host: Host) -> None:
    @server.resource(
        SOLVERS_URI,
        title="Solvers",
        description=descriptions.SOLVERS_RESOURCE,
        mime_type="application/json",
    )
    async def solvers() -> str:
        """Return the pool as JSON."""
        with _errors_shown():
            service = await host.service()
            from atlas_mcp.runs.pool_rows import pool_json

            return unmarked_json(await pool_json(service.pool))


def _add_prompt(server: MCPServer[Any]) -> None:
    @server.prompt(title="ATLAS", description=descriptions.ATLAS_PROMPT)
    def atlas(
        problem: Annotated[str | None, Field(description=descriptions.ATLAS_PROMPT_PROBLEM)] = None,
    ) -> list[UserMessage]:
        """Turn the client's agent into the orchestrator."""
        return [UserMessage(descriptions.atlas_prompt(problem))]


def _add_completion(server: MCPServer[Any], host: Host) -> None:
    @server.completion()
    async def complete(
        ref: PromptReference | ResourceTemplateReference, argument: Any, context: Any
    ) -> Completion | None:
        """Complete run ids."""
        if not isinstance(ref, ResourceTemplateReference) or argument.name != "run_id":
            return None
        try:
            service = await host.service()
            newest = await service.list_runs(limit=1_000)
        except AtlasError:
            return None
        ids = [summary.run_id for summary in newest]
        values = [run_id for run_id in ids if run_id.startswith(argument.value)]
        return Completion(
            values=values[:MAX_COMPLETIONS],
            total=len(values),
            has_more=len(values) > MAX_COMPLETIONS,
        )


@contextmanager
def _errors_shown() -> Generator[None]:
    """Turn errors that the reader can act on into errors of the resource."""
    try:
        yield
    except UnknownRun as error:
        raise ResourceNotFoundError(error_text(error)) from error
    except AtlasError as error:
        raise ResourceError(error_text(error)) from error
