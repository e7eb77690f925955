"""The adapter of Chat Completions, through its client library, against the stand-in of the API."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import anyio
import anyio.to_thread
import pytest

from atlas_mcp.atlas.messages import (
    Image,
    ModelRequest,
    Text,
    Tool,
    ToolResult,
    UserTurn,
)
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import FREE, NO_CHARGE, Charge, Cost, Price, Usage
from atlas_mcp.errors import ModelError, ModelRejected, ModelUnavailable
from atlas_mcp.models.chat import model as openai_compatible
from atlas_mcp.models.chat.connection import Connection
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.endpoint import Endpoint as ModelEndpoint
from atlas_mcp.models.endpoint import endpoint_of, with_endpoint
from atlas_mcp.models.wire import reading
from atlas_mcp.testing.chat_api import (
    API_KEY,
    BARE,
    DEEPSEEK,
    GOOGLE,
    LLAMA,
    MISTRAL,
    OPENAI,
    OPENROUTER,
    XAI,
    ApiReply,
    Call,
    ChatApi,
    Endpoint,
    Fault,
    Quirk,
    Tokens,
    refusal,
    serve,
    status,
    truncated,
)

KEY = "sk-very-secret"
RATES = Price(Decimal(1), Decimal(10), Decimal("0.1"))
EXPLORE = Tool("explore", "Send a solver.", {"type": "object", "properties": {}})
ASK = ModelRequest(system="Solve it.", turns=(UserTurn((Text("q"),)),), max_tokens=1_000)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}

on_trio = pytest.mark.parametrize("anyio_backend", ["trio"])
on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])
"""For tests with many cases: one loop is enough for them."""


@dataclass
class Kind:
    """A kind of endpoint, and how the adapter is told to use it."""

    endpoint: Endpoint
    vendor: str = "openai"
    spec: ModelSpec = field(default_factory=lambda: ModelSpec("openai/m"))

    def __post_init__(self) -> None:
        self.spec = replace(self.spec, model=f"{self.vendor}/m")


KINDS = {
    "openai": Kind(
        OPENAI,
        spec=ModelSpec(
            "", efforts=("low", "high"), endpoint={"max_tokens_field": "max_completion_tokens"}
        ),
    ),
    "google": Kind(GOOGLE, "google", ModelSpec("", efforts=("low",), schema_with_tools=False)),
    "xai": Kind(XAI, "xai"),
    "deepseek": Kind(DEEPSEEK, "deepseek", ModelSpec("", schema_mode="json")),
    "mistral": Kind(MISTRAL, "mistral"),
    "openrouter": Kind(OPENROUTER, "openrouter"),
    "llama.cpp": Kind(LLAMA, "llamacpp", ModelSpec("", tools=False, temperature=0.7)),
    "bare": Kind(BARE, spec=ModelSpec("", tools=False, schema_mode="prompt")),
}


@dataclass
class ChatWorld:
    """An endpoint of one kind, and a model at it."""

    api: ChatApi
    url: str
    model: OpenAICompatible


OF_ENDPOINT = {one.name for one in fields(ModelEndpoint)}


@asynccontextmanager
async def world_of(kind: str = "openai", **changes: Any) -> AsyncGenerator[ChatWorld]:
    """Open an endpoint and a model at it; `price` is the operator's, the rest changes the spec."""
    price = changes.pop("price", RATES)
    changes |= {"price": changes.pop("spec_price", None)}
    timeout = changes.pop("read_timeout", 30.0)
    endpoint = KINDS[kind].endpoint
    if endpoint.api_key is not None:
        endpoint = replace(endpoint, api_key=KEY)
    api = ChatApi(endpoint)
    with serve(api) as url:
        endpoint_changes = {key: changes.pop(key) for key in OF_ENDPOINT & changes.keys()}
        spec = replace(KINDS[kind].spec, **changes)
        spec = with_endpoint(spec, base_url=f"{url}/v1", **endpoint_changes)
        key = endpoint.api_key
        model = OpenAICompatible(spec, api_key=key, price=price, read_timeout=timeout)
        try:
            yield ChatWorld(api, url, model)
        finally:
            await model.aclose()


