"""The Claude adapter, through the vendor's own client, against the stand-in of the Messages API."""

import base64
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from functools import partial
from typing import Any

import anthropic
import anyio
import anyio.to_thread
import pytest

from atlas_mcp.atlas.messages import (
    AssistantTurn,
    Effort,
    Image,
    ModelRequest,
    Text,
    Tool,
    ToolResult,
    UserTurn,
)
from atlas_mcp.atlas.usage import Charge, Price, Usage
from atlas_mcp.errors import ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.claude import model as claude_models
from atlas_mcp.models.claude.call import ClaudeCall
from atlas_mcp.models.claude.connection import Connection
from atlas_mcp.models.claude.model import Claude
from atlas_mcp.models.claude.params import Thinking
from atlas_mcp.models.claude.stream import MessageStream
from atlas_mcp.models.prices import cost_of
from atlas_mcp.models.wire.connections import Way
from atlas_mcp.models.wire.reading import read_body
from atlas_mcp.testing.messages_api import (
    API_KEY,
    ApiReply,
    Call,
    Fault,
    MessagesApi,
    Tokens,
    refusal,
    serve,
    status,
    truncated,
)
from atlas_mcp.testing.messages_wire import encode
from tests.support.pictures import drawn

EXPLORE = Tool("explore", "Dispatch a solver.", {"type": "object", "properties": {}})
LONG = "A problem statement. " * 400
ASK = ModelRequest(system="Solve it.", turns=(UserTurn((Text("q"),)),), max_tokens=1_000)


@pytest.fixture
def api() -> MessagesApi:
    return MessagesApi()


@pytest.fixture
def url(api: MessagesApi) -> Iterator[str]:
    with serve(api) as base_url:
        yield base_url


@pytest.fixture
async def connection(url: str) -> AsyncIterator[Connection]:
    connection = Connection(base_url=url, api_key=API_KEY)
    yield connection
    await connection.aclose()


@pytest.fixture
def claude(connection: Connection) -> Claude:
    return Claude("claude-opus-5-5", connection=connection)


async def test_a_reply_holds_text_calls_counts_cost_and_the_vendors_id(
    claude: Claude, api: MessagesApi
) -> None:
    calls = (Call("explore", {"strategy": "diréct", "n": [1, 2]}, "t1"), Call("explore", {}, "t2"))
    tokens = Tokens(input=5, output=70, cache_read=2_000, cache_write=300)
    api.script(
        ApiReply(text="I explore. ✓", thinking="Hm", redacted=True, calls=calls, tokens=tokens)
    )

    reply = await claude.generate(replace(ASK, tools=(EXPLORE,)))

    assert reply.turn.text == "I explore. ✓"
    assert [(call.id, call.name, call.arguments) for call in reply.turn.tool_calls] == [
        ("t1", "explore", {"strategy": "diréct", "n": [1, 2]}),
        ("t2", "explore", {}),
    ]
    assert reply.end == "tool_calls"
    assert reply.charge.usage == Usage(
        1, 2_305, 70, cache_read_tokens=2_000, cache_write_tokens=300
    )
    assert reply.charge.usage == api.told
    assert reply.charge.cost == cost_of("anthropic/claude-opus-5-5", reply.charge.usage)
    assert reply.request_id is not None
    assert claude.name == "anthropic/claude-opus-5-5"


async def test_what_came_is_what_the_vendors_own_helper_would_send_back(
    claude: Claude, api: MessagesApi, url: str
) -> None:
    answer = ApiReply(
        text="a" * 100, thinking="b" * 100, calls=(Call("explore", {"x": {"y": "é"}}, "t1"),)
    )
    api.script(answer, answer)
    reply = await claude.generate(replace(ASK, tools=(EXPLORE,)))
    async with (
        anthropic.AsyncAnthropic(base_url=url, api_key=API_KEY, max_retries=0) as theirs,
        theirs.messages.stream(
            model="claude-opus-5-5", max_tokens=100, messages=[{"role": "user", "content": "q"}]
        ) as stream,
    ):
        message = await stream.get_final_message()

    blocks = [block.model_dump(mode="json", exclude_none=True) for block in message.content]
    ours = reply.turn.verbatim["content"]
    for one in (blocks[0], ours[0]):
        assert one.pop("signature").startswith("sig-")
    for one in blocks:
        one.pop("caller", None)
    assert ours == blocks


