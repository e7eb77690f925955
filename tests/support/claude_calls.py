"""Calls to the Messages API."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from atlas_mcp.atlas.messages import (
    ModelRequest,
    Text,
    UserTurn,
)
from atlas_mcp.models.claude.call import ClaudeCall
from atlas_mcp.models.claude.stream import MessageStream
from atlas_mcp.models.wire.connections import Route
from atlas_mcp.models.wire.reading import read_body

ASK = ModelRequest(system="Solve it.", turns=(UserTurn((Text("q"),)),), max_tokens=1_000)


async def heard(*pieces: bytes) -> MessageStream:
    """Return what a call makes of a stream that comes in these pieces."""
    route = Route(None, None, "https://api.example.com")
    call = ClaudeCall("anthropic/claude-sonnet-5-5", None, route)

    async def chunks() -> AsyncGenerator[bytes]:
        for piece in pieces:
            yield piece

    with call.errors_translated():
        assert await read_body(chunks(), call, declared="text/event-stream") is None
    return call.message