@pytest.fixture
async def world() -> AsyncGenerator[ChatWorld]:
    async with world_of() as world:
        yield world


def asked(api: ChatApi) -> dict[str, Any]:
    return api.bodies[-1]


async def failure(model: OpenAICompatible, request: ModelRequest = ASK) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.generate(request)
    return caught.value


# Replies


async def test_a_reply_holds_text_calls_counts_cost_and_the_endpoints_id(
    world: ChatWorld,
) -> None:
    calls = (Call("explore", {"strategy": "diréct", "n": [1, 2]}, "t1"), Call("explore", {}, "t2"))
    tokens = Tokens(input=1_000, output=70, cache_read=2_000)
    world.api.script(ApiReply(text="I explore. ✓", calls=calls, tokens=tokens))

    reply = await world.model.generate(replace(ASK, tools=(EXPLORE,)))

    assert reply.turn.text == "I explore. ✓"
    assert [(call.id, call.name, call.arguments) for call in reply.turn.tool_calls] == [
        ("t1", "explore", {"strategy": "diréct", "n": [1, 2]}),
        ("t2", "explore", {}),
    ]
    assert reply.end == "tool_calls"
    assert reply.charge.usage == world.api.told == Usage(1, 3_000, 70, cache_read_tokens=2_000)
    assert reply.charge.cost == Decimal("0.0019")
    assert reply.request_id == "req_000001"
    assert world.model.name == "openai/m"


@on_asyncio
@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_endpoint_takes_what_it_is_sent(kind: str) -> None:
    async with world_of(kind) as world:
        spec = KINDS[kind].spec
        world.api.script(ApiReply(text='{"answer": "json"}', thinking="Hm."))
        request = replace(
            ASK,
            schema=SCHEMA,
            tools=(EXPLORE,) if spec.tools else (),
            effort="high",
            seed=2**40,
            temperature=0.5,
            turns=(UserTurn((Text("q, as JSON"),)),),
        )

        reply = await world.model.generate(request)

    assert reply.turn.text == '{"answer": "json"}'
    assert reply.end == "end"
    assert reply.charge.usage == world.api.told
    assert reply.charge.usage.output_tokens > 0


@on_asyncio
@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.spec.tools])
async def test_a_growing_conversation_goes_back_as_it_came_and_is_cached(kind: str) -> None:
    """Thinking included: the endpoints that sign it refuse it edited."""
    async with world_of(kind) as world:
        problem = UserTurn((Text("A problem statement. " * 400), Text("Explore.")))
        request = replace(ASK, turns=(problem,), tools=(EXPLORE,))
        turn = ApiReply(text="More.", thinking="Hm, so.", calls=(Call("explore"), Call("explore")))
        world.api.script(turn, ApiReply(), turn, ApiReply(text="Done."))
        reads: list[int] = []
        reply = None
        for _ in range(4):
            reply = await world.model.generate(request)
            results = [ToolResult(call.id, "It is 7.") for call in reply.turn.tool_calls]
            saying = UserTurn((*results, Text("3 explores left.")))
            request = replace(request, turns=(*request.turns, reply.turn, saying))
            reads.append(reply.charge.usage.cache_read_tokens)

    assert reply is not None
    assert reply.turn.text == "Done."
    assert reads[0] == 0
    assert reads == sorted(reads)
    assert reads[1] > 1_000
    conversations = [body["messages"] for body in world.api.bodies]
    for earlier, later in pairwise(conversations):
        assert later[: len(earlier)] == earlier
    for said in world.api.said[0], world.api.said[2]:
        assert said in conversations[-1]


@on_asyncio
@pytest.mark.parametrize(
    "quirk",
    [
        "no_finish",
        "no_done",
        "not_streamed",
        "stop_with_calls",
        "calls_without_id",
        "calls_without_index",
        "calls_at_one_index",
        "names_repeated",
        "typed_content",
    ],
)
async def test_a_server_with_ways_of_its_own_is_understood(quirk: Quirk) -> None:
    async with world_of() as world:
        calls = (Call("explore", {"n": 1}), Call("explore", {"n": 2}))
        world.api.script(ApiReply(text="More.", calls=calls, quirks=frozenset({quirk})))
        request = replace(ASK, tools=(EXPLORE,))

        reply = await world.model.generate(request)
        results = [ToolResult(call.id, "r") for call in reply.turn.tool_calls]
        turns = (*ASK.turns, reply.turn, UserTurn(tuple(results)))
        again = await world.model.generate(replace(request, turns=turns))

    assert [call.arguments for call in reply.turn.tool_calls] == [{"n": 1}, {"n": 2}]
    assert (reply.turn.text, reply.end) == ("More.", "tool_calls")
    assert reply.charge.usage.output_tokens > 0
    assert again.end == "end"


