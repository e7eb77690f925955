"""The stand-in of Chat Completions, asked through the vendor's own client or in plain HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import openai
import pytest

from atlas_mcp.atlas.usage import Usage
from atlas_mcp.testing.chat_api import (
    API_KEY,
    OPENAI,
    XAI,
    ApiReply,
    Call,
    ChatApi,
    ChatEndpoint,
    Fault,
    Tokens,
    serve,
    status,
)

on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])
pytestmark = on_asyncio

HEADERS = {"authorization": f"Bearer {API_KEY}"}
PATH = "/v1/chat/completions"
TOOL: Any = {"type": "function", "function": {"name": "explore", "parameters": {"type": "object"}}}


def body(**changes: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "q"}], **changes}


def held(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "r", "schema": schema}}


async def asked(api: ChatApi, request: dict[str, Any]) -> Any:
    with serve(api) as url:
        async with httpx2.AsyncClient(base_url=url, headers=HEADERS) as http:
            return (await http.post(PATH, json=request)).json()


@pytest.fixture
def api() -> ChatApi:
    return ChatApi(OPENAI)


@pytest.fixture
def url(api: ChatApi) -> Iterator[str]:
    with serve(api) as base_url:
        yield base_url


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=url, headers=HEADERS) as client:
        yield client


@pytest.fixture
async def client(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=API_KEY, max_retries=0) as client:
        yield client


async def test_a_whole_reply_comes_as_json(client: openai.AsyncOpenAI, api: ChatApi) -> None:
    api.script(ApiReply(text="a", calls=(Call("explore", {"n": 1}),)))

    reply = await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "q"}], tools=[TOOL]
    )

    assert reply.choices[0].finish_reason == "tool_calls"
    assert reply.choices[0].message.content == "a"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == api.reported.output_tokens > 0


async def test_a_stream_spells_the_same_reply(client: openai.AsyncOpenAI, api: ChatApi) -> None:
    tokens = Tokens(input=5, output=70, cache_read=20, reasoning=9)
    api.script(ApiReply(text="The answer is 7.", calls=(Call("explore", {"n": 1}),), tokens=tokens))
    request = body(tools=[TOOL], stream_options={"include_usage": True})

    async with client.chat.completions.stream(**request) as stream:
        reply = await stream.get_final_completion()

    message = reply.choices[0].message
    assert message.content == "The answer is 7."
    assert message.tool_calls is not None
    assert json.loads(message.tool_calls[0].function.arguments) == {"n": 1}
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 25
    assert reply.usage.prompt_tokens_details is not None
    assert reply.usage.prompt_tokens_details.cached_tokens == 20
    assert api.reported == Usage(1, 25, 70, cache_read_tokens=20)


async def test_a_stream_is_counted_only_where_that_is_asked_for(
    http: httpx2.AsyncClient, api: ChatApi
) -> None:
    await http.post(PATH, json=body(stream=True))

    assert api.reported == Usage(1)


async def test_thinking_that_is_counted_apart_is_in_the_total() -> None:
    api = ChatApi(XAI)
    api.script(ApiReply(text="a", tokens=Tokens(input=5, output=70, reasoning=40)))

    counts = (await asked(api, body()))["usage"]
    assert (counts["completion_tokens"], counts["total_tokens"]) == (30, 75)


async def test_errors_are_the_vendors(client: openai.AsyncOpenAI, api: ChatApi) -> None:
    api.script(status(429, retry_after=7, error_code="insufficient_quota"))

    with pytest.raises(openai.RateLimitError) as limited:
        await client.chat.completions.create(**body())
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.chat.completions.create(**body(model="other"))

    assert limited.value.response.headers["retry-after"] == "7"
    assert limited.value.code == "insufficient_quota"
    assert unknown.value.code == "model_not_found"
    assert limited.value.request_id is not None


async def test_a_prefix_that_was_read_before_is_cached(http: httpx2.AsyncClient) -> None:
    long = {"role": "user", "content": "A problem statement. " * 400}

    async def cached(*messages: Any) -> int:
        answer = await http.post(PATH, json=body(messages=list(messages)))
        return answer.json()["usage"]["prompt_tokens_details"]["cached_tokens"]

    said = {"role": "assistant", "content": "a"}
    assert await cached(long) == 0
    assert await cached(long, said, {"role": "user", "content": "more"}) > 2_000
    assert await cached({"role": "user", "content": "short"}) == 0


async def test_thinking_before_a_call_must_come_back_as_it_came(
    http: httpx2.AsyncClient, api: ChatApi
) -> None:
    api.script(ApiReply(thinking="Hm.", calls=(Call("explore", id="t1"),)))
    message = (await http.post(PATH, json=body(tools=[TOOL]))).json()["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": "t1", "content": "r"}

    async def again(said: dict[str, Any]) -> int:
        turns = [*body()["messages"], said, result]
        return (await http.post(PATH, json=body(tools=[TOOL], messages=turns))).status_code

    assert await again(message) == 200
    assert await again({**message, "reasoning_content": "Hm!"}) == 400
    assert await again({k: v for k, v in message.items() if k != "reasoning_content"}) == 400


async def test_a_script_that_breaks_the_shape_that_is_held_fails_the_test() -> None:
    api = ChatApi(OPENAI)
    api.script(ApiReply(text="prose"))

    with pytest.raises(AssertionError, match="breaks the shape"):
        await asked(api, body(response_format=held({"type": "object"})))


async def test_the_list_of_models_is_for_key_holders(http: httpx2.AsyncClient) -> None:
    assert [one["id"] for one in (await http.get("/v1/models")).json()["data"]] == ["m"]
    assert (await http.get("/v1/models/m")).status_code == 200
    assert (await http.get("/v1/models/other")).status_code == 404
    assert (await http.get("/v1/models", headers={"authorization": "no"})).status_code == 401
    assert (await http.get("/v2")).status_code == 404


async def test_bytes_that_are_no_json_are_refused(http: httpx2.AsyncClient, api: ChatApi) -> None:
    assert (await http.post(PATH, content=b"{")).status_code == 400
    assert api.raw_bodies == [b"{"]
    assert api.headers[0]["authorization"] == HEADERS["authorization"]


@pytest.mark.parametrize(
    ("fault", "last"),
    [
        (Fault("error", message="busy", code=502), b'"code": 502'),
        (Fault("error", error="llama.cpp", message="busy"), b"error: {"),
        (Fault("error", error="in_choice", message="busy"), b'"finish_reason": "error"'),
        (Fault("garbage"), b"data: {not json"),
        (Fault("ends"), b"chat.completion.chunk"),
    ],
)
async def test_a_stream_breaks_off_in_the_way_that_was_scripted(
    http: httpx2.AsyncClient, api: ChatApi, fault: Fault, last: bytes
) -> None:
    api.script(fault)

    answer = await http.post(PATH, json=body(stream=True))

    assert last in answer.content.strip().split(b"\n\n")[-1]
    assert b"[DONE]" not in answer.content


async def test_a_cut_stream_is_no_whole_answer(http: httpx2.AsyncClient, api: ChatApi) -> None:
    api.script(Fault("cut"))

    with pytest.raises(httpx2.RemoteProtocolError):
        await http.post(PATH, json=body(stream=True))


def has_in_flight(number: int) -> Callable[[ChatApi], bool]:
    return lambda api: api.in_flight == number


async def test_calls_in_flight_are_counted(http: httpx2.AsyncClient, api: ChatApi) -> None:
    api.script(*[ApiReply(text="x", latency=60)] * 3)

    async def post() -> None:
        await http.post(PATH, json=body())

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(post)
        assert await anyio.to_thread.run_sync(api.wait_for, has_in_flight(3))
        group.cancel_scope.cancel()

    assert await anyio.to_thread.run_sync(api.wait_for, has_in_flight(0))
    assert api.disconnects == 3
    assert api.most_in_flight >= 3


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (None, "A scripted answer."),
        ({"type": "json_object"}, "{}"),
        (held({"type": "object", "properties": {"a": {"enum": ["x"]}}}), '{"a": "x"}'),
    ],
)
async def test_without_a_script_a_reply_has_the_shape_that_is_asked_for(
    wanted: Any, text: str
) -> None:
    api = ChatApi(ChatEndpoint())
    request = body(messages=[{"role": "user", "content": "json"}])
    if wanted is not None:
        request["response_format"] = wanted

    answer = await asked(api, request)

    assert answer["choices"][0]["message"]["content"] == text
