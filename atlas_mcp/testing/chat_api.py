"""A stand-in of Chat Completions on the loopback, as strict as the endpoint it plays.

Owns the answers to this API's requests. The server, its script and its counters are in `loopback`,
the kinds of endpoint in `chat_endpoints`, their refusals in `chat_rules` and `chat_shapes`, their
wire format in `chat_wire`.
"""

from __future__ import annotations

import json
from typing import Any

import anyio
from typing_extensions import override

from atlas_mcp.atlas.usage import Usage
from atlas_mcp.testing import chat_rules as rules
from atlas_mcp.testing.chat_endpoints import (
    API_KEY,
    BARE,
    DEAF,
    DEEPSEEK,
    GOOGLE,
    LLAMA,
    MISTRAL,
    OPENAI,
    OPENROUTER,
    XAI,
    Body,
    ChatEndpoint,
)
from atlas_mcp.testing.chat_errors import ChatError, error_body
from atlas_mcp.testing.chat_shapes import instance, schema_of, section, unheld
from atlas_mcp.testing.chat_wire import (
    PromptCache,
    completion_of,
    encode,
    finish_of,
    message_of,
    output_tokens,
    pieces_of,
    reported_usage,
    usage_of,
)
from atlas_mcp.testing.loopback import Exchange, LoopbackApi, Responder, serve
from atlas_mcp.testing.replies import (
    ApiReply,
    Call,
    Fault,
    Quirk,
    Tokens,
    refusal,
    status,
    truncated,
)

__all__ = [
    "API_KEY",
    "BARE",
    "DEAF",
    "DEEPSEEK",
    "GOOGLE",
    "LLAMA",
    "MISTRAL",
    "OPENAI",
    "OPENROUTER",
    "XAI",
    "ApiReply",
    "Call",
    "ChatApi",
    "ChatEndpoint",
    "Fault",
    "Quirk",
    "Tokens",
    "refusal",
    "serve",
    "status",
    "truncated",
]

COUNT_PATH = "/v1/chat/completions/input_tokens"
"""The route of llama.cpp's server that counts the tokens of a prompt."""

_NEVER = 86_400.0
"""Seconds after which a stream that is left open would end; tests are long over by then."""