async def test_a_growing_conversation_is_append_only_and_read_from_the_cache(
    claude: Claude, api: MessagesApi
) -> None:
    problem = UserTurn((Text("Problem:"), Text(LONG, cache=True), Text("Explore.")))
    request = replace(ASK, turns=(problem,), tools=(EXPLORE,))
    replies = [ApiReply(thinking="", calls=(Call("explore"),)) for _ in range(4)]
    api.script(*replies, ApiReply(text="Done."))
    reads: list[int] = []
    for _ in range(4):
        reply = await claude.generate(request)
        call = reply.turn.tool_calls[0]
        results = UserTurn((ToolResult(call.id, "It is 7."), Text("3 explores left.")))
        request = replace(request, turns=(*request.turns, reply.turn, results))
        reads.append(reply.charge.usage.cache_read_tokens)

    reply = await claude.generate(request)

    assert reply.turn.text == "Done."
    reads.append(reply.charge.usage.cache_read_tokens)
    assert reads[0] == 0
    assert reads[1] > 2_000
    assert reads[1:] == sorted(reads[1:])
    assert reads[-1] > reads[1]
    for earlier, later in zip(api.bodies, api.bodies[1:], strict=False):
        sent = unmarked(earlier["messages"])
        assert unmarked(later["messages"])[: len(sent)] == sent
        assert unmarked(later["system"]) == unmarked(earlier["system"])
        assert later["tools"] == earlier["tools"]


def unmarked(blocks: Any) -> Any:
    if isinstance(blocks, list):
        return [unmarked(one) for one in blocks]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(blocks, dict):
        return {key: unmarked(one) for key, one in blocks.items() if key != "cache_control"}  # pyright: ignore[reportUnknownVariableType]
    return blocks


def marks(body: dict[str, Any]) -> list[str]:
    blocks = [*body["system"], *(one for turn in body["messages"] for one in turn["content"])]
    return [one["text"] for one in blocks if "cache_control" in one]


async def test_of_many_marks_the_first_and_the_latest_stay(
    claude: Claude, api: MessagesApi
) -> None:
    parts = tuple(Text(str(number), cache=True) for number in range(6))

    await claude.generate(replace(ASK, turns=(UserTurn(parts),)))

    assert marks(api.bodies[0]) == ["Solve it.", "0", "4", "5"]


async def test_a_single_turn_nobody_marked_pays_for_no_cache(
    claude: Claude, api: MessagesApi
) -> None:
    await claude.generate(ASK)

    assert marks(api.bodies[0]) == []


async def test_images_go_as_bytes_or_as_an_address(claude: Claude, api: MessagesApi) -> None:
    data = base64.b64encode(drawn("PNG")).decode()
    images = (Image("image/png", data), Image(url="https://example.org/x.png"), Text(""))

    await claude.generate(replace(ASK, turns=(UserTurn(images),)))

    assert [block["source"] for block in api.bodies[0]["messages"][0]["content"]] == [
        {"type": "base64", "media_type": "image/png", "data": data},
        {"type": "url", "url": "https://example.org/x.png"},
    ]


async def test_turns_of_another_vendor_are_spelled_out(claude: Claude, api: MessagesApi) -> None:
    said = AssistantTurn("Hm.", verbatim=None)
    nothing = AssistantTurn("")
    turns = (UserTurn((Text("a"),)), said, UserTurn((Text("b"),)), nothing, UserTurn((Text("c"),)))

    await claude.generate(replace(ASK, turns=turns))

    roles = [message["role"] for message in api.bodies[0]["messages"]]
    assert roles == ["user", "assistant", "user", "user"]


