"""The client for one endpoint of Chat Completions, and the key that it sends there."""

from __future__ import annotations

import logging
import socket
from dataclasses import replace

import anyio
import pytest

from atlas_mcp.atlas.messages import (
    Text,
    UserTurn,
)
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.chat.connection import ChatConnection
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.endpoint import with_endpoint
from atlas_mcp.testing.chat_api import (
    OPENAI,
    ChatApi,
    Fault,
    serve,
    status,
)
from tests.support.chat_worlds import ASK, KEY, KINDS, ChatWorld, failure, on_asyncio, world_of


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
        texts = [repr(world.model), repr(ChatConnection(f"http://x:{KEY}@y", KEY))]
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


async def test_models_at_one_address_share_a_connection_that_outlives_them(
    world: ChatWorld,
) -> None:
    connection = ChatConnection(f"{world.url}/v1", KEY)
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