async def test_calls_with_arguments_nobody_can_read_are_faults_and_can_be_answered(
    world: ChatWorld,
) -> None:
    world.api.script(ApiReply(calls=(Call("explore", '{"cut": ', "t1"),)))
    request = replace(ASK, tools=(EXPLORE,))

    reply = await world.model.generate(request)
    turns = (*ASK.turns, reply.turn, UserTurn((ToolResult("t1", "Not run.", is_error=True),)))
    again = await world.model.generate(replace(request, turns=turns))

    assert reply.turn.tool_calls[0].fault == "its arguments are not JSON"
    assert again.end == "end"


@on_asyncio
@pytest.mark.parametrize(
    ("answer", "end", "detail"),
    [
        (ApiReply(text="a"), "end", ""),
        (ApiReply(), "end", ""),
        (truncated('{"answer": '), "max_tokens", ""),
        (refusal(), "refusal", "the endpoint's content filter"),
        (refusal("cyber", "It may harm."), "refusal", "It may harm."),
        (
            ApiReply(text="{}", stop_reason="something_new"),
            "end",
            "it ended for a reason that is not known: 'something_new'",
        ),
    ],
)
async def test_every_reason_for_the_end_has_its_meaning(
    answer: ApiReply, end: str, detail: str
) -> None:
    async with world_of() as world:
        world.api.script(answer)

        reply = await world.model.generate(ASK)

    assert (reply.end, reply.detail) == (end, detail)
    assert reply.charge.usage == world.api.told


async def test_pictures_go_unchanged(world: ChatWorld) -> None:
    pictures = (Image("image/png", "aGk="), Image(url="https://example.org/x.png"), Text("q"))

    await world.model.generate(replace(ASK, turns=(UserTurn(pictures),)))

    content = asked(world.api)["messages"][1]["content"]
    assert [part["image_url"]["url"] for part in content[:2]] == [
        "data:image/png;base64,aGk=",
        "https://example.org/x.png",
    ]


async def test_progress_rises_to_the_exact_count(world: ChatWorld) -> None:
    tokens = Tokens(input=1, output=1_234)
    world.api.script(ApiReply(text="x" * 2_000, thinking="y" * 2_000, deltas=20, tokens=tokens))
    heard: list[int] = []

    await world.model.generate(ASK, on_tokens=heard.append)

    assert heard[-1] == 1_234
    assert len(set(heard)) > 1
    assert heard == sorted(heard)


# Counts and cost


async def counted(quirk: Quirk | None, price: Price | None, **changes: Any) -> tuple[Usage, Cost]:
    kind, billed = changes.pop("kind", "openai"), changes.pop("billed_usd", None)
    tokens = changes.pop("tokens", Tokens(input=1_000, output=100, reasoning=40))
    async with world_of(kind, price=price, **changes) as world:
        quirks: frozenset[Quirk] = frozenset({quirk} if quirk else ())
        world.api.script(ApiReply(text="a", tokens=tokens, quirks=quirks, billed_usd=billed))
        reply = await world.model.generate(ASK)
    return reply.charge.usage, reply.charge.cost


@on_asyncio
async def test_what_is_not_counted_has_no_known_cost_unless_it_is_free() -> None:
    free = Price(FREE, FREE)

    assert await counted("no_usage", RATES) == (Usage(1), None)
    assert await counted("no_usage", free) == (Usage(1), FREE)
    assert await counted("no_usage", None, spec_price=free) == (Usage(1), FREE)