async def test_a_failed_tool_result_without_text_is_sent_as_such(
    claude: Claude, api: MessagesApi
) -> None:
    api.script(ApiReply(calls=(Call("explore", id="t1"),)))
    first = await claude.generate(replace(ASK, tools=(EXPLORE,)))
    turns = (*ASK.turns, first.turn, UserTurn((ToolResult("t1", "", is_error=True),)))

    await claude.generate(replace(ASK, turns=turns, tools=(EXPLORE,)))

    block = unmarked(api.bodies[1]["messages"][-1]["content"][0])
    assert block == {"type": "tool_result", "tool_use_id": "t1", "is_error": True}


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        ("claude-opus-5-5", "max", "max"),
        ("claude-sonnet-4-6", "xhigh", "high"),
        ("claude-sonnet-4-6", "max", "max"),
        ("claude-opus-4-5", "max", "high"),
        ("claude-haiku-4-5", "max", None),
        ("claude-opus-5-5", None, None),
    ],
)
async def test_an_effort_the_family_lacks_is_lowered(
    connection: Connection, api: MessagesApi, model: str, effort: Effort | None, sent: str | None
) -> None:
    await Claude(model, connection=connection).generate(replace(ASK, effort=effort))

    assert api.bodies[0].get("output_config", {}).get("effort") == sent


@pytest.mark.parametrize(
    ("model", "thinking", "sent"),
    [
        ("claude-opus-5-5", "auto", "adaptive"),
        ("claude-sonnet-4-6", "auto", "adaptive"),
        ("claude-haiku-4-5", "auto", None),
        ("claude-haiku-5-5", "off", "disabled"),
        ("claude-sonnet-5-5", "off", "between_tools"),
        ("claude-opus-5-5", "off", "adaptive"),
    ],
)
async def test_each_family_is_told_to_think_as_it_can(
    connection: Connection, api: MessagesApi, model: str, thinking: Thinking, sent: str | None
) -> None:
    await Claude(model, connection=connection, thinking=thinking).generate(ASK)

    assert api.bodies[0].get("thinking", {}).get("type") == sent


async def test_max_tokens_stay_below_what_the_family_allows(
    connection: Connection, api: MessagesApi
) -> None:
    model = Claude("claude-haiku-4-5", connection=connection)

    await model.generate(replace(ASK, max_tokens=128_000))

    assert api.bodies[0]["max_tokens"] == 64_000


async def test_tools_are_offered_and_never_forced(claude: Claude, api: MessagesApi) -> None:
    await claude.generate(replace(ASK, tools=(EXPLORE,)))
    await claude.generate(replace(ASK, tools=(EXPLORE,), parallel_tool_calls=False))

    assert [body["tool_choice"] for body in api.bodies] == [
        {"type": "auto"},
        {"type": "auto", "disable_parallel_tool_use": True},
    ]


