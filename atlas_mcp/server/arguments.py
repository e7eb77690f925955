"""Arguments of tools, read as clients write them and refused by name where they cannot be.

The SDK drops unknown arguments in silence, takes `true` for 1, and words other errors as its
validation library does. A mistyped `max_cost` would then spend under another cap than the caller
meant, so it is an error here, before anything is spent. An empty argument counts as absent.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp_types import CallToolResult, TextContent
from typing_extensions import override

from atlas_mcp.atlas.json_parts import MOST_PARTS, has_too_many_parts
from atlas_mcp.atlas.storable import in_sentence

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
    from mcp.server.mcpserver import MCPServer

logger = logging.getLogger(__name__)

Schema: TypeAlias = Mapping[str, Any]
"""The JSON Schema of an argument, or of all arguments of a tool."""

FOREIGN = frozenset({"wait_for_previous", "toolCallId", "sessionId", "action", "chatInput"})
"""Arguments that clients add to every call. Source: `wait_for_previous` of Gemini CLI, the others
of n8n's MCP client (public reports, read 2026-11)."""

MEANT: Mapping[str, tuple[str, ...]] = {
    "budget": ("max_cost_usd",),
    "cost": ("max_cost_usd",),
    "effort": ("effort", "explore_effort"),
    "explore_effort": ("explore_effort", "effort"),
    "explores": ("max_explores", "count"),
    "id": ("run_id",),
    "image": ("images",),
    "json_schema": ("answer_schema",),
    "max_cost": ("max_cost_usd",),
    "model": ("solver", "solvers"),
    "models": ("solvers", "solver"),
    "output_schema": ("answer_schema",),
    "n": ("count", "max_explores"),
    "prompt": ("problem", "question"),
    "query": ("problem", "question"),
    "question": ("problem",),
    "run": ("run_id",),
    "schema": ("answer_schema",),
    "solver": ("solver", "solvers"),
    "solvers": ("solvers", "solver"),
    "task": ("problem", "question"),
    "text": ("problem", "question"),
    "timeout": ("time_limit_s", "wait_s"),
    "timeout_s": ("time_limit_s", "wait_s"),
    "timeout_seconds": ("time_limit_s", "wait_s"),
    "wait": ("wait_s",),
}
"""Names that clients use in place of ours, with the arguments that they stand for."""

NEAR = 0.75
"""Likeness, from 0 to 1, above which an unknown name is taken for a misspelt one."""

SHOWN_NAMES = 5
"""Unknown arguments that an error repeats."""


LARGEST = 10**300
"""The largest number that is read: beyond it, a float is infinite."""


