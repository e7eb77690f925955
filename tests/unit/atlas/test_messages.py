"""Messages to and from a model are values that can be told apart, stored and compared."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from atlas_mcp.atlas.messages import (
    EFFORTS,
    AssistantTurn,
    Image,
    ModelRequest,
    Part,
    Text,
    ToolResult,
    UserTurn,
)


def test_the_efforts_of_a_request_are_in_rising_order() -> None:
    assert EFFORTS == ("low", "medium", "high", "xhigh", "max")


@pytest.mark.parametrize(
    "part", [Text("a"), Image(url="https://a.example/b"), ToolResult("c", "done")]
)
def test_parts_and_turns_name_their_kind(part: Part) -> None:
    kinds = {"Text": "text", "Image": "image", "ToolResult": "tool_result"}

    assert part.kind == kinds[type(part).__name__]
    assert (UserTurn((part,)).role, AssistantTurn("").role) == ("user", "assistant")


def test_turns_never_change_once_they_were_said() -> None:
    turn = AssistantTurn("a")

    with pytest.raises(FrozenInstanceError):
        turn.text = "b"  # pyright: ignore[reportAttributeAccessIssue]


def test_a_request_asks_for_free_text_and_no_tools_unless_told() -> None:
    request = ModelRequest("", (UserTurn((Text("?"),)),), 100)

    assert (request.schema, request.tools, request.effort, request.seed) == (None, (), None, None)
    assert request.parallel_tool_calls
