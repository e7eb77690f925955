"""A bound of input tokens counts every byte of a request, and pictures by their model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from atlas_mcp.atlas.input_tokens import REQUEST_OVERHEAD_TOKENS, input_tokens_at_most
from atlas_mcp.atlas.messages import (
    AssistantTurn,
    Image,
    ModelRequest,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    UserTurn,
)
from tests.support.played_runs import a_run, answers, explores, play

REQUEST = ModelRequest("Be brief.", (UserTurn((Text("How many?"),)),), 4_000)


@pytest.mark.parametrize(
    "more",
    [
        {"system": "x" * 1_000},
        {"turns": (UserTurn((Text("x" * 1_000),)),)},
        {"turns": (UserTurn((ToolResult("c", "x" * 1_000),)),)},
        {"turns": (AssistantTurn("x" * 1_000),)},
        {"turns": (AssistantTurn("", (ToolCall("c", "t", {"a": "x" * 1_000}),)),)},
        {"schema": {"description": "x" * 1_000}},
        {"tools": (Tool("t", "x" * 1_000, {}),)},
    ],
    ids=["system", "text", "result", "reply", "calls", "schema", "tools"],
)
def test_every_byte_of_a_request_may_be_a_token(more: Any) -> None:
    assert input_tokens_at_most(replace(REQUEST, **more)) >= REQUEST_OVERHEAD_TOKENS + 1_000


def test_a_picture_counts_as_the_tokens_of_its_model() -> None:
    shown = replace(REQUEST, turns=(UserTurn((Image(url="https://a.example/b"),)),))

    assert input_tokens_at_most(shown, image_tokens=777) == (
        input_tokens_at_most(replace(REQUEST, turns=())) + 777
    )


def test_a_state_knows_the_bound_of_its_conversation() -> None:
    said = [explores({}, {}), explores({}), answers()]
    played = play(a_run(), *said)

    for state in played.live:
        conversation = ModelRequest("", state.history, 1)
        counted = REQUEST_OVERHEAD_TOKENS + state.history_tokens
        assert counted == input_tokens_at_most(conversation)
    assert played.live[-1].history_tokens > 0
