"""A stand-in of the Messages API on the loopback, as strict as the real one.

Owns the answers to this API's requests. The server, its script and its counters are in `loopback`,
the refusals in `messages_rules`, the wire format in `messages_wire`.
"""

from __future__ import annotations

import json
from typing import Any

import anyio
from typing_extensions import override

from atlas_mcp.atlas.usage import Usage
from atlas_mcp.models.claude.families import known_family
from atlas_mcp.testing.loopback import Asked, Exchange, LoopbackApi, Responder, serve
from atlas_mcp.testing.messages_rules import Broken, History, check_headers, refusal_of
from atlas_mcp.testing.messages_wire import (
    Cache,
    content_of,
    encode,
    message_of,
    output_tokens,
    pieces_of,
    total_of,
)
from atlas_mcp.testing.replies import ApiReply, Call, Fault, Tokens, refusal, status, truncated

__all__ = [
    "API_KEY",
    "ApiReply",
    "Asked",
    "Call",
    "Fault",
    "MessagesApi",
    "Tokens",
    "refusal",
    "serve",
    "status",
    "truncated",
]

API_KEY = "test-key"
"""The key that a `MessagesApi` takes by default."""


class MessagesApi(LoopbackApi):
    """The API: `POST /v1/messages` and `GET /v1/models/ID`."""

    def __init__(
        self,
        responder: Responder | None = None,
        *,
        api_key: str = API_KEY,
        rate_limit_headers: bool = True,
    ) -> None:
        super().__init__(responder)
        self._api_key = api_key
        self._rate_limit_headers = rate_limit_headers
        self._history = History()
        self._cache = Cache()

    @override
    def sent_headers(self, number: int) -> dict[str, str]:
        sent = {"request-id": f"req_{number:06d}"}
        if self._rate_limit_headers:
            sent |= {
                "anthropic-ratelimit-requests-limit": "4000",
                "anthropic-ratelimit-requests-remaining": "3999",
            }
        return sent

    @override
    async def route(self, exchange: Exchange, method: str, path: str) -> None:
        if path == "/v1/messages" and method == "POST":
            await self.count_and_answer(exchange)
        elif path.startswith("/v1/models/") and method == "GET":
            await self._describe_model(exchange, path.rpartition("/")[2])
        else:
            await _error(exchange, 404, "not_found_error", "Not found")

    @override
    async def answer(self, exchange: Exchange, raw: bytes) -> None:
        try:
            body: Any = json.loads(raw)
        except ValueError:
            await _error(
                exchange, 400, "invalid_request_error", "The request body is not valid JSON"
            )
            return
        asked = self.take(exchange, body)
        refused = refusal_of(body, exchange.headers, api_key=self._api_key, history=self._history)
        if refused is not None:
            await _error(exchange, refused.status, refused.kind, refused.message)
            return
        outcome = asked.outcome = self.next_outcome(body)
        if isinstance(outcome, ApiReply):
            await self._reply(exchange, asked, outcome, None)
        elif outcome.kind == "status":
            await anyio.sleep(outcome.seconds)
            await _error(
                exchange, outcome.status, outcome.error, outcome.message, dict(outcome.headers)
            )
        elif outcome.kind == "not_a_stream":
            await exchange.whole(200, b"<html>sign in</html>", "text/html")
        else:
            await self._reply(exchange, asked, outcome.reply, outcome)

    async def _reply(
        self, exchange: Exchange, asked: Asked, reply: ApiReply, fault: Fault | None
    ) -> None:
        body = asked.body
        await anyio.sleep(reply.latency)
        content = content_of(reply, body)
        tokens = self._cache.count(body, output_tokens(content))
        tokens = reply.tokens or tokens
        message = message_of(reply, body, content, tokens)
        asked.billed = total_of(tokens) + Usage(output_tokens=tokens.output)
        self._history.remember(body, content)
        self.written.append({"role": "assistant", "content": content})
        if not body.get("stream"):
            self.reported += asked.billed
            await exchange.json(200, message)
            exchange.replied()
            return
        broken = b""
        if fault is not None and fault.kind == "error":
            problem = {"type": fault.error, "message": fault.message}
            broken = encode({"type": "error", "error": problem})
        elif fault is not None:
            broken = b"event: content_block_delta\ndata: {not json\n\n"
        await self.stream(
            exchange,
            pieces_of(reply, message, tokens),
            delta_latency=reply.delta_latency,
            fault=fault,
            broken=broken,
        )

    async def _describe_model(self, exchange: Exchange, model_id: str) -> None:
        try:
            check_headers(exchange.headers, api_key=self._api_key)
        except Broken as broken:
            refused = broken.error
            await _error(exchange, refused.status, refused.kind, refused.message)
            return
        family = known_family(model_id)
        if family is None:
            await _error(exchange, 404, "not_found_error", f"model: {model_id}")
            return
        await exchange.json(
            200,
            {
                "type": "model",
                "id": model_id,
                "display_name": model_id,
                "created_at": "2026-01-01T00:00:00Z",
                "lifecycle": "active",
                "max_input_tokens": 1_000_000 if family.max_output > 64_000 else 200_000,
                "max_tokens": family.max_output,
            },
        )


async def _error(
    exchange: Exchange, code: int, kind: str, message: str, headers: dict[str, str] | None = None
) -> None:
    problem = {"type": "error", "error": {"type": kind, "message": message}}
    await exchange.json(code, problem, headers)
