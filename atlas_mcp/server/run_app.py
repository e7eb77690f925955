"""The MCP App: the page of a run, drawn by hosts inside the chat.

The extension `io.modelcontextprotocol/ui`. Owns the resource that hosts draw, the mark on the tools
whose results it draws, and the tool that the page itself calls for news. That tool stands only in
the lists of clients that declare the extension; models never see it. Results stand without a page.
"""

from __future__ import annotations

import json
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.to_thread
from mcp.server.apps import (
    APP_MIME_TYPE,
    EXTENSION_ID,
    Apps,
    ResourceCsp,
    ResourcePermissions,
    client_supports_apps,
)
from mcp.server.mcpserver.resources import Resource
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from typing_extensions import override

from atlas_mcp.errors import InvalidInput
from atlas_mcp.off_loop import off_loop
from atlas_mcp.server import descriptions
from atlas_mcp.server.results import errors_shown

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

    from atlas_mcp.pages.documents import Documents, Known
    from atlas_mcp.runs.service import RunService
    from atlas_mcp.server.host import Host

PAGE_URI = "ui://atlas/run"

DRAWN: dict[str, Any] = {"ui": {"resourceUri": PAGE_URI}}
"""The mark of a tool whose result the page draws."""

PAGE_TOOL = "run_page"

LONGEST_WAIT = 25.0
"""Seconds for which a call of the page waits for news: hosts give up calls after 60."""

SEARCH_SECONDS = 0.3
"""Seconds between two looks for a run that is about to be opened."""

SEARCHED = 20
"""Runs among which it is looked for, the newest."""


class Page(Resource):
    """The built page. It is long, and so is read when a host asks for it."""

    @override
    async def read(self) -> str:
        """Return the page as HTML."""
        from atlas_mcp.views.page.html import page_html

        return await anyio.to_thread.run_sync(page_html, {"mode": "app"}, None)


def run_app(host: Host) -> Apps:
    """Return the extension, with its page and its tool, over the runs that `host` has."""
    apps = Apps()

    @cache
    def documents() -> Documents:
        from atlas_mcp.pages.documents import Documents

        return Documents()

    apps.add_resource(_page())

    @apps.tool(
        resource_uri=PAGE_URI,
        visibility=["app"],
        name=PAGE_TOOL,
        title="Page of a run",
        description=descriptions.RUN_PAGE,
        annotations=ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )
    async def run_page(
        run_id: str | None = None,
        problem: str | None = None,
        since: int | None = None,
        live: bool | None = None,
        wait_s: float | None = None,
    ) -> CallToolResult:
        """Return the document of a run once it has news."""
        with errors_shown():
            from atlas_mcp.pages.documents import Known

            service = await host.service()
            wait = min(wait_s or 0.0, LONGEST_WAIT)
            if min(wait, since or 0) < 0:
                raise InvalidInput("since" if wait >= 0 else "wait_s", "is below 0")
            if run_id is None:
                run_id = await _about(service, problem, wait)
            known = Known(since or 0, live)
            return await _result_of(documents(), service, run_id, known, wait_s=wait)

    return apps


async def fit_to_client(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Fit what a client is told of the page to what it can draw: middleware.

    The page's own tool is left out of the lists of clients that draw no pages. The SDK keeps
    extensions to itself in the era of the handshake, in which most hosts speak; the extension
    is of that era too.
    """
    result = await call_next(ctx)
    if not isinstance(result, dict):
        return result
    if ctx.method == "initialize":
        capabilities = cast("dict[str, dict[str, Any]]", result["capabilities"])
        capabilities.setdefault("extensions", {})[EXTENSION_ID] = {}
    elif ctx.method == "tools/list" and not client_supports_apps(ctx):
        tools = cast("list[dict[str, Any]]", result["tools"])
        result["tools"] = [tool for tool in tools if tool["name"] != PAGE_TOOL]
    return result


def _page() -> Page:
    return Page(
        uri=PAGE_URI,
        name="run",
        title="Page of a run",
        description=descriptions.PAGE_RESOURCE,
        mime_type=APP_MIME_TYPE,
        meta={"ui": _page_meta()},
    )


def _page_meta() -> dict[str, Any]:
    """Return what hosts must know of the page: it needs no address, and may copy."""
    policy = ResourceCsp(
        connect_domains=[], resource_domains=[], frame_domains=[], base_uri_domains=[]
    )
    permissions = ResourcePermissions(clipboard_write={})
    return {
        "csp": policy.model_dump(by_alias=True),
        "permissions": permissions.model_dump(by_alias=True, exclude_none=True),
        "prefersBorder": True,
    }


async def _about(service: RunService, problem: str | None, wait: float) -> str:
    """Return the newest run that is under way for a problem, once there is one.

    Hosts draw the page as soon as a tool is called, and its result, which names the run, may come
    minutes later.

    Raises:
        InvalidInput: No problem is named, or there is no such run within the time.
    """
    if problem is None:
        raise InvalidInput("run_id", "is missing")
    with anyio.move_on_after(wait):
        while True:
            for run in await service.list_runs(limit=SEARCHED):
                if run.status == "running" and run.driven:
                    state = await service.state(run.run_id)
                    if state.problem.text == problem:
                        return run.run_id
            await anyio.sleep(SEARCH_SECONDS)
    raise InvalidInput(
        "problem", "has no run under way; its call is answered with the id of its run"
    )


async def _result_of(
    documents: Documents, service: RunService, run_id: str, known: Known, *, wait_s: float
) -> CallToolResult:
    """Return the document of a run as the result of a call, once it has news or its time is up."""
    made = await documents.awaited(service, run_id, known, wait_s=wait_s)
    text = f"Run {run_id}, {made.document.status}."
    content = await off_loop("pages", partial(json.loads, made.json))
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=content)
