"""The resources: runs and the pool to read.

Their texts are in `atlas_mcp.server.descriptions`. Reading spends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from atlas_mcp.errors import AtlasError, UnknownRun
from atlas_mcp.off_loop import off_loop
from atlas_mcp.server import descriptions
from atlas_mcp.server.host import Host
from atlas_mcp.server.results import error_text, viewed, whole
from atlas_mcp.texts import unmarked_json

RUN_URI = "atlas://runs/{run_id}"
TRANSCRIPT_URI = "atlas://runs/{run_id}/transcript"
RUNS_URI = "atlas://runs"
SOLVERS_URI = "atlas://solvers"

MAX_LISTED = 50
"""Runs of the list. Clients refuse long resources."""


def add_resources(server: MCPServer[Any], host: Host) -> None:
    """Register the resources on `server`."""
    _add_run(server, host)
    _add_transcript(server, host)
    _add_runs(server, host)
    _add_solvers(server, host)


def _add_run(server: MCPServer[Any], host: Host) -> None:
    @server.resource(
        RUN_URI, title="Run", description=descriptions.RUN_RESOURCE, mime_type="application/json"
    )
    async def run(run_id: str, ctx: Context[Any, Any]) -> str:
        """Return a run as a `RunView`, whole."""
        with _errors_shown():
            service = await host.service()
            read = await service.look(run_id)
            text = await whole(await viewed(read, page=host.pages))
            await service.callers.receive(read)
            return text


def _add_transcript(server: MCPServer[Any], host: Host) -> None:
    @server.resource(
        TRANSCRIPT_URI,
        title="Transcript",
        description=descriptions.TRANSCRIPT_RESOURCE,
        mime_type="text/markdown",
    )
    async def run_transcript(run_id: str, ctx: Context[Any, Any]) -> str:
        """Return a run as a story in Markdown."""
        with _errors_shown():
            service = await host.service()
            from atlas_mcp.views.page.document import page_document
            from atlas_mcp.views.transcript import transcript

            read = await service.look(run_id)
            records = await service.read(run_id)
            text = await off_loop("views", lambda: transcript(page_document(records, read)))
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


@contextmanager
def _errors_shown() -> Generator[None]:
    """Turn errors that the reader can act on into errors of the resource."""
    try:
        yield
    except UnknownRun as error:
        raise ResourceNotFoundError(error_text(error)) from error
    except AtlasError as error:
        raise ResourceError(error_text(error)) from error