@on_asyncio
async def test_what_is_counted_costs_what_it_costs_or_nobody_knows() -> None:
    whole = Usage(1, 1_000, 100)

    assert await counted(None, RATES) == (whole, Decimal("0.002"))
    assert await counted(None, None) == (whole, None)
    assert await counted(None, RATES, kind="xai") == (whole, Decimal("0.002"))


@on_asyncio
async def test_a_bill_is_believed_from_openrouter_alone_and_the_operator_before_it() -> None:
    def billed(**changes: Any) -> Any:
        return counted(None, changes.pop("price", None), **{"billed_usd": 0.0125, **changes})

    assert (await billed(kind="openrouter"))[1] == Decimal("0.0125")
    assert (await billed(kind="openrouter", price=RATES))[1] == Decimal("0.002")
    assert (await billed())[1] is None
    assert (await billed(kind="openrouter", billed_usd=0))[1] == 0
    zeros = Tokens(input=0, output=0)
    assert (await billed(kind="openrouter", billed_usd=0, tokens=zeros))[1] is None
    for nonsense in ("NaN", "much", -1):
        assert (await billed(kind="openrouter", billed_usd=nonsense))[1] is None


async def test_counts_are_told_before_a_call_ends(world: ChatWorld) -> None:
    """What an aborted call has consumed is known from nothing else."""
    world.api.script(ApiReply(text="a", quirks=frozenset({"open_end"})))
    heard: list[Charge] = []
    told = anyio.Event()

    def on_usage(charge: Charge) -> None:
        heard.append(charge)
        told.set()

    async with anyio.create_task_group() as group:
        group.start_soon(partial(world.model.generate, ASK, on_usage=on_usage))
        await told.wait()
        group.cancel_scope.cancel()

    assert heard == [Charge(world.api.told, RATES.cost_of(world.api.told))]


# Failures


@dataclass(frozen=True)
class Case:
    """A fault, and what people are told of it."""

    fault: Fault
    words: str
    retry_after: float | None = None


LATER = {
    "429 with retry-after": Case(status(429, retry_after=7), "rate limit", 7),
    "429 in milliseconds": Case(status(429, retry_after_ms=250), "rate limit", 0.25),
    "429": Case(status(429), "rate limit"),
    "503": Case(status(503), "status 503"),
    "529": Case(status(529), "overloaded"),
    "500": Case(status(500), "status 500"),
    "408": Case(status(408), "status 408"),
    "400 to be tried again": Case(status(400, should_retry=True), "refuses the request"),
}

NEVER = {
    "an empty account": Case(status(429, error_code="insufficient_quota"), "no credit"),
    "a quota by type": Case(status(429, error="insufficient_quota"), "no credit"),
    "400": Case(status(400, message="prompt is too long"), "request: prompt is too long"),
    "401": Case(status(401), "`MY_KEY`"),
    "402": Case(status(402), "no credit"),
    "403": Case(status(403), "may not do that"),
    "404": Case(status(404), "no such model at http://127.0.0.1:.*base_url"),
    "413": Case(status(413), "too large"),
    "422": Case(status(422), "refuses the request"),
    "503 for good": Case(status(503, should_retry=False), "status 503"),
    "a page": Case(Fault("not_a_stream"), "web page.*check the network and base_url"),
    "JSON of another kind": Case(
        Fault("not_a_stream", error="json", message='{"status": "ok"}'), "no reply; check base_url"
    ),
    "a lasting error inside": Case(
        Fault("error", code=400, message="no"), "broke off the reply: no"
    ),
    "a wrong request": Case(Fault("error", error="invalid_request_error"), "broke off"),
    "an empty account inside": Case(Fault("error", code="insufficient_quota"), "broke off"),
}

BROKEN = {
    "a cut": Case(Fault("cut"), "connection was cut"),
    "a cut at the start": Case(Fault("cut", after=0), "connection was cut"),
    "an error event": Case(Fault("error", message="busy", code=502), "broke off the reply: busy"),
    "llama.cpp's error": Case(Fault("error", error="llama.cpp", message="busy"), "busy"),
    "an error in a choice": Case(Fault("error", error="in_choice", message="busy"), "busy"),
    "garbage": Case(Fault("garbage"), "could not be read"),
    "garbage in one piece": Case(
        Fault("not_a_stream", error="json", message='{"choices": ['), "could not be read"
    ),
    "an early end": Case(Fault("ends"), "ended before"),
}


