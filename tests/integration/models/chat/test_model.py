"""The adapter of Chat Completions, through its client library, against the stand-in of the API."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import anyio
import anyio.to_thread
import pytest

from atlas_mcp.atlas.messages import (
    Image,
    Text,
    Tool,
    ToolResult,
    UserTurn,
)
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.chat import model as openai_compatible
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.endpoint import with_endpoint
from atlas_mcp.models.wire import reading
from atlas_mcp.testing.chat_api import (
    API_KEY,
    BARE,
    GOOGLE,
    OPENAI,
    ApiReply,
    Call,
    ChatApi,
    ChatEndpoint,
    Fault,
    Quirk,
    Tokens,
    serve,
)
from tests.support.chat_worlds import ASK, KEY, KINDS, ChatWorld, on_asyncio, world_of

EXPLORE = Tool("explore", "Send a solver.", {"type": "object", "properties": {}})


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


def asked(api: ChatApi) -> dict[str, Any]:
    return api.bodies[-1]


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
    assert reply.charge.usage == world.api.reported == Usage(1, 3_000, 70, cache_read_tokens=2_000)
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
    assert reply.charge.usage == world.api.reported
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
    for said in world.api.written[0], world.api.written[2]:
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


async def test_pictures_go_unchanged(world: ChatWorld) -> None:
    pictures = (Image("image/png", "aGk="), Image(url="https://example.org/x.png"), Text("q"))

    await world.model.generate(replace(ASK, turns=(UserTurn(pictures),)))

    content = asked(world.api)["messages"][1]["content"]
    assert [part["image_url"]["url"] for part in content[:2]] == [
        "data:image/png;base64,aGk=",
        "https://example.org/x.png",
    ]


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


async def test_an_unknown_model_is_named_by_its_endpoint(world: ChatWorld) -> None:
    spec = with_endpoint(
        replace(KINDS["openai"].spec, model="openai/other"), base_url=f"{world.url}/v1"
    )
    model = OpenAICompatible(spec, api_key=KEY)

    with pytest.raises(ModelRejected, match=r"no such model at .*The model `other` does not exist"):
        await model.generate(ASK)

    await model.aclose()


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
    endpoint: ChatEndpoint, name: str, there: bool
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
