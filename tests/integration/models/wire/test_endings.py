"""Endpoints end their replies, and refuse what they are asked, in words of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.claude.model import Claude
from tests.support.claude_models import claude_model
from tests.support.raw_servers import answering, heading, once

ASK = ModelRequest(system="", turns=(UserTurn((Text("q"),)),), max_tokens=100)

pytestmark = pytest.mark.parametrize("anyio_backend", ["asyncio"])

USAGE = {"prompt_tokens": 7, "completion_tokens": 5}


def chat_stream(reason: str, **delta: str) -> bytes:
    said: dict[str, Any] = {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    end: dict[str, Any] = {
        "choices": [{"index": 0, "delta": {}, "finish_reason": reason}],
        "usage": USAGE,
    }
    return b"".join(b"data: %s\n\n" % json.dumps(one).encode() for one in (said, end))


def message_stream(reason: str) -> bytes:
    usage = {"input_tokens": 7, "output_tokens": 1}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "4"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (one["type"].encode(), json.dumps(one).encode())
        for one in events
    )


def chat(url: str) -> OpenAICompatible:
    return OpenAICompatible(
        ModelSpec("openai/m", endpoint={"base_url": f"{url}/v1"}), api_key="sk-of-a-test"
    )


def claude(url: str) -> Claude:
    return claude_model("claude-x", base_url=url, api_key="sk-of-a-test")


MODELS: dict[str, Callable[[str], OpenAICompatible | Claude]] = {"chat": chat, "claude": claude}


@pytest.mark.parametrize("adapter", MODELS)
@pytest.mark.parametrize("reason", ["network_error", "insufficient_system_resource", "abort"])
async def test_an_endpoint_that_gives_a_reply_up_is_asked_again_and_what_it_counted_is_kept(
    adapter: str, reason: str
) -> None:
    make = MODELS[adapter]
    body = chat_stream(reason, content="4") if adapter == "chat" else message_stream(reason)
    with answering(once(heading(), body)) as url:
        model = make(url)
        with pytest.raises(ModelUnavailable, match=f"gave the reply up: .*'{reason}'") as caught:
            await model.generate(ASK)
        await model.aclose()

    assert (caught.value.charge or NO_CHARGE).usage.output_tokens == 5


@pytest.mark.parametrize("adapter", MODELS)
@pytest.mark.parametrize(
    ("reason", "end"), [("SAFETY", "refusal"), ("max_length", "max_tokens"), ("eos", "end")]
)
async def test_a_reason_in_other_words_is_read(adapter: str, reason: str, end: str) -> None:
    make = MODELS[adapter]
    body = chat_stream(reason, content="4") if adapter == "chat" else message_stream(reason)
    with answering(once(heading(), body)) as url:
        model = make(url)
        reply = await model.generate(ASK)
        await model.aclose()

    assert (reply.end, reply.turn.text) == (end, "4")
    assert (reason in reply.detail) == (end != "end")


@pytest.mark.parametrize("code", ["tool_use_failed", "json_validate_failed"])
async def test_what_a_model_wrote_wrongly_is_worth_another_try(code: str) -> None:
    error = {"error": {"message": "Failed to call a function.", "code": code}}
    refused = once(heading(400, "application/json"), json.dumps(error).encode())
    with answering(refused) as url:
        model = chat(url)
        with pytest.raises(ModelUnavailable, match="Failed to call a function"):
            await model.generate(ASK)
        await model.aclose()


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
@pytest.mark.parametrize(
    ("thought", "said", "read"),
    [
        ('So {"answer": "42"}', "", 'So {"answer": "42"}'),
        ('{"answer": "1"}', '{"answer": "42"}', '{"answer": "42"}'),
        ("just thinking", "", ""),
    ],
)
async def test_a_reply_is_read_where_it_stands(
    key: str, thought: str, said: str, read: str
) -> None:
    with answering(once(heading(), chat_stream("stop", content=said, **{key: thought}))) as url:
        model = chat(url)
        reply = await model.generate(ASK)
        await model.aclose()

    assert reply.turn.text == read


class NoCounts(BaseHTTPRequestHandler):
    """Refuses `stream_options`."""

    asked: list[bool]

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append("stream_options" in body)
        if self.asked[-1]:
            said = {"message": 'Stream option "include_usage" is not supported'}
            self.send_response(400)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(chat_stream("stop", content="42"))


async def test_an_endpoint_that_takes_no_stream_options_is_asked_without_from_then_on() -> None:
    handler = type("Handler", (NoCounts,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    model = chat(f"http://127.0.0.1:{server.server_address[1]}")
    try:
        texts = [(await model.generate(ASK)).turn.text for _ in range(2)]
    finally:
        await model.aclose()
        server.shutdown()
        server.server_close()

    assert texts == ["42", "42"]
    assert handler.asked == [True, False, False]


NO_CREDIT: tuple[tuple[int, dict[str, Any]], ...] = (
    (429, {"error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": "m"}}),
    (401, {"error": {"type": "insufficient_quota", "message": "You exceeded it", "code": 401}}),
    (429, {"error": {"code": "1113", "message": "\u4f59\u989d\u4e0d\u8db3"}}),
    (429, {"error": {"code": 1113, "message": "no package"}}),
    (400, {"code": "Arrearage", "message": "Access denied", "request_id": "r"}),
    (403, {"error": {"code": "AccountOverdueError", "message": "overdue"}}),
    (403, {"code": 30001, "message": "Sorry, your account balance is insufficient"}),
    (429, {"error": {"type": "exceeded_current_quota_error", "message": "suspended"}}),
    (
        400,
        {"error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}},
    ),
    (402, {"detail": "Payment Required"}),
    (200, {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "no balance"}}),
)


@pytest.mark.parametrize(("status", "body"), NO_CREDIT)
async def test_an_account_without_credit_is_told_at_once(status: int, body: dict[str, Any]) -> None:
    answer = once(heading(status, "application/json"), json.dumps(body).encode())
    with answering(answer) as url:
        model = chat(url)
        with pytest.raises(ModelRejected, match="no credit is left") as caught:
            await model.generate(ASK)
        await model.aclose()

    assert caught.value.complete
    assert not (caught.value.charge or NO_CHARGE).cost


async def test_a_reply_of_minimax_whose_status_says_nothing_tells_what_is_wrong() -> None:
    body = {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "choices": None}
    answer = once(heading(200, "application/json"), json.dumps(body).encode())
    with answering(answer) as url:
        model = chat(url)
        with pytest.raises(ModelUnavailable, match=r"rate limit \(1002\)"):
            await model.generate(ASK)
        await model.aclose()