@on_asyncio
@pytest.mark.parametrize("name", LATER)
async def test_what_may_work_later_is_unavailable(name: str) -> None:
    case = LATER[name]
    async with world_of() as world:
        world.api.script(case.fault)

        with pytest.raises(ModelUnavailable, match=case.words) as caught:
            await world.model.generate(ASK)

    error = caught.value
    assert error.retry_after == case.retry_after
    assert error.request_id == "req_000001"
    assert (error.charge, error.complete) == (Charge(Usage(1)), True)
    assert world.api.requests == 1, "the client library does not retry by itself"


@on_trio
@pytest.mark.parametrize("name", NEVER)
async def test_what_would_fail_again_is_rejected_with_what_to_do(name: str) -> None:
    case = NEVER[name]
    async with world_of(api_key_env="MY_KEY") as world:
        world.api.script(case.fault)

        with pytest.raises(ModelRejected, match=case.words) as caught:
            await world.model.generate(ASK)

    assert caught.value.request_id == "req_000001"
    assert caught.value.charge == Charge(Usage(1))


@pytest.mark.parametrize("name", BROKEN)
async def test_a_reply_that_breaks_off_may_have_cost_more_than_is_known(name: str) -> None:
    case = BROKEN[name]
    async with world_of() as world:
        world.api.script(case.fault)

        with pytest.raises(ModelUnavailable, match=case.words) as caught:
            await world.model.generate(ASK)

    error = caught.value
    assert (error.charge, error.complete) == (Charge(Usage(1)), False)


@on_asyncio
async def test_a_reply_that_breaks_off_and_is_free_cost_nothing() -> None:
    async with world_of(price=Price(FREE, FREE)) as world:
        world.api.script(Fault("cut"))

        error = await failure(world.model)

    assert (error.charge or NO_CHARGE).cost == FREE
    assert error.complete


@on_asyncio
@pytest.mark.parametrize("kind", ["mistral", "google", "openai"])
async def test_what_an_endpoint_says_is_passed_on_without_its_wrapping(kind: str) -> None:
    async with world_of(kind) as world:
        error = await failure(world.model, replace(ASK, max_tokens=10**6))

    field = endpoint_of(KINDS[kind].spec).max_tokens_field
    assert error.message == (
        f"the endpoint refuses the request: {field} is too large: 1000000. This model supports at "
        "most 128000 completion tokens."
    )


@on_asyncio
@pytest.mark.parametrize("after", [3, 4])
async def test_a_reply_that_is_whole_is_not_lost_with_its_connection(after: int) -> None:
    """Its pieces: the beginning, the text, the reason for the end, the counts, `[DONE]`."""
    async with world_of() as world:
        world.api.script(Fault("cut", after=after, reply=ApiReply(text="a", deltas=1)))

        reply = await world.model.generate(ASK)

    assert reply.turn.text == "a"
    assert reply.charge.usage == world.api.told
    assert (reply.charge.cost is None) == (after == 3), "what was never counted has no known cost"


async def test_a_stream_that_falls_silent_is_given_up() -> None:
    async with world_of(read_timeout=0.2) as world:
        world.api.script(Fault("stall", seconds=600))

        with pytest.raises(ModelUnavailable, match="silent") as caught:
            await world.model.generate(ASK)

        assert not caught.value.complete
        assert await anyio.to_thread.run_sync(world.api.wait_for, has_left)


@on_asyncio
async def test_a_stream_that_stays_open_after_its_end_keeps_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "DRAIN_TIMEOUT", 0.05)
    monkeypatch.setattr(reading, "LAST_WORDS_TIMEOUT", 0.05)
    quirks: list[set[Quirk]] = [{"open_end"}, {"open_end", "no_done", "no_usage"}]
    for some in quirks:
        async with world_of() as world:
            world.api.script(ApiReply(text="a", quirks=frozenset(some)))

            reply = await world.model.generate(ASK)

        assert reply.turn.text == "a"


