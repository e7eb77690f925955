"""The stand-in of the Messages API, asked through the vendor's own client or in plain HTTP."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anthropic
import anyio
import anyio.to_thread
import httpx2
import pytest

from atlas_mcp.atlas.usage import Usage
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
from atlas_mcp.testing.messages_rules import API_VERSION
from tests.support.pictures import drawn

HEADERS = {"authorization": f"Bearer {API_KEY}", "anthropic-version": API_VERSION}
TOOL = {"name": "explore", "description": "d", "input_schema": {"type": "object"}}
LONG = "A problem statement. " * 400
EPHEMERAL = {"type": "ephemeral"}


def body(**changes: Any) -> dict[str, Any]:
    return {
        "model": "claude-opus-5-5",
        "max_tokens": 1_000,
        "messages": [{"role": "user", "content": "q"}],
        **changes,
    }


def said(*messages: Any) -> list[dict[str, Any]]:
    """A conversation: user first, then in turns."""
    return [
        {"role": ("user", "assistant")[index % 2], "content": content}
        for index, content in enumerate(messages)
    ]


def schema(**parts: Any) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": parts}}


def shown(content: bytes, media_type: str) -> dict[str, Any]:
    data = base64.b64encode(content).decode()
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": media_type, "data": data},
    }


CALL: dict[str, Any] = {"type": "tool_use", "id": "t1", "name": "explore", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "r"}
TEXT = {"type": "text", "text": "x"}


@pytest.fixture
def api() -> MessagesApi:
    return MessagesApi()


@pytest.fixture
def url(api: MessagesApi) -> Iterator[str]:
    with serve(api) as base_url:
        yield base_url


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=url, headers=HEADERS) as client:
        yield client


@pytest.fixture
async def client(url: str) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=url, api_key=API_KEY, max_retries=0) as client:
        yield client


async def test_a_whole_message_comes_as_json(client: anthropic.AsyncAnthropic) -> None:
    request = body()
    message = await client.messages.create(
        model=request["model"], max_tokens=request["max_tokens"], messages=request["messages"]
    )

    assert message.content[0].type == "text"
    assert message.stop_reason == "end_turn"


async def test_a_stream_spells_the_same_message(
    client: anthropic.AsyncAnthropic, api: MessagesApi
) -> None:
    api.script(
        ApiReply(
            text="The answer is 7.",
            thinking="Let me see.",
            redacted=True,
            calls=(Call("explore", {"strategy": "direct"}), Call("explore", {"n": [1, 2]})),
            tokens=Tokens(input=5, output=70, cache_read=20, cache_write=3),
            pings=2,
        )
    )
    async with client.messages.stream(**body(tools=[TOOL])) as stream:
        message = await stream.get_final_message()

    kinds = [block.type for block in message.content]
    assert kinds == ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]
    assert message.content[3].model_dump()["input"] == {"strategy": "direct"}
    assert message.stop_reason == "tool_use"
    assert api.reported == Usage(1, 28, 70, cache_read_tokens=20, cache_write_tokens=3)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"temperature": 1}, "temperature"),
    ({"top_p": 1}, "top_p"),
    ({"top_k": 1}, "top_k"),
    ({"surprise": 1}, "surprise: Extra inputs"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 128_001}, "128001 > 128000"),
    ({"messages": []}, "at least one message"),
    ({"messages": said("q", "The answer is")}, "prefill"),
    ({"messages": [{"role": "assistant", "content": "a"}, *said("q")]}, "first message"),
    ({"messages": [{"role": "robot", "content": "a"}]}, "role"),
    ({"messages": said("")}, "non-empty content"),
    ({"messages": said([{"type": "text", "text": ""}])}, "must be non-empty"),
    ({"messages": said([{"type": "thinking", "thinking": ""}])}, "not allowed here"),
    ({"messages": said([{"type": "text"}])}, "malformed"),
    ({"tools": [TOOL], "tool_choice": {"type": "any"}}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "explore"}}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": {"type": "must"}}, "unknown"),
    ({"tool_choice": {"type": "auto"}}, "while providing tools"),
    ({"tools": [{"name": "", "input_schema": {}}]}, "tools.0"),
    ({"thinking": {"type": "disabled"}}, "thinking.type"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking.type"),
    ({"thinking": {"type": "adaptive", "budget_tokens": 1024}}, "budget_tokens"),
    ({"output_config": {"effort": "huge"}}, "effort"),
    ({"output_config": {"temper": "mild"}}, "temper"),
    ({"output_config": {"format": {"type": "xml"}}}, "json_schema"),
    ({"output_config": schema(type="integer", minimum=1)}, "'minimum'"),
    (
        {
            "output_config": schema(
                type="object",
                properties={"a": {"type": "array", "items": {"type": "number", "maximum": 1}}},
                additionalProperties=False,
            )
        },
        "'maximum'",
    ),
    ({"output_config": schema(anyOf=[{"type": "string", "pattern": "x"}])}, "'pattern'"),
    ({"output_config": schema(type=["string", "null"])}, "must be one type"),
    ({"output_config": schema(type="object", properties={})}, "additionalProperties"),
    ({"messages": said("q", [CALL], [TEXT])}, "without `tool_result`"),
    ({"messages": said("q", [TEXT], [RESULT])}, "unexpected `tool_use_id`"),
    ({"messages": said("q", [CALL], [RESULT], [TEXT], [RESULT])}, "unexpected `tool_use_id`"),
    (
        {"messages": said([{"type": "image", "source": {"type": "url", "url": "http://x"}}])},
        "HTTPS",
    ),
    ({"messages": said([shown(drawn("PNG"), "image/bmp")])}, "media_type"),
    ({"messages": said([shown(drawn("PNG"), "image/jpeg")])}, "appears to be a image/png"),
    ({"messages": said([shown(b"no picture", "image/png")])}, "Could not process image"),
    ({"messages": said([shown(bytes(3_932_161), "image/png")])}, "exceeds 5 MB maximum"),
    (
        {
            "messages": said(
                [
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": "!"},
                    }
                ]
            )
        },
        "valid base64",
    ),
    ({"messages": said([{**TEXT, "cache_control": EPHEMERAL}] * 5)}, "maximum of 4 blocks"),
]


@pytest.mark.every_day(20)
@pytest.mark.parametrize(("changes", "words"), REFUSED)
async def test_what_the_api_refuses_is_refused(
    http: httpx2.AsyncClient, changes: dict[str, Any], words: str
) -> None:
    answer = await http.post("/v1/messages", json=body(**changes))

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert words in error["message"]


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("claude-sonnet-5-5", {"thinking": {"type": "between_tools"}}),
        ("claude-haiku-5-5", {"thinking": {"type": "disabled"}}),
        ("claude-haiku-5-5", {"tools": [TOOL], "tool_choice": {"type": "any"}}),
        ("claude-opus-5", {"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}),
        ("claude-sonnet-4-6", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ("claude-haiku-4-5-20251001", {"messages": said("q", "The answer is")}),
    ],
)
async def test_what_a_family_allows_is_allowed(
    http: httpx2.AsyncClient, model: str, changes: dict[str, Any]
) -> None:
    answer = await http.post(
        "/v1/messages", json=body(model=model, **{"max_tokens": 2048} | changes)
    )

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("claude-opus-5", {"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}),
        ("claude-sonnet-4-6", {"output_config": {"effort": "xhigh"}}),
        ("claude-haiku-4-5", {"output_config": {"effort": "low"}}),
        ("claude-haiku-4-5", {"thinking": {"type": "adaptive"}}),
        ("claude-haiku-4-5", {"thinking": {"type": "enabled", "budget_tokens": 1_000}}),
    ],
)
async def test_what_a_family_lacks_is_refused(
    http: httpx2.AsyncClient, model: str, changes: dict[str, Any]
) -> None:
    assert (await http.post("/v1/messages", json=body(model=model, **changes))).status_code == 400


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": ""}, 401),
        ({"anthropic-version": "2023-06-01"}, 400),
    ],
)
async def test_wrong_headers_are_refused(
    http: httpx2.AsyncClient, headers: dict[str, str], code: int
) -> None:
    assert (await http.post("/v1/messages", json=body(), headers=headers)).status_code == code


async def test_a_missing_version_is_refused(url: str) -> None:
    async with httpx2.AsyncClient(base_url=url) as bare:
        key = {"authorization": f"Bearer {API_KEY}"}
        answer = await bare.post("/v1/messages", json=body(), headers=key)

    assert answer.status_code == 400
    assert "anthropic-version: header is required" in answer.text


async def test_bytes_that_are_no_json_object_are_refused(http: httpx2.AsyncClient) -> None:
    assert (await http.post("/v1/messages", content=b"{")).status_code == 400
    assert (await http.post("/v1/messages", content=b"[]")).status_code == 400


async def test_unknown_models_and_paths_are_not_found(http: httpx2.AsyncClient) -> None:
    assert (await http.post("/v1/messages", json=body(model="claude-opus-5-6"))).status_code == 404
    assert (await http.get("/v1/models/claude-opus-5-6")).status_code == 404
    assert (await http.get("/v2")).status_code == 404


async def test_a_model_describes_itself(client: anthropic.AsyncAnthropic) -> None:
    model = await client.models.retrieve("claude-haiku-4-5")

    assert model.max_tokens == 64_000


async def test_a_model_is_described_to_key_holders_only(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/v1/models/claude-haiku-4-5", headers={"authorization": "no"})

    assert answer.status_code == 401


async def test_thinking_comes_back_only_after_the_very_prefix_it_was_written_for(
    http: httpx2.AsyncClient, api: MessagesApi
) -> None:
    api.script(ApiReply(thinking="", calls=(Call("explore", id="t1"),)))
    first = body(tools=[TOOL], system="You orchestrate.")
    content = (await http.post("/v1/messages", json=first)).json()["content"]

    async def again(**changes: Any) -> int:
        whole = first | {"messages": said("q", content, [RESULT])} | changes
        return (await http.post("/v1/messages", json=whole)).status_code

    moved_mark = [{"type": "text", "text": "You orchestrate.", "cache_control": EPHEMERAL}]
    assert await again() == 200
    assert await again(system=moved_mark) == 400, "a string is not the same bytes as a block"
    assert await again(system="You orchestrate!") == 400
    assert await again(tools=[]) == 400
    assert await again(messages=said("Q", content, [RESULT])) == 400
    assert await again(model="claude-sonnet-5-5") == 400
    edited = [{**content[0], "thinking": "more"}, content[1]]
    assert await again(messages=said("q", edited, [RESULT])) == 400
    forged = [{**content[0], "signature": "forged"}, content[1]]
    assert await again(messages=said("q", forged, [RESULT])) == 400


async def test_moving_a_cache_mark_edits_no_history(
    http: httpx2.AsyncClient, api: MessagesApi
) -> None:
    api.script(ApiReply(text="a", thinking=""))
    marked = [{"type": "text", "text": "q", "cache_control": EPHEMERAL}]
    content = (await http.post("/v1/messages", json=body(messages=said(marked)))).json()["content"]

    turns = said([{"type": "text", "text": "q"}], content, marked)
    assert (await http.post("/v1/messages", json=body(messages=turns))).status_code == 200


async def test_a_marked_prefix_is_written_once_and_then_read(http: httpx2.AsyncClient) -> None:
    prefix = {"type": "text", "text": LONG, "cache_control": EPHEMERAL}

    async def usage(*blocks: Any, **changes: Any) -> dict[str, int]:
        answer = await http.post("/v1/messages", json=body(messages=said([*blocks]), **changes))
        return answer.json()["usage"]

    first, second = await usage(prefix, TEXT), await usage(prefix, {**TEXT, "text": "other"})
    assert first["cache_creation_input_tokens"] == second["cache_read_input_tokens"] > 2_000
    assert first["cache_read_input_tokens"] == second["cache_creation_input_tokens"] == 0
    assert 0 < first["input_tokens"] < 50

    elsewhere = await usage(prefix, TEXT, model="claude-sonnet-5-5")
    assert elsewhere["cache_read_input_tokens"] == 0, "models share no cache"
    short = await usage({**TEXT, "cache_control": EPHEMERAL})
    assert short["cache_creation_input_tokens"] == 0, "too short a prefix is not cached"
    unmarked = await usage({"type": "text", "text": LONG}, TEXT)
    assert unmarked["cache_read_input_tokens"] == 0, "nothing is looked up without a mark"


async def test_outcomes_come_in_the_order_of_the_script_and_then_from_the_responder(
    http: httpx2.AsyncClient,
) -> None:
    def respond(request: dict[str, Any]) -> ApiReply | Fault:
        return ApiReply(text="orchestrator" if request.get("tools") else "solver")

    scripted = MessagesApi(respond)
    scripted.script(status(529), refusal("bio", "no"), truncated('{"a": '))
    with serve(scripted) as url:
        url = f"{url}/v1/messages"
        busy = await http.post(url, json=body())
        refused, cut, first, second = [
            (await http.post(url, json=one)).json()
            for one in (body(), body(), body(tools=[TOOL]), body())
        ]

    assert busy.status_code == 529
    assert busy.json()["error"]["type"] == "overloaded_error"
    assert refused["stop_reason"] == "refusal"
    assert refused["stop_details"]["category"] == "bio"
    assert refused["content"] == []
    assert cut["stop_reason"] == "max_tokens"
    assert first["content"][0]["text"] == "orchestrator"
    assert second["content"][0]["text"] == "solver"
    assert [bool(one.get("tools")) for one in scripted.bodies] == [False, False, False, True, False]
    assert json.loads(scripted.raw_bodies[0]) == scripted.bodies[0]


async def test_a_responder_that_fails_fails_the_test(http: httpx2.AsyncClient) -> None:
    def respond(request: dict[str, Any]) -> ApiReply:
        raise LookupError("not expected")

    served = serve(MessagesApi(respond))
    url = served.__enter__()
    answer = await http.post(f"{url}/v1/messages", json=body())

    assert answer.status_code == 500
    with pytest.raises(LookupError, match="not expected"):
        served.__exit__(None, None, None)


def has_in_flight(number: int) -> Callable[[MessagesApi], bool]:
    return lambda api: api.in_flight == number


async def test_calls_in_flight_are_counted(http: httpx2.AsyncClient, api: MessagesApi) -> None:
    api.script(*[ApiReply(text="x", latency=60)] * 3)

    async def post() -> None:
        await http.post("/v1/messages", json=body())

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(post)
        assert await anyio.to_thread.run_sync(api.wait_for, has_in_flight(3))
        group.cancel_scope.cancel()

    assert await anyio.to_thread.run_sync(api.wait_for, has_in_flight(0))
    assert api.disconnects == 3
    assert api.most_in_flight >= 3


async def test_a_call_knows_what_it_got_and_when_the_last_byte_of_a_reply_was_sent(
    http: httpx2.AsyncClient, api: MessagesApi
) -> None:
    whole = ApiReply(text="x", tokens=Tokens(input=5, output=70))
    cut, silent = Fault("cut", reply=whole), Fault("stall", seconds=60, reply=whole)
    api.script(whole, whole, status(529), cut, silent)
    streamed = body(stream=True)

    await http.post("/v1/messages", json=body())
    await http.post("/v1/messages", json=streamed)
    await http.post("/v1/messages", json=body(max_tokens=0))
    await http.post("/v1/messages", json=streamed)
    with pytest.raises(httpx2.RemoteProtocolError):
        await http.post("/v1/messages", json=streamed)
    async with http.stream("POST", "/v1/messages", json=streamed):
        last = api.asked[-1]
        assert (last.outcome, last.replied_at) == (silent, None), "its end has not been sent"
    assert await anyio.to_thread.run_sync(api.wait_for, has_in_flight(0))

    asked = api.asked
    assert [one.outcome for one in asked] == [whole, whole, None, status(529), cut, silent]
    assert [one.replied_at is not None for one in asked] == [True, True, *[False] * 4]
    billed = Usage(input_tokens=5, output_tokens=70)
    assert [one.billed for one in asked] == [billed, billed, Usage(), Usage(), billed, billed]
    assert all(one.replied_at is None or one.at <= one.replied_at for one in asked)
    assert sorted(one.at for one in asked) == [one.at for one in asked]
