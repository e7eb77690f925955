"""How long known clients wait for a tool call, and so when a call must have answered.

Names and habits of clients age: each row says where it comes from and when that was read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context

    from atlas_mcp.config.settings import ServerSettings


ARRIVED = "atlas_mcp.arrived"
"""The key in the scope of an HTTP request under which stands when it arrived, on the clock of the
event loop."""

GONE = "atlas_mcp.client_gone"
"""The key under which the `HangUp` of the request stands."""


@dataclass(slots=True)
class HangUp:
    """The end of an HTTP connection before its request was answered.

    Attributes:
        event: Set once the connection has ended.
        at: When its client ended it, on the clock of the event loop; `None` as long as it has not,
            and where the server did.
    """

    event: anyio.Event = field(default_factory=anyio.Event)
    at: float | None = None


@dataclass(frozen=True, slots=True)
class KnownClient:
    """A client that is known by the name it gives.

    Attributes:
        name: How its `clientInfo.name` begins, in lower case.
        respond_within_s: Seconds within which a tool call answers it.
        source: The evidence of its patience, its source, and the date of reading.
    """

    name: str
    respond_within_s: float
    source: str


KNOWN_CLIENTS = (
    KnownClient(
        "claude-ai",
        45.0,
        "Claude Desktop and its connectors: 240 s at most, 60 s on some paths. Reports in "
        "anthropics/claude-code#65643 and #91898, claude-ai-mcp#115; read 2026-11-23.",
    ),
    KnownClient(
        "claude-code",
        110.0,
        "Claude Code: hours, but a call goes to the background after 120 s. Reports in "
        "vfarcic/dot-ai#708; read 2026-11-23.",
    ),
    KnownClient(
        "visual studio code",
        240.0,
        "VS Code: cancels after 300 s. Reports in microsoft/vscode#261734 and #274094; read "
        "2026-11-23.",
    ),
    KnownClient("jcode", 20.0, "jcode: 30 s, as reported; read 2026-11-23."),
    KnownClient("opencode", 45.0, "opencode: 60 s. Report in opencode#32477; read 2026-11-23."),
    KnownClient(
        "gemini-cli-mcp-client",
        540.0,
        "Gemini CLI: 600 s (`MCP_DEFAULT_TIMEOUT_MSEC`); the fifth identical call in a row is "
        "taken for a loop (`TOOL_CALL_LOOP_THRESHOLD`), so each waits long. Source text of "
        "google-gemini/gemini-cli; read 2026-11-29.",
    ),
    KnownClient(
        "codex-mcp-client",
        110.0,
        "Codex: 120 s, in newer versions 300 s (`DEFAULT_TOOL_TIMEOUT`). Source text of "
        "openai/codex; read 2026-11-29.",
    ),
    KnownClient("qwen-code", 240.0, "Qwen Code: 600 s, as reported; read 2026-11-23."),
)


def respond_within(
    settings: ServerSettings, client_name: str | None, learned: float | None = None
) -> float:
    """Return the seconds within which a tool call answers a client that names no time itself.

    A known client is answered in the time that suits it, or sooner where the operator says so.
    Everyone else is answered as the configuration says. A client that was seen to give up sooner is
    answered sooner, whichever it is.

    Args:
        settings: The configuration.
        client_name: The name that the client gives.
        learned: Seconds within which it must be answered, by what was seen of it; `None` if that
            says nothing.
    """
    seconds = settings.respond_within_s
    named = (client_name or "").lower()
    for client in KNOWN_CLIENTS:
        if named.startswith(client.name):
            configured = "respond_within_s" in settings.model_fields_set
            suits = client.respond_within_s
            seconds = min(suits, seconds) if configured else suits
            break
    return seconds if learned is None else min(seconds, learned)


def client_name(ctx: Context[Any, Any]) -> str | None:
    """Return the name that the client gives, `None` if it gives none."""
    params = ctx.session.client_params
    return None if params is None else params.client_info.name


def hears_progress(ctx: Context[Any, Any]) -> bool:
    """Return whether the client may have asked for progress; over HTTP it says so with a token.

    Where it has not, no run is followed for it.
    """
    request = ctx.request_context
    return request.request is None or "progress_token" in (request.meta or {})


def client_gone(ctx: Context[Any, Any]) -> anyio.Event | None:
    """Return the event that the client of a request has hung up; `None` over stdio."""
    hang_up = _hang_up(ctx.request_context.request)
    return None if hang_up is None else hang_up.event


def hung_up_at(request: Any) -> float | None:
    """Return when the client of an HTTP request hung up; `None` if it did not, or over stdio."""
    hang_up = _hang_up(request)
    return None if hang_up is None else hang_up.at


def _hang_up(request: Any) -> HangUp | None:
    return None if request is None else request.scope.get(GONE)
