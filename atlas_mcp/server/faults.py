"""Answering a caller's fault as one, and a bug as a bug: with the right code, and one traceback.

The SDK takes an unknown prompt or a missing argument of one for a bug: a traceback in the log, and
an error without a meaning. Here each is refused by name before it is handled. An unknown tool
is a failed result there, which the model that asked for it reads; that stays as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS
from pydantic import ValidationError

from atlas_mcp.errors import AtlasError
from atlas_mcp.server.results import error_text

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
    from mcp.server.mcpserver import MCPServer
    from mcp_types import Prompt

logger = logging.getLogger(__name__)

LONGEST_NAME = 2_000
"""Characters of the name of a resource or a tool. Longer ones are not repeated in an answer."""

BUG = "the server failed by a bug, which its log shows"


class Faults:
    """Middleware that knows the tools and prompts of a server.

    An unknown name completes to nothing: users of completions have not typed all of it yet.
    """

    def __init__(self) -> None:
        self._tools: set[str] = set()
        self._prompts: dict[str, Prompt] = {}

    async def learn(self, server: MCPServer[Any]) -> None:
        """Read the tools and prompts; called once all of them are registered."""
        self._tools = {tool.name for tool in await server.list_tools()}
        self._prompts = {prompt.name: prompt for prompt in await server.list_prompts()}

    async def answer(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Refuse a request for a name that does not exist, and let no bug out as itself.

        Raises:
            MCPError: The request is answered with it.
        """
        if ctx.request_id is None:
            return await call_next(ctx)
        rule = self._broken_rule(ctx.method, cast("Mapping[str, Any]", ctx.params or {}))
        if rule is not None:
            raise MCPError(INVALID_PARAMS, rule)
        try:
            return await call_next(ctx)
        except (MCPError, ValidationError):
            raise
        except AtlasError as error:
            raise MCPError(INTERNAL_ERROR, error_text(error)) from error
        except Exception as error:
            logger.exception("%s failed", ctx.method)
            raise MCPError(INTERNAL_ERROR, BUG) from error

    def _broken_rule(self, method: str, params: Mapping[str, Any]) -> str | None:
        """Return the rule that a request breaks; its types are checked by the SDK."""
        name, uri = params.get("name"), params.get("uri")
        if method == "resources/read" and isinstance(uri, str) and len(uri) > LONGEST_NAME:
            return f"there is no resource {uri[:80]!r}…"
        if method == "tools/call" and isinstance(name, str) and len(name) > LONGEST_NAME:
            return f"there is no tool {name[:80]!r}…; there are {_names(self._tools)}"
        if method == "prompts/get" and isinstance(name, str):
            return self._broken_rule_of_prompt(name, params.get("arguments"))
        if method.endswith("/list") and params.get("cursor"):
            return "`cursor`: there is one page, which takes no cursor"
        return None

    def _broken_rule_of_prompt(self, name: str, arguments: object) -> str | None:
        prompt = self._prompts.get(name)
        if prompt is None:
            return f"there is no prompt {name[:80]!r}; there are {_names(self._prompts)}"
        if arguments is not None and not isinstance(arguments, dict):
            return None
        given = cast("dict[str, Any]", arguments or {})
        known = {argument.name: argument for argument in prompt.arguments or ()}
        for argument in known.values():
            if argument.required and argument.name not in given:
                return f"prompt {name!r} needs the argument `{argument.name}`"
        unknown = [f"`{each[:80]}`" for each in given if each not in known][:5]
        if unknown:
            return f"prompt {name!r} has no argument {', '.join(unknown)}; it has {_names(known)}"
        return None


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
