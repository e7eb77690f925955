"""A request has the features that the family of its model accepts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlas_mcp.atlas.messages import (
    Effort,
)
from atlas_mcp.models.claude.connection import ClaudeConnection
from atlas_mcp.models.claude.params import Thinking
from atlas_mcp.testing.messages_api import (
    MessagesApi,
)
from tests.support.claude_calls import ASK
from tests.support.claude_models import claude_model


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
    connection: ClaudeConnection,
    api: MessagesApi,
    model: str,
    effort: Effort | None,
    sent: str | None,
) -> None:
    await claude_model(model, connection=connection).generate(replace(ASK, effort=effort))

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
    connection: ClaudeConnection, api: MessagesApi, model: str, thinking: Thinking, sent: str | None
) -> None:
    await claude_model(model, connection=connection, thinking=thinking).generate(ASK)

    assert api.bodies[0].get("thinking", {}).get("type") == sent


async def test_max_tokens_stay_below_what_the_family_allows(
    connection: ClaudeConnection, api: MessagesApi
) -> None:
    model = claude_model("claude-haiku-4-5", connection=connection)

    await model.generate(replace(ASK, max_tokens=128_000))

    assert api.bodies[0]["max_tokens"] == 64_000
