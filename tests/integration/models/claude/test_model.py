"""The Claude adapter, through the vendor's own client, against the stand-in of the Messages API."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
from dataclasses import replace
from typing import Any

import anthropic
import pytest

from atlas_mcp.atlas.messages import (
    AssistantTurn,
    Image,
    Text,
    Tool,
    ToolResult,
    UserTurn,
)
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.claude import model as claude_models
from atlas_mcp.models.claude.connection import ClaudeConnection
from atlas_mcp.models.claude.model import Claude
from atlas_mcp.models.prices import cost_of
from atlas_mcp.testing.messages_api import (
    API_KEY,
    ApiReply,
    Call,
    MessagesApi,
    Tokens,
)
from tests.support.claude_calls import ASK
from tests.support.claude_models import claude_model
from tests.support.pictures import drawn

EXPLORE = Tool("explore", "Dispatch a solver.", {"type": "object", "properties": {}})


LONG = "A problem statement. " * 400


async def test_a_reply_holds_text_calls_counts_cost_and_the_vendors_id(
    claude: Claude, api: MessagesApi
) -> None:
    calls = (Call("explore", {"strategy": "diréct", "n": [1, 2]}, "t1"), Call("explore", {}, "t2"))
    tokens = Tokens(input=5, output=70, cache_read=2_000, cache_write=300)
    api.script(
        ApiReply(text="I explore. ✓", thinking="Hm", redacted=True, calls=calls, tokens=tokens)
    )

    reply = await claude.generate(replace(ASK, tools=(EXPLORE,)))

    assert reply.turn.text == "I explore. ✓"
    assert [(call.id, call.name, call.arguments) for call in reply.turn.tool_calls] == [
        ("t1", "explore", {"strategy": "diréct", "n": [1, 2]}),
        ("t2", "explore", {}),
    ]
    assert reply.end == "tool_calls"
    assert reply.charge.usage == Usage(
        1, 2_305, 70, cache_read_tokens=2_000, cache_write_tokens=300
    )
    assert reply.charge.usage == api.reported
    assert reply.charge.cost == cost_of("anthropic/claude-opus-5-5", reply.charge.usage)
    assert reply.request_id is not None
    assert claude.name == "anthropic/claude-opus-5-5"


async def test_what_came_is_what_the_vendors_own_helper_would_send_back(
    claude: Claude, api: MessagesApi, url: str
) -> None:
    answer = ApiReply(
        text="a" * 100, thinking="b" * 100, calls=(Call("explore", {"x": {"y": "é"}}, "t1"),)
    )
    api.script(answer, answer)
    reply = await claude.generate(replace(ASK, tools=(EXPLORE,)))
    async with (
        anthropic.AsyncAnthropic(base_url=url, api_key=API_KEY, max_retries=0) as theirs,
        theirs.messages.stream(
            model="claude-opus-5-5", max_tokens=100, messages=[{"role": "user", "content": "q"}]
        ) as stream,
    ):
        message = await stream.get_final_message()

    blocks = [block.model_dump(mode="json", exclude_none=True) for block in message.content]
    ours = reply.turn.verbatim["content"]
    for one in (blocks[0], ours[0]):
        assert one.pop("signature").startswith("sig-")
    for one in blocks:
        one.pop("caller", None)
    assert ours == blocks


async def test_a_growing_conversation_is_append_only_and_read_from_the_cache(
    claude: Claude, api: MessagesApi
) -> None:
    problem = UserTurn((Text("Problem:"), Text(LONG, cache=True), Text("Explore.")))
    request = replace(ASK, turns=(problem,), tools=(EXPLORE,))
    replies = [ApiReply(thinking="", calls=(Call("explore"),)) for _ in range(4)]
    api.script(*replies, ApiReply(text="Done."))
    reads: list[int] = []
    for _ in range(4):
        reply = await claude.generate(request)
        call = reply.turn.tool_calls[0]
        results = UserTurn((ToolResult(call.id, "It is 7."), Text("3 explores left.")))
        request = replace(request, turns=(*request.turns, reply.turn, results))
        reads.append(reply.charge.usage.cache_read_tokens)

    reply = await claude.generate(request)

    assert reply.turn.text == "Done."
    reads.append(reply.charge.usage.cache_read_tokens)
    assert reads[0] == 0
    assert reads[1] > 2_000
    assert reads[1:] == sorted(reads[1:])
    assert reads[-1] > reads[1]
    for earlier, later in zip(api.bodies, api.bodies[1:], strict=False):
        sent = unmarked(earlier["messages"])
        assert unmarked(later["messages"])[: len(sent)] == sent
        assert unmarked(later["system"]) == unmarked(earlier["system"])
        assert later["tools"] == earlier["tools"]


def unmarked(blocks: Any) -> Any:
    if isinstance(blocks, list):
        return [unmarked(one) for one in blocks]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(blocks, dict):
        return {key: unmarked(one) for key, one in blocks.items() if key != "cache_control"}  # pyright: ignore[reportUnknownVariableType]
    return blocks


def marks(body: dict[str, Any]) -> list[str]:
    blocks = [*body["system"], *(one for turn in body["messages"] for one in turn["content"])]
    return [one["text"] for one in blocks if "cache_control" in one]


async def test_of_many_marks_the_first_and_the_latest_stay(
    claude: Claude, api: MessagesApi
) -> None:
    parts = tuple(Text(str(number), cache=True) for number in range(6))

    await claude.generate(replace(ASK, turns=(UserTurn(parts),)))

    assert marks(api.bodies[0]) == ["Solve it.", "0", "4", "5"]


async def test_a_single_turn_nobody_marked_pays_for_no_cache(
    claude: Claude, api: MessagesApi
) -> None:
    await claude.generate(ASK)

    assert marks(api.bodies[0]) == []


async def test_images_go_as_bytes_or_as_an_address(claude: Claude, api: MessagesApi) -> None:
    data = base64.b64encode(drawn("PNG")).decode()
    images = (Image("image/png", data), Image(url="https://example.org/x.png"), Text(""))

    await claude.generate(replace(ASK, turns=(UserTurn(images),)))

    assert [block["source"] for block in api.bodies[0]["messages"][0]["content"]] == [
        {"type": "base64", "media_type": "image/png", "data": data},
        {"type": "url", "url": "https://example.org/x.png"},
    ]


async def test_turns_of_another_vendor_are_spelled_out(claude: Claude, api: MessagesApi) -> None:
    said = AssistantTurn("Hm.", verbatim=None)
    nothing = AssistantTurn("")
    turns = (UserTurn((Text("a"),)), said, UserTurn((Text("b"),)), nothing, UserTurn((Text("c"),)))

    await claude.generate(replace(ASK, turns=turns))

    roles = [message["role"] for message in api.bodies[0]["messages"]]
    assert roles == ["user", "assistant", "user", "user"]


async def test_a_failed_tool_result_without_text_is_sent_as_such(
    claude: Claude, api: MessagesApi
) -> None:
    api.script(ApiReply(calls=(Call("explore", id="t1"),)))
    first = await claude.generate(replace(ASK, tools=(EXPLORE,)))
    turns = (*ASK.turns, first.turn, UserTurn((ToolResult("t1", "", is_error=True),)))

    await claude.generate(replace(ASK, turns=turns, tools=(EXPLORE,)))

    block = unmarked(api.bodies[1]["messages"][-1]["content"][0])
    assert block == {"type": "tool_result", "tool_use_id": "t1", "is_error": True}


async def test_tools_are_offered_and_never_forced(claude: Claude, api: MessagesApi) -> None:
    await claude.generate(replace(ASK, tools=(EXPLORE,)))
    await claude.generate(replace(ASK, tools=(EXPLORE,), parallel_tool_calls=False))

    assert [body["tool_choice"] for body in api.bodies] == [
        {"type": "auto"},
        {"type": "auto", "disable_parallel_tool_use": True},
    ]


async def test_a_schema_is_sent_in_the_form_the_api_accepts(
    claude: Claude, api: MessagesApi
) -> None:
    schema = {
        "type": "object",
        "properties": {
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "note": {"type": ["string", "null"], "description": "optional"},
            "tags": {"type": ["array"], "items": {"type": "string"}},
        },
        "required": ["confidence"],
    }

    await claude.generate(replace(ASK, schema=schema))

    sent = api.bodies[0]["output_config"]["format"]["schema"]
    assert sent["properties"]["note"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert sent["properties"]["tags"]["items"] == {"type": "string"}
    assert "minimum: 0" in sent["properties"]["confidence"]["description"]


@pytest.mark.parametrize("schema", [{}, {"type": "thing"}, {"type": "array", "items": True}])
async def test_a_schema_that_cannot_be_sent_is_rejected_before_the_call(
    claude: Claude, api: MessagesApi, schema: dict[str, Any]
) -> None:
    with pytest.raises(ModelRejected, match="answer schema cannot be sent"):
        await claude.generate(replace(ASK, schema=schema))

    assert api.requests == 0


async def test_the_api_says_whether_it_has_a_model_at_no_cost(
    connection: ClaudeConnection, api: MessagesApi
) -> None:
    there = claude_model("claude-opus-5-5", connection=connection)
    unknown = claude_model("claude-opus-5-6", connection=connection)

    assert await there.is_there()
    assert not await unknown.is_there()
    assert api.requests == 0


async def test_a_wrong_key_and_a_silent_api_are_told_apart(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = claude_model("claude-opus-5-5", base_url=url, api_key="wrong")
    with pytest.raises(ModelRejected, match="key is refused"):
        await wrong.is_there()
    await wrong.aclose()

    monkeypatch.setattr(claude_models, "LOOK_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        waiting = claude_model("claude-opus-5-5", base_url=f"http://127.0.0.1:{port}", api_key="k")
        with pytest.raises(ModelUnavailable, match="no answer"):
            await waiting.is_there()
        await waiting.aclose()


def test_the_adapter_loads_no_vendor_library_by_itself() -> None:
    script = (
        "import sys, atlas_mcp.models.claude.model, atlas_mcp.models.pool;"
        "print([name for name in ('anthropic', 'httpx2', 'genai_prices') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.stdout.strip() == "[]", done.stderr
