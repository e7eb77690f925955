"""The Messages API, and a model behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from atlas_mcp.models.claude.connection import ClaudeConnection
from atlas_mcp.models.claude.model import Claude
from atlas_mcp.testing.messages_api import (
    API_KEY,
    MessagesApi,
    serve,
)
from tests.support.claude_models import claude_model


@pytest.fixture
def api() -> MessagesApi:
    return MessagesApi()


@pytest.fixture
def url(api: MessagesApi) -> Iterator[str]:
    with serve(api) as base_url:
        yield base_url


@pytest.fixture
async def connection(url: str) -> AsyncIterator[ClaudeConnection]:
    connection = ClaudeConnection(base_url=url, api_key=API_KEY)
    yield connection
    await connection.aclose()


@pytest.fixture
def claude(connection: ClaudeConnection) -> Claude:
    return claude_model("claude-opus-5-5", connection=connection)