async def test_json_that_is_no_reply_is_no_endpoint_of_ours(world: ChatWorld) -> None:
    """As of a server whose Chat Completions are at another path."""
    elsewhere = with_endpoint(KINDS["openai"].spec, base_url=f"{world.url}/v2")
    model = OpenAICompatible(elsewhere, api_key=KEY)

    error = await failure(model)

    assert isinstance(error, ModelRejected)
    assert "base_url" in str(error)
    await model.aclose()


@on_asyncio
async def test_a_refused_connection_reached_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    spec = ModelSpec("ollama/m", endpoint={"base_url": f"http://127.0.0.1:{port}/v1"})
    model = OpenAICompatible(spec)

    with pytest.raises(ModelUnavailable, match="check that it is running") as caught:
        await model.generate(ASK)

    assert f"http://127.0.0.1:{port};" in str(caught.value)
    assert (caught.value.charge or NO_CHARGE, caught.value.complete) == (NO_CHARGE, True)
    await model.aclose()


@on_asyncio
@pytest.mark.parametrize("base_url", ["nonsense", "ftp://127.0.0.1/v1", "http://[::1"])
async def test_an_address_that_is_none_is_rejected(base_url: str) -> None:
    model = OpenAICompatible(ModelSpec("ollama/m", endpoint={"base_url": base_url}))

    assert isinstance(await failure(model), ModelRejected)

    await model.aclose()


async def test_a_refused_key_is_not_quoted_though_the_endpoint_quotes_it(
    world: ChatWorld,
) -> None:
    for key in ("sk-wrong-secret", None):
        spec = with_endpoint(KINDS["openai"].spec, base_url=f"{world.url}/v1")
        model = OpenAICompatible(spec, api_key=key)

        error = await failure(model)

        assert isinstance(error, ModelRejected)
        assert "`api_key_env` of this solver" in str(error)
        assert "sk-wrong-secret" not in f"{error} {error!r}"
        await model.aclose()


async def test_an_unknown_model_is_named_by_its_endpoint(world: ChatWorld) -> None:
    spec = with_endpoint(
        replace(KINDS["openai"].spec, model="openai/other"), base_url=f"{world.url}/v1"
    )
    model = OpenAICompatible(spec, api_key=KEY)

    with pytest.raises(ModelRejected, match=r"no such model at .*The model `other` does not exist"):
        await model.generate(ASK)

    await model.aclose()


@pytest.mark.parametrize("key", ["k y", "k\x00y", "kéy", '"key'])
async def test_a_key_with_stray_characters_is_rejected_and_not_quoted(key: str) -> None:
    async with world_of() as world:
        model = OpenAICompatible(
            ModelSpec("openai/m", endpoint={"base_url": f"{world.url}/v1"}), api_key=key
        )

        with pytest.raises(ModelRejected, match="key") as caught:
            await model.generate(ASK)

        assert key not in str(caught.value)
        assert world.api.requests == 0
        await model.aclose()


