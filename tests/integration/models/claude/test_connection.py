"""The client for the Messages API, and the credentials that it finds."""

from __future__ import annotations

import logging
import socket
from dataclasses import replace
from typing import Any

import anthropic
import anyio
import pytest

from atlas_mcp.atlas.messages import (
    Text,
    UserTurn,
)
from atlas_mcp.atlas.usage import Charge, Usage
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.claude.connection import ClaudeConnection
from atlas_mcp.models.claude.model import Claude
from atlas_mcp.testing.messages_api import (
    API_KEY,
    MessagesApi,
    status,
)
from tests.support.claude_calls import ASK
from tests.support.claude_models import claude_model


async def test_a_refused_connection_reached_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    claude = claude_model("claude-opus-5-5", base_url=f"http://127.0.0.1:{port}", api_key="k")

    with pytest.raises(ModelUnavailable, match="no connection") as caught:
        await claude.generate(ASK)

    assert (caught.value.charge, caught.value.complete) == (Charge(Usage()), True)
    await claude.aclose()


@pytest.mark.parametrize("api_key", ["k\n", "kéy"])
async def test_a_key_with_stray_characters_is_rejected_and_not_quoted(
    url: str, api_key: str
) -> None:
    claude = claude_model("claude-opus-5-5", base_url=url, api_key=api_key)

    with pytest.raises(ModelRejected, match="key") as caught:
        await claude.generate(ASK)

    assert api_key not in str(caught.value)
    await claude.aclose()


async def test_an_address_that_is_none_is_rejected() -> None:
    claude = claude_model("claude-opus-5-5", base_url="nonsense", api_key="k")

    with pytest.raises(ModelRejected, match="base_url is no address"):
        await claude.generate(ASK)

    await claude.aclose()


async def test_without_credentials_the_variable_to_set_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    claude = claude_model("claude-opus-5-5", base_url="http://127.0.0.1:1")

    with pytest.raises(ModelRejected, match="ANTHROPIC_API_KEY"):
        await claude.generate(ASK)

    await claude.aclose()


async def test_key_and_prompt_get_into_no_text(
    connection: ClaudeConnection, api: MessagesApi, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    claude = claude_model("claude-opus-5-5", base_url=url, api_key=API_KEY)
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


async def test_first_calls_that_come_together_share_one_client(
    connection: ClaudeConnection, api: MessagesApi
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
    connection: ClaudeConnection, claude: Claude
) -> None:
    await claude.generate(ASK)
    await claude.aclose()

    assert (
        await claude_model("claude-sonnet-5-5", connection=connection).generate(ASK)
    ).end == "end"
