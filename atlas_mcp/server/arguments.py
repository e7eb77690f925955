"""Refusing tool arguments that do not exist, and what would be read as a number and is none.

The SDK drops the first in silence, and takes `true` for 1. A mistyped `max_cost` would then spend
under another cap than the caller meant, so it is an error here, before anything is spent.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from mcp_types import CallToolResult, TextContent

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
    from mcp.server.mcpserver import MCPServer


class KnownArguments:
    """Middleware that knows which arguments each tool of `server` takes."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    async def learn(self, server: MCPServer[Any]) -> None:
        """Read the tools' input schemas; called once all tools are registered."""
        for tool in await server.list_tools():
            self._known[tool.name] = tool.input_schema.get("properties", {})

    async def check(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Answer a call with arguments that are unknown or no numbers; let everything else pass."""
        if ctx.method != "tools/call":
            return await call_next(ctx)
        params = cast("dict[str, Any]", ctx.params or {})
        known = self._known.get(str(params.get("name")))
        given = params.get("arguments")
        if known is None or not isinstance(given, dict):
            return await call_next(ctx)
        fault = _fault(cast("dict[str, Any]", given), known)
        if fault is None:
            return await call_next(ctx)
        text = f"{fault}. Nothing was run."
        return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)


def _fault(given: dict[str, Any], known: dict[str, Any]) -> str | None:
    unknown = [name for name in given if name not in known]
    if unknown:
        names = ", ".join(f"`{name[:80]}`" for name in unknown[:5])
        return f"{names}: there is no such argument; there are {', '.join(known)}"
    for name, value in given.items():
        if not _takes_a_number(known[name]):
            continue
        if isinstance(value, bool):
            return f"`{name}`: takes a number, not {str(value).lower()}"
        if isinstance(value, float) and not math.isfinite(value):
            return f"`{name}`: takes a finite number"
    return None


def _takes_a_number(schema: dict[str, Any]) -> bool:
    kinds = {one.get("type") for one in (schema, *schema.get("anyOf", ()))}
    return not kinds.isdisjoint({"integer", "number"})