async def test_a_schema_is_sent_in_the_form_the_api_accepts(
    claude: Claude, api: MessagesApi
) -> None:
    schema = {
        "type": "object",
        "properties": {
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "note": {"type": ["string", "null"], "description": "optional"},
            "tags": {"type": ["array"], "items": {"type": "string"}},
        },
        "required": ["confidence"],
    }

    await claude.generate(replace(ASK, schema=schema))

    sent = api.bodies[0]["output_config"]["format"]["schema"]
    assert sent["properties"]["note"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert sent["properties"]["tags"]["items"] == {"type": "string"}
    assert "minimum: 0" in sent["properties"]["confidence"]["description"]


@pytest.mark.parametrize("schema", [{}, {"type": "thing"}, {"type": "array", "items": True}])
async def test_a_schema_that_cannot_be_sent_is_rejected_before_the_call(
    claude: Claude, api: MessagesApi, schema: dict[str, Any]
) -> None:
    with pytest.raises(ModelRejected, match="answer schema cannot be sent"):
        await claude.generate(replace(ASK, schema=schema))

    assert api.requests == 0


async def test_progress_rises_to_the_exact_count(claude: Claude, api: MessagesApi) -> None:
    api.script(ApiReply(text="x" * 4_000, deltas=20, tokens=Tokens(input=1, output=1_234)))
    heard: list[int] = []

    await claude.generate(ASK, on_tokens=heard.append)

    assert heard[-1] == 1_234
    assert heard == sorted(heard)


@pytest.mark.parametrize(
    ("answer", "end", "detail"),
    [
        (ApiReply(text="a"), "end", ""),
        (ApiReply(text="a", stop_reason="stop_sequence"), "end", ""),
        (
            ApiReply(text="{}", stop_reason="something_new"),
            "end",
            "it ended for a reason that is not known: 'something_new'",
        ),
        (truncated('{"answer": '), "max_tokens", ""),
        (
            ApiReply(text="a", stop_reason="model_context_window_exceeded"),
            "max_tokens",
            "the context window is full",
        ),
        (ApiReply(text="a", stop_reason="pause_turn"), "max_tokens", "the model paused its turn"),
        (refusal("cyber", "It may harm."), "refusal", "cyber: It may harm."),
        (refusal(None), "refusal", ""),
        (ApiReply(), "end", ""),
    ],
)
async def test_every_stop_reason_has_its_meaning(
    claude: Claude, api: MessagesApi, answer: ApiReply, end: str, detail: str
) -> None:
    api.script(answer)

    reply = await claude.generate(ASK)

    assert (reply.end, reply.detail) == (end, detail)
    assert reply.turn.text == answer.text
    assert reply.charge.usage == api.told


@pytest.mark.parametrize(
    ("fault", "words", "retry_after"),
    [
        (status(429, retry_after=7), "rate limit", 7),
        (status(429, retry_after_ms=250), "rate limit", 0.25),
        (status(429), "rate limit", None),
        (status(429, retry_after="soon"), "rate limit", None),
        (status(529, retry_after=-1), "overloaded", None),
        (status(500), "status 500", None),
        (status(504), "status 504", None),
        (status(408), "status 408", None),
        (status(409), "status 409", None),
        (status(400, should_retry=True), "refuses the request", None),
    ],
)
async def test_what_may_work_later_is_unavailable(
    claude: Claude, api: MessagesApi, fault: Fault, words: str, retry_after: float | None
) -> None:
    api.script(fault)

    with pytest.raises(ModelUnavailable, match=words) as caught:
        await claude.generate(ASK)

    error = caught.value
    assert error.retry_after == retry_after
    assert error.request_id is not None
    assert (error.charge, error.complete) == (Charge(Usage(1)), True)
    assert api.requests == 1, "the client does not retry by itself"


async def test_a_date_to_come_back_at_is_understood(claude: Claude, api: MessagesApi) -> None:
    hour = timedelta(hours=1)
    later = format_datetime(datetime.now(UTC) + hour, usegmt=True)
    api.script(
        status(503, retry_after=later), status(503, retry_after=later.replace("GMT", "-0000"))
    )
    for _ in range(2):
        with pytest.raises(ModelUnavailable) as caught:
            await claude.generate(ASK)
        assert caught.value.retry_after is not None
        assert hour.total_seconds() - 60 < caught.value.retry_after <= hour.total_seconds()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (status(400, message="prompt is too long"), "refuses the request: prompt is too long"),
        (status(400, message="x" * 5_000), "xxx…"),
        (status(401), "`ANTHROPIC_API_KEY`"),
        (status(402), "settings/billing"),
        (status(403), "may not do that"),
        (status(404), "check the model's name"),
        (status(413), "too large"),
        (status(429, should_retry=False), "rate limit"),
        (Fault("not_a_stream"), "check the network and base_url"),
        (Fault("error", error="invalid_request_error"), "invalid_request_error"),
    ],
)
async def test_what_would_fail_again_is_rejected_with_what_to_do(
    claude: Claude, api: MessagesApi, fault: Fault, words: str
) -> None:
    api.script(fault)

    with pytest.raises(ModelRejected, match=words) as caught:
        await claude.generate(ASK)

    assert caught.value.request_id is not None


@pytest.mark.parametrize(
    "fault",
    [
        Fault("cut", after=4),
        Fault("error", error="overloaded_error", after=4),
        Fault("error", error="api_error", after=4),
        Fault("error", error="rate_limit_error", after=4),
        Fault("error", error="timeout_error", after=4),
        Fault("garbage", after=4),
        Fault("ends", after=4),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.error}",
)
async def test_a_reply_that_breaks_off_is_counted_as_far_as_it_came(
    claude: Claude, api: MessagesApi, fault: Fault
) -> None:
    tokens = Tokens(input=10, output=500, cache_read=600, cache_write=20)
    api.script(replace(fault, reply=ApiReply(text="It is broken off.", tokens=tokens)))

    with pytest.raises(ModelUnavailable) as caught:
        await claude.generate(ASK)

    error = caught.value
    assert api.told == Usage(1, 630, 1, 600, 20)
    assert error.charge == Charge(api.told, cost_of(claude.name, api.told))
    assert not error.complete