class AsRead(FuncMetadata):
    """The SDK's facts about a tool, without its reading of JSON in texts.

    `read_arguments` has read it where a list or an object belongs. A problem that looks like a list
    of numbers stays a text.
    """

    @override
    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments as they are."""
        return data


class KnownArguments:
    """Middleware that knows which arguments each tool of `server` takes."""

    def __init__(self) -> None:
        self._known: dict[str, Schema] = {}

    async def learn(self, server: MCPServer[Any]) -> None:
        """Read the tools' input schemas; called once all tools are registered."""
        for tool in await server.list_tools():
            self._known[tool.name] = tool.input_schema

    async def check(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Hand on a call with its arguments as they are meant, or answer why they cannot be read.

        Everything else passes.
        """
        if ctx.method != "tools/call":
            return await call_next(ctx)
        params = cast("dict[str, Any]", ctx.params or {})
        schema = self._known.get(str(params.get("name")))
        given: object = params.get("arguments")
        if schema is None or not isinstance(given, dict | None):
            return await call_next(ctx)
        try:
            read = read_arguments(cast("dict[str, Any]", given or {}), schema)
        except _WrongError as error:
            fault = str(error)
            text = f"{fault}{'' if fault.endswith('?') else '.'} Nothing was run."
            return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
        return await call_next(replace(ctx, params={**params, "arguments": read}))


class _WrongError(ValueError):
    """Arguments cannot be read; the message says which, and what it takes."""


def read_arguments(given: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Return arguments as a tool takes them.

    Args:
        given: As the client sent them.
        schema: The input schema of the tool.

    Raises:
        ValueError: One is unknown, missing or of another kind; the message names it.
    """
    known = cast("Mapping[str, Schema]", schema.get("properties", {}))
    foreign = [name for name in given if name in FOREIGN and name not in known]
    if foreign:
        logger.debug("arguments of the client's own were left out: %s", ", ".join(foreign))
    unknown = [name for name in given if name not in known and name not in FOREIGN]
    if unknown:
        raise _WrongError(_unknown(unknown, known))
    needed = cast("list[str]", schema.get("required", []))
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name in foreign or value in (None, "", {}, []):
            continue
        try:
            meant = _read(value, known[name])
        except ValueError as error:
            raise _WrongError(f"`{name}`: {error}") from None
        if meant not in ({}, []):
            read[name] = meant
    missing = [f"`{name}`" for name in needed if name not in read]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise _WrongError(
            f"{', '.join(missing)} {verb} missing; this tool takes {', '.join(known)}"
        )
    return read


def _unknown(names: list[str], known: Mapping[str, Schema]) -> str:
    for name in names[:SHOWN_NAMES]:
        if meant := _meant(name, known):
            return f"`{name[:80]}`: there is no such argument; did you mean `{meant}`?"
    shown = ", ".join(f"`{name[:80]}`" for name in names[:SHOWN_NAMES])
    return f"{shown}: there is no such argument; there are {', '.join(known)}"


def _meant(name: str, known: Mapping[str, Schema]) -> str | None:
    folded = re.sub(r"(?<=[a-z])(?=[A-Z])|-", "_", name[:80]).lower()
    for one in (folded, *MEANT.get(folded, ())):
        if one in known:
            return one
    bare = {one.replace("_", ""): one for one in known}
    near = get_close_matches(folded.replace("_", ""), list(bare), n=1, cutoff=NEAR)
    return bare[near[0]] if near else None


def _read(value: object, schema: Schema) -> object:
    """Return a value as its schema has it.

    Raises:
        ValueError: It is of another kind; the message says what is taken.
    """
    match schema.get("type"):
        case "integer":
            return _integer(value)
        case "number":
            return _number(value)
        case "array":
            return _texts(value)
        case "object":
            return _object(value)
        case "string":
            return _text(value, schema)
        case _:
            return value


def _number(value: object) -> float:
    read = value
    if isinstance(value, str):
        try:
            read = float(value.strip()) if "_" not in value else value
        except ValueError:
            read = value
    if isinstance(read, bool) or not isinstance(read, int | float):
        raise ValueError(f"takes a number, not {in_sentence(value)}")
    if not math.isfinite(read) if isinstance(read, float) else abs(read) > LARGEST:
        raise ValueError("takes a finite number")
    return read


def _integer(value: object) -> int:
    read = _number(value)
    if read != int(read):
        raise ValueError(f"takes a whole number, not {in_sentence(value)}")
    return int(read)


def _texts(value: object) -> list[str]:
    read = _from_json(value, "[")
    if isinstance(read, str):
        return [read]
    if isinstance(read, list) and all(isinstance(one, str) for one in cast("list[object]", read)):
        return cast("list[str]", read)
    raise ValueError(f"takes a list of texts, not {in_sentence(value)}")


def _object(value: object) -> dict[str, Any]:
    read = _from_json(value, "{")
    if isinstance(read, dict):
        return cast("dict[str, Any]", read)
    raise ValueError(f"takes a JSON object, not {in_sentence(value)}")


def _text(value: object, schema: Schema) -> str:
    if not isinstance(value, str):
        raise ValueError(f"takes a text, not {in_sentence(value)}")
    accepted = cast("list[str]", schema.get("enum", []))
    if accepted and value not in accepted:
        raise ValueError(f"takes one of {', '.join(map(repr, accepted))}, not {in_sentence(value)}")
    return value


def _from_json(value: object, opening: str) -> object:
    """Return the JSON value in a text: some clients send lists and objects so."""
    if not isinstance(value, str) or not value.lstrip().startswith(opening):
        return value
    if has_too_many_parts(value.encode(errors="replace")):
        raise ValueError(f"holds more than {MOST_PARTS:,} values")
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
