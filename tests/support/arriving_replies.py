"""Replies that arrive from endpoints of either adapter."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anyio
import pytest

from atlas_mcp.atlas.messages import ModelRequest, Reply, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import Price, Usage
from atlas_mcp.models.chat.model import OpenAICompatible
from tests.support.claude_models import claude_model
from tests.support.raw_servers import Answer, answering

ASK = ModelRequest(system="", turns=(UserTurn((Text("q"),)),), max_tokens=100)


RATES = Price(Decimal(1), Decimal(1), Decimal(1))


COUNTED = Usage(1, 100, 50)


COST = Decimal("0.00015")


MODELS: dict[str, Callable[[str], Any]] = {
    "claude": lambda url: claude_model("claude-x", base_url=url, api_key="k", price=RATES),
    "chat": lambda url: OpenAICompatible(
        ModelSpec("openai/m", endpoint={"base_url": f"{url}/v1"}), api_key="k", price=RATES
    ),
}


both = pytest.mark.parametrize("adapter", MODELS)


on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])


async def reply_to(adapter: str, answer: Answer) -> Reply:
    reply = await reply_within(anyio.CancelScope(), adapter, answer)
    assert reply is not None, "nobody cancels it"
    return reply


async def reply_within(scope: anyio.CancelScope, adapter: str, answer: Answer) -> Reply | None:
    """Return the reply of a call that is made within a scope, `None` where that ended it."""
    reply = None
    with answering(answer) as url:
        model = MODELS[adapter](url)
        try:
            with scope:
                reply = await model.generate(ASK)
        finally:
            await model.aclose()
    return reply


def event(value: object) -> bytes:
    written = value if isinstance(value, str) else json.dumps(value)
    return b"data: " + written.encode() + b"\n\n"


CHAT = (
    event({"choices": [{"index": 0, "delta": {"content": "So "}}]}),
    event({"choices": [{"index": 0, "delta": {"content": "be it."}}]}),
    event({"choices": [{"index": 0, "finish_reason": "stop"}]}),
    event({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 50}}),
    event("[DONE]"),
)


def text_delta(text: object) -> bytes:
    delta = {"type": "text_delta", "text": text}
    return event({"type": "content_block_delta", "index": 0, "delta": delta})


START = event({"type": "message_start", "message": {"usage": {"input_tokens": 100}}})


BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}


END = {"output_tokens": 50}


CLAUDE = (
    START,
    event(BLOCK),
    text_delta("So "),
    text_delta("be it."),
    event({"type": "content_block_stop", "index": 0}),
    event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": END}),
    event({"type": "message_stop"}),
)


STREAMS = {"chat": CHAT, "claude": CLAUDE}


MIDDLE = {"chat": 1, "claude": 3}
"""Before which piece of a stream something is put."""


def with_it(adapter: str, strange: bytes) -> bytes:
    stream, at = STREAMS[adapter], MIDDLE[adapter]
    return b"".join([*stream[:at], strange, *stream[at:]])


WHOLE: dict[str, dict[str, Any]] = {
    "chat": {
        "choices": [{"message": {"content": "So be it."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50},
    },
    "claude": {
        "type": "message",
        "content": [{"type": "text", "text": "So be it."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 100, "output_tokens": 50},
    },
}
