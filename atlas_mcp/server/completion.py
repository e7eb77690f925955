"""Completion: the values that an argument of a prompt or of a resource can have.

Looking them up spends nothing. An argument whose values are not known completes to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import anyio.to_thread
from mcp.server.mcpserver import MCPServer
from mcp_types import Completion, PromptReference, ResourceTemplateReference

from atlas_mcp.errors import AtlasError
from atlas_mcp.server.host import Host

MAX_COMPLETIONS = 100
"""Values of one completion. Source: the MCP specification."""

LOOKED_AT = 1_000
"""Runs whose ids are completed, the newest."""


def add_completion(server: MCPServer[Any], host: Host) -> None:
    """Have `server` complete the arguments of its prompts and of the URIs of its resources."""

    @server.completion()
    async def complete(
        ref: PromptReference | ResourceTemplateReference, argument: Any, context: Any
    ) -> Completion | None:
        """Complete run ids, solvers, strategies and efforts."""
        of_uri = isinstance(ref, ResourceTemplateReference)
        try:
            values = await _values(str(argument.name), host, of_uri=of_uri)
        except AtlasError:
            return None
        return None if values is None else completion(values, str(argument.value))


def completion(values: Sequence[str], begun: str) -> Completion:
    """Return the values that go on what has been typed: those that begin so, else that hold it.

    Args:
        values: All values, in the order in which they are offered.
        begun: What has been typed; upper and lower case count alike.
    """
    typed = begun.casefold()
    found = [value for value in values if value.casefold().startswith(typed)]
    if not found:
        found = [value for value in values if typed in value.casefold()]
    return Completion(
        values=found[:MAX_COMPLETIONS],
        total=len(found),
        has_more=len(found) > MAX_COMPLETIONS,
    )


async def _values(argument: str, host: Host, *, of_uri: bool) -> Sequence[str] | None:
    """Return the values of an argument; `None` where they are not known.

    Args:
        argument: Its name.
        host: Has the runs and the pool.
        of_uri: Whether it stands in the URI of a resource.
    """
    if of_uri:
        if argument != "run_id":
            return None
        service = await host.service()
        return [run.run_id for run in await service.list_runs(limit=LOOKED_AT)]
    match argument:
        case "solver":
            pool = (await host.service()).pool
            # Which models this machine offers is read from its disk.
            offered = await anyio.to_thread.run_sync(pool.offered)
            return tuple(dict.fromkeys((*pool.names(), *offered)))
        case "strategy":
            from atlas_mcp.atlas.explore import STRATEGIES

            return STRATEGIES
        case "effort":
            from atlas_mcp.atlas.budget import ExploreEffort

            return get_args(ExploreEffort)
        case _:
            return None