async def test_key_and_prompt_get_into_no_text(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_LOG", "debug")
    faults = (
        status(400, message=f"key {KEY} is odd"),
        status(401, message=KEY),
        status(503, message=f"for {KEY}"),
        Fault("error", message=f"for {KEY}"),
        Fault("garbage"),
    )
    async with world_of() as world:
        texts = [repr(world.model), repr(Connection(f"http://x:{KEY}@y", KEY))]
        for fault in faults:
            world.api.script(fault)
            error = await failure(
                world.model, replace(ASK, turns=(UserTurn((Text("the prompt itself"),)),))
            )
            texts += [str(error), repr(error)]

    assert "***" in texts[2]
    for text in (*texts, caplog.text):
        assert KEY not in text
        assert "the prompt itself" not in text


@pytest.mark.parametrize("key", [KEY, None])
async def test_what_the_environment_holds_for_openai_goes_to_nobody_else(
    monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    for name, value in {
        "OPENAI_API_KEY": "env-key",
        "OPENAI_ADMIN_KEY": "env-admin",
        "OPENAI_ORG_ID": "env-org",
        "OPENAI_PROJECT_ID": "env-project",
        "OPENAI_CUSTOM_HEADERS": "X-Gateway: env-gateway\nAuthorization: Bearer env-header",
        "OPENAI_BASE_URL": "http://127.0.0.1:1/env-address",
    }.items():
        monkeypatch.setenv(name, value)
    api = ChatApi(replace(OPENAI, api_key=key))
    with serve(api) as url:
        spec = with_endpoint(KINDS["openai"].spec, base_url=f"{url}/v1")
        model = OpenAICompatible(spec, api_key=key)
        await model.generate(ASK)
        assert await model.is_there()
        await model.aclose()

    [headers] = api.headers
    assert headers.get("authorization") == (None if key is None else f"Bearer {KEY}")
    assert not [value for value in headers.values() if "env-" in value]


# Cancelling, closing, many at once


def has_begun(api: ChatApi) -> bool:
    return api.in_flight == 1


def has_left(api: ChatApi) -> bool:
    return api.disconnects == 1


async def test_a_cancelled_call_leaves_the_endpoint_and_the_model_works_on(
    world: ChatWorld,
) -> None:
    world.api.script(ApiReply(text="x" * 100, deltas=100, delta_latency=60))

    async with anyio.create_task_group() as group:
        group.start_soon(partial(world.model.generate, ASK))
        assert await anyio.to_thread.run_sync(world.api.wait_for, has_begun)
        group.cancel_scope.cancel()

    assert await anyio.to_thread.run_sync(world.api.wait_for, has_left)
    assert (await world.model.generate(ASK)).end == "end"


async def test_models_at_one_address_share_a_connection_that_outlives_them(
    world: ChatWorld,
) -> None:
    connection = Connection(f"{world.url}/v1", KEY)
    spec = with_endpoint(KINDS["openai"].spec, base_url=f"{world.url}/v1")
    models = [OpenAICompatible(spec, connection=connection) for _ in range(2)]
    clients: list[object] = []

    async def call(model: OpenAICompatible) -> None:
        await model.generate(ASK)
        clients.append(await connection.client())
        await model.aclose()

    async with anyio.create_task_group() as group:
        for model in models:
            group.start_soon(call, model)

    assert len({id(client) for client in clients}) == 1
    assert (await models[0].generate(ASK)).end == "end"
    await connection.aclose()


# Whether an endpoint answers


@on_asyncio
@pytest.mark.parametrize(
    ("endpoint", "name", "there"),
    [
        (OPENAI, "m", True),
        (OPENAI, "n", False),
        (GOOGLE, "m", True),
        (replace(OPENAI, models=("m:latest",)), "m", True),
        (replace(OPENAI, models=("meta/llama",)), "meta/llama", True),
        (replace(OPENAI, models=()), "m", True),
        (BARE, "m", True),
    ],
)
async def test_an_endpoint_says_whether_it_has_a_model(
    endpoint: Endpoint, name: str, there: bool
) -> None:
    api = ChatApi(endpoint)
    with serve(api) as url:
        model = OpenAICompatible(
            ModelSpec(f"openai/{name}", endpoint={"base_url": f"{url}/v1"}), api_key=API_KEY
        )
        assert await model.is_there() == there
        await model.aclose()
    assert api.requests == 0, "it costs nothing"


async def test_an_endpoint_that_does_not_answer_in_time_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openai_compatible, "LOOK_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        model = OpenAICompatible(
            ModelSpec("ollama/m", endpoint={"base_url": f"http://127.0.0.1:{port}/v1"})
        )

        with pytest.raises(ModelUnavailable, match="no answer"):
            await model.is_there()

        await model.aclose()


async def test_a_wrong_key_is_told_before_anything_is_spent(world: ChatWorld) -> None:
    spec = with_endpoint(KINDS["openai"].spec, base_url=f"{world.url}/v1", api_key_env="MY_KEY")
    model = OpenAICompatible(spec, api_key="wrong")

    with pytest.raises(ModelRejected, match="`MY_KEY`"):
        await model.is_there()

    await model.aclose()


def test_the_adapter_loads_no_client_library_by_itself() -> None:
    script = (
        "import sys, atlas_mcp.models.chat.model, atlas_mcp.models.pool;"
        "print([name for name in ('openai', 'httpx2', 'genai_prices') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.stdout.strip() == "[]", done.stderr