async def test_a_reply_that_breaks_off_before_its_counts_may_still_be_billed(
    claude: Claude, api: MessagesApi
) -> None:
    api.script(Fault("cut", after=0))

    with pytest.raises(ModelUnavailable) as caught:
        await claude.generate(ASK)

    assert caught.value.charge == Charge(Usage(1))
    assert not caught.value.complete


def has_begun(api: MessagesApi) -> bool:
    return api.in_flight == 1


def has_left(api: MessagesApi) -> bool:
    return api.disconnects == 1


async def test_a_stream_that_falls_silent_is_given_up(
    connection: Connection, api: MessagesApi
) -> None:
    claude = Claude("claude-opus-5-5", connection=connection, read_timeout=0.2)
    api.script(Fault("stall", seconds=600))

    with pytest.raises(ModelUnavailable, match="silent") as caught:
        await claude.generate(ASK)

    assert not caught.value.complete
    assert await anyio.to_thread.run_sync(api.wait_for, has_left)


async def test_a_refused_connection_reached_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    claude = Claude("claude-opus-5-5", base_url=f"http://127.0.0.1:{port}", api_key="k")

    with pytest.raises(ModelUnavailable, match="no connection") as caught:
        await claude.generate(ASK)

    assert (caught.value.charge, caught.value.complete) == (Charge(Usage()), True)
    await claude.aclose()


@pytest.mark.parametrize("api_key", ["k\n", "kéy"])
async def test_a_key_with_stray_characters_is_rejected_and_not_quoted(
    url: str, api_key: str
) -> None:
    claude = Claude("claude-opus-5-5", base_url=url, api_key=api_key)

    with pytest.raises(ModelRejected, match="key") as caught:
        await claude.generate(ASK)

    assert api_key not in str(caught.value)
    await claude.aclose()


async def test_an_address_that_is_none_is_rejected() -> None:
    claude = Claude("claude-opus-5-5", base_url="nonsense", api_key="k")

    with pytest.raises(ModelRejected, match="base_url is no address"):
        await claude.generate(ASK)

    await claude.aclose()


async def test_without_credentials_the_variable_to_set_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    claude = Claude("claude-opus-5-5", base_url="http://127.0.0.1:1")

    with pytest.raises(ModelRejected, match="ANTHROPIC_API_KEY"):
        await claude.generate(ASK)

    await claude.aclose()


