"""The server, put together: tools, resources and prompts over one host, for any transport."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import MCPServer

from atlas_mcp import __version__
from atlas_mcp.server.arguments import AsRead, KnownArguments
from atlas_mcp.server.completion import add_completion
from atlas_mcp.server.descriptions import INSTRUCTIONS
from atlas_mcp.server.faults import Faults
from atlas_mcp.server.host import Host
from atlas_mcp.server.prompts import add_prompts
from atlas_mcp.server.resources import add_resources
from atlas_mcp.server.run_app import fit_to_client, run_app
from atlas_mcp.server.run_tasks import RunTasks
from atlas_mcp.server.subscriptions import Subscriptions
from atlas_mcp.server.task_extension import TasksExtension, TaskSource
from atlas_mcp.server.tool_schemas import compact, compact_result
from atlas_mcp.server.tools import add_tools

if TYPE_CHECKING:
    from atlas_mcp.config.settings import Settings


def make_server(
    settings: Settings | None, *, host: Host | None = None, tasks: Sequence[TaskSource] = ()
) -> MCPServer[None]:
    """Return a server for these settings; nothing is opened before it runs.

    Args:
        settings: The configuration; `None` where a host is given.
        host: A host to use instead of one made for the settings.
        tasks: Further sources of tasks, beside runs.
    """
    if host is None:
        assert settings is not None, "there is a host otherwise"
        host = Host(settings)
    arguments = KnownArguments()
    faults = Faults()
    subscriptions = Subscriptions(host)

    @asynccontextmanager
    async def lifespan(server: MCPServer[None]) -> AsyncGenerator[None]:
        await arguments.learn(server)
        await faults.learn(server)
        async with host.running(), subscriptions.running():
            yield

    server: MCPServer[Any] = MCPServer(
        "atlas-mcp",
        title="ATLAS",
        version=__version__,
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        log_level="WARNING",
        extensions=[TasksExtension((RunTasks(host), *tasks)), run_app(host)],
        middleware=[
            host.notice_greeting,
            host.patience.notice,
            faults.answer,
            subscriptions.describe,
            arguments.check,
            fit_to_client,
        ],
        # Those of the SDK take any resource, and would stay silent.
        subscriptions=False,
    )
    _add_compact_tools(server, host)
    add_resources(server, host)
    add_prompts(server)
    add_completion(server, host)
    subscriptions.serve(server)
    return server


def _add_compact_tools(server: MCPServer[Any], host: Host) -> None:
    add_tools(server, host)
    for tool in server._tool_manager.list_tools():  # pyright: ignore[reportPrivateUsage]
        tool.parameters = compact(tool.parameters)
        tool.fn_metadata = AsRead(
            arg_model=tool.fn_metadata.arg_model,
            output_schema=compact_result(tool.fn_metadata.output_schema),
            output_model=tool.fn_metadata.output_model,
        )
