"""Bounds of the input tokens of requests: no tokenizer makes two tokens of one byte."""

from __future__ import annotations

from atlas_mcp.atlas.messages import Image, ModelRequest, Turn, UserTurn
from atlas_mcp.atlas.model_spec import DEFAULT_IMAGE_TOKENS

REQUEST_OVERHEAD_TOKENS = 3_000
"""Input tokens a vendor adds for tools, schema and framing, generously."""


def input_tokens_at_most(request: ModelRequest, *, image_tokens: int = DEFAULT_IMAGE_TOKENS) -> int:
    """Return a bound of the input tokens of a request.

    Args:
        request: The request.
        image_tokens: Tokens of one picture.
    """
    count = REQUEST_OVERHEAD_TOKENS + len(request.system.encode())
    count += sum(turn_tokens_at_most(turn, image_tokens) for turn in request.turns)
    if request.schema is not None:
        count += len(repr(request.schema).encode())
    return count + sum(len(repr(tool).encode()) for tool in request.tools)


def turn_tokens_at_most(turn: Turn, image_tokens: int) -> int:
    """Return a bound of the input tokens of one turn of a conversation.

    Args:
        turn: The turn.
        image_tokens: Tokens of one picture.
    """
    if isinstance(turn, UserTurn):
        return sum(
            image_tokens if isinstance(part, Image) else len(part.text.encode())
            for part in turn.parts
        )
    parts = (turn.text, turn.tool_calls, turn.verbatim)
    return len(repr(parts).encode(errors="replace"))