class ChatApi(LoopbackApi):
    """The API: `POST /v1/chat/completions`, `GET /v1/models` and `GET /v1/models/ID`.

    A scripted reply must fit the schema that its endpoint holds it to, since a real endpoint would
    send no other. Without a script the reply is a value that fits.

    Attributes:
        endpoint: The kind of endpoint to play.
        lookups: Requests for the list of models, or for one of them.
    """

    def __init__(self, endpoint: ChatEndpoint = OPENAI, responder: Responder | None = None) -> None:
        super().__init__(responder)
        self.endpoint = endpoint
        self.lookups = 0
        self._cache = PromptCache()

    @override
    def sent_headers(self, number: int) -> dict[str, str]:
        return {"x-request-id": f"req_{number:06d}"}

    @override
    async def route(self, exchange: Exchange, method: str, path: str) -> None:
        if path == "/v1/chat/completions" and method == "POST":
            await self.count_and_answer(exchange)
        elif path == COUNT_PATH and method == "POST" and self.endpoint.counts_tokens:
            await exchange.json(200, {"input_tokens": len(await exchange.read()) // 4})
        elif path.startswith("/v1/models") and method == "GET" and self.endpoint.lists_models:
            self.lookups += 1
            await self._show_models(exchange, path.removeprefix("/v1/models").lstrip("/"))
        else:
            await self._refuse(exchange, ChatError(404, "Not Found"))

    @override
    async def answer(self, exchange: Exchange, raw: bytes) -> None:
        try:
            body: Any = json.loads(raw)
        except ValueError:
            await self._refuse(exchange, ChatError(400, "We could not parse the JSON body."))
            return
        asked = self.take(exchange, body)
        refused = rules.refusal_of(body, exchange.headers, self.endpoint)
        refused = refused or self._thinking_refusal(body)
        if refused is not None:
            await self._refuse(exchange, refused)
            return
        seen = rules.seen_by_model(body, self.endpoint)
        outcome = asked.outcome = self.next_outcome(seen)
        if isinstance(outcome, ApiReply):
            await self._reply(exchange, seen, outcome, None)
        elif outcome.kind == "status":
            await anyio.sleep(outcome.seconds)
            code = None if outcome.code is None else str(outcome.code)
            refused = ChatError(outcome.status, outcome.message, outcome.error, code=code)
            await self._refuse(exchange, refused, dict(outcome.headers))
        elif outcome.kind == "not_a_stream" and outcome.error == "json":
            await exchange.whole(200, outcome.message.encode(), "application/json")
        elif outcome.kind == "not_a_stream":
            await exchange.whole(200, b"<html>sign in</html>", "text/html")
        else:
            await self._reply(exchange, seen, outcome.reply, outcome)

    @override
    def unscripted(self, body: dict[str, Any]) -> ApiReply:
        schema = schema_of(body)
        if schema is not None:
            return ApiReply(text=json.dumps(instance(schema)))
        wanted = section(body, "response_format").get("type")
        return ApiReply(text="{}" if wanted == "json_object" else "A scripted answer.")

    async def _reply(
        self, exchange: Exchange, body: Body, reply: ApiReply, fault: Fault | None
    ) -> None:
        wrong = unheld(body, reply) if fault is None else None
        if wrong is not None:
            self.failures.append(AssertionError(wrong))
            await self._refuse(exchange, ChatError(500, wrong))
            return
        await anyio.sleep(reply.latency)
        endpoint, quirks = self.endpoint, self.endpoint.quirks | reply.quirks
        message = message_of(reply, endpoint)
        tokens = reply.tokens or self._cache.count(
            body, output_tokens(message), minimum=endpoint.cache_minimum
        )
        self.written.append(message)
        streamed = body.get("stream") and "not_streamed" not in quirks
        asked = section(body, "stream_options").get("include_usage")
        silent = streamed and endpoint.stream_options and not asked
        counts, reported = usage_of(reply, tokens, endpoint), reported_usage(tokens)
        if silent or "no_usage" in quirks:
            counts, reported = None, Usage()
        if exchange.asked is not None:
            exchange.asked.billed = reported_usage(tokens)
        if not streamed:
            self.reported += reported
            await exchange.json(200, completion_of(body, message, finish_of(reply, quirks), counts))
            exchange.replied()
            return
        pieces = pieces_of(body, reply, message, counts, endpoint=endpoint, reported=reported)
        if "open_end" in quirks:
            await self._leave_open(exchange, [piece.data for piece in pieces], reported)
            return
        await self.stream(
            exchange,
            pieces,
            delta_latency=reply.delta_latency,
            fault=fault,
            broken=b"" if fault is None else _broken(fault),
        )

    async def _leave_open(self, exchange: Exchange, pieces: list[bytes], reported: Usage) -> None:
        await exchange.start(200, {"content-type": "text/event-stream; charset=utf-8"})
        self.reported += reported
        exchange.buffer(b"".join(pieces))
        await exchange.flush()
        await anyio.sleep(_NEVER)

    def _thinking_refusal(self, body: Body) -> ChatError | None:
        """Refuse thinking that is left out or edited where a call was made after it."""
        written = {
            message["tool_calls"][0]["id"]: message
            for message in self.written
            if message.get("tool_calls")
        }
        keys = (self.endpoint.reasoning_key, "reasoning_details")
        for message in body["messages"]:
            calls = message.get("tool_calls")
            before = written.get(calls[0]["id"]) if calls else None
            if before and any(before.get(key) != message.get(key) for key in keys):
                return ChatError(400, f"The {keys[0]} of this turn must be passed back as it came")
        return None

    async def _show_models(self, exchange: Exchange, name: str) -> None:
        refused = rules.key_refusal(exchange.headers, self.endpoint)
        if refused is not None:
            await self._refuse(exchange, refused)
            return
        known = [
            {"id": f"{self.endpoint.model_prefix}{one}", "object": "model", "owned_by": "tests"}
            for one in self.endpoint.models
        ]
        if not name:
            await exchange.json(200, {"object": "list", "data": known})
        elif name in self.endpoint.models:
            await exchange.json(200, known[self.endpoint.models.index(name)])
        else:
            await self._refuse(exchange, ChatError(404, f"The model `{name}` does not exist"))

    async def _refuse(
        self, exchange: Exchange, refused: ChatError, headers: dict[str, str] | None = None
    ) -> None:
        await exchange.json(refused.status, error_body(refused, self.endpoint), headers)


def _broken(fault: Fault) -> bytes:
    """Return the bytes that break a stream off, as one of three servers does."""
    if fault.kind != "error":
        return b"data: {not json\n\n"
    problem = {"message": fault.message, "type": fault.error, "code": fault.code}
    match fault.error:
        case "llama.cpp":
            return f"error: {json.dumps(problem)}\n\n".encode()
        case "in_choice":
            choice = {"index": 0, "delta": {}, "finish_reason": "error", "error": problem}
            return encode({"choices": [choice]})
        case _:
            return encode({"error": problem})