async def test_key_and_prompt_get_into_no_text(
    connection: Connection, api: MessagesApi, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    claude = Claude("claude-opus-5-5", base_url=url, api_key=API_KEY)
    secret = replace(ASK, turns=(UserTurn((Text("the prompt itself"),)),))
    api.script(status(400, message=f"key {API_KEY} is odd"), status(401, message=API_KEY))
    texts = [repr(claude), repr(connection)]
    for _ in range(2):
        with pytest.raises(ModelRejected) as caught:
            await claude.generate(secret)
        texts += [str(caught.value), repr(caught.value)]
    await claude.aclose()

    for text in (*texts, caplog.text):
        assert API_KEY not in text
        assert "the prompt itself" not in text


async def test_a_cancelled_call_leaves_the_api(claude: Claude, api: MessagesApi) -> None:
    api.script(ApiReply(text="x" * 100, deltas=100, delta_latency=60))

    async with anyio.create_task_group() as group:
        group.start_soon(partial(claude.generate, ASK))
        assert await anyio.to_thread.run_sync(api.wait_for, has_begun)
        group.cancel_scope.cancel()

    assert await anyio.to_thread.run_sync(api.wait_for, has_left)


async def test_first_calls_that_come_together_share_one_client(
    connection: Connection, api: MessagesApi
) -> None:
    clients: list[anthropic.AsyncAnthropic] = []

    async def connect() -> None:
        clients.append(await connection.client())

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(connect)

    assert len({id(client) for client in clients}) == 1
    assert clients[0].max_retries == 0


async def test_closing_a_model_leaves_a_shared_connection_open(
    connection: Connection, claude: Claude
) -> None:
    await claude.generate(ASK)
    await claude.aclose()

    assert (await Claude("claude-sonnet-5-5", connection=connection).generate(ASK)).end == "end"


async def test_an_explicit_price_is_what_a_reply_costs(
    connection: Connection, api: MessagesApi
) -> None:
    price = Price(input=Decimal(1), output=Decimal(10))
    api.script(ApiReply(text="a", tokens=Tokens(input=1_000, output=100)))

    reply = await Claude("claude-opus-5-5", price=price, connection=connection).generate(ASK)

    assert reply.charge.cost == Decimal("0.002")


async def test_the_api_says_whether_it_has_a_model_at_no_cost(
    connection: Connection, api: MessagesApi
) -> None:
    there = Claude("claude-opus-5-5", connection=connection)
    unknown = Claude("claude-opus-5-6", connection=connection)

    assert await there.is_there()
    assert not await unknown.is_there()
    assert api.requests == 0


async def test_a_wrong_key_and_a_silent_api_are_told_apart(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Claude("claude-opus-5-5", base_url=url, api_key="wrong")
    with pytest.raises(ModelRejected, match="key is refused"):
        await wrong.is_there()
    await wrong.aclose()

    monkeypatch.setattr(claude_models, "LOOK_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        waiting = Claude("claude-opus-5-5", base_url=f"http://127.0.0.1:{port}", api_key="k")
        with pytest.raises(ModelUnavailable, match="no answer"):
            await waiting.is_there()
        await waiting.aclose()


EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "é✓"}},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "citations_delta", "citation": {"cited_text": "x"}},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "tool_use", "id": "t", "name": "explore", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "input_json_delta", "partial_json": '{"cut": '},
    },
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "thinking"}},
    {"type": "content_block_stop", "index": 2},
    {"type": "something_new"},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "max_tokens"},
        "usage": {"output_tokens": 40, "input_tokens": None},
    },
    {"type": "message_stop"},
)
STREAM = b"".join(encode(event) for event in EVENTS)


async def heard(*pieces: bytes) -> MessageStream:
    """Return what a call makes of a stream that comes in these pieces."""
    way = Way(None, None, "https://api.example.com")
    call = ClaudeCall("anthropic/claude-sonnet-5-5", None, way)

    async def chunks() -> AsyncGenerator[bytes]:
        for piece in pieces:
            yield piece

    with call.errors_translated():
        assert await read_body(chunks(), call, declared="text/event-stream") is None
    return call.message


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
async def test_a_stream_reads_the_same_wherever_it_is_cut(line_end: bytes) -> None:
    wire = STREAM.replace(b"\n", line_end)
    for cut in range(len(wire)):
        message = await heard(wire[:cut], wire[cut:])

        assert message.done
        assert message.stop_reason == "max_tokens"
        assert message.usage == Usage(1, 9, 40)
        # Cut arguments count as none, and thinking without its signature cannot go back.
        assert message.turn.verbatim["content"] == [
            {"type": "text", "text": "é✓", "citations": [{"cited_text": "x"}]},
            {"type": "tool_use", "id": "t", "name": "explore", "input": {}},
        ]


@pytest.mark.parametrize(
    "wire",
    [b"data: 1\n\n", b"data: {\ndata: }\n\n", b"data: x\n\n", b'data: {"type": 5}\n\n'],
)
async def test_what_is_no_stream_of_the_api_is_garbled(wire: bytes) -> None:
    with pytest.raises(ModelError, match="the reply could not be read"):
        await heard(wire)


def test_the_adapter_loads_no_vendor_library_by_itself() -> None:
    script = (
        "import sys, atlas_mcp.models.claude.model, atlas_mcp.models.pool;"
        "print([name for name in ('anthropic', 'httpx2', 'genai_prices') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.stdout.strip() == "[]", done.stderr
