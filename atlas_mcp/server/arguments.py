"""Refusing tool arguments that do not exist.

The SDK drops them in silence. A mistyped `max_cost` would then spend under another cap than the
caller meant, so it is an error here, before anything is spent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from mcp_types import CallToolResult, TextContent

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
    from mcp.server.mcpserver import MCPServer


class KnownArguments:
    """Middleware that knows which arguments each tool of `server` takes."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}

    async def learn(self, server: MCPServer[Any]) -> None:
        """Read the tools' input schemas; called once all tools are registered."""
        for tool in await server.list_tools():
            self._known[tool.name] = list(tool.input_schema.get("properties", {}))

    async def check(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Answer a call with unknown arguments; let everything else pass."""
        if ctx.method != "tools/call":
            return await call_next(ctx)
        params = cast("dict[str, Any]", ctx.params or {})
        known = self._known.get(str(params.get("name")))
        given = params.get("arguments")
        if known is None or not isinstance(given, dict):
            return await call_next(ctx)
        unknown = [name for name in cast("dict[str, Any]", given) if name not in known]
        if not unknown:
            return await call_next(ctx)
        names = ", ".join(f"`{name[:80]}`" for name in unknown[:5])
        text = f"{names}: there is no such argument; there are {', '.join(known)}. Nothing was run."
        return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
