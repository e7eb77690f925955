"""Endpoints refuse a part of a request: it is declared, found out, or learnt; both adapters."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from typing_extensions import override

from atlas_mcp.atlas.messages import (
    AssistantTurn,
    ModelRequest,
    Reply,
    Text,
    Tool,
    ToolResult,
    UserTurn,
)
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.errors import ModelRejected
from atlas_mcp.models.chat.model import OpenAICompatible
from atlas_mcp.models.claude.model import Claude
from atlas_mcp.models.endpoint import with_endpoint
from atlas_mcp.models.probing.probe import probe
from atlas_mcp.program import main
from tests.support.claude_models import claude_model

on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])

Body: TypeAlias = dict[str, Any]
Refuses: TypeAlias = Callable[[Body], object]
"""From a request to the JSON, or the text, in which it is refused; nothing for one that is not."""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
TOOL = Tool("explore", "Explore.", {"type": "object", "properties": {}})
ASK = ModelRequest(
    "Be brief.", (UserTurn((Text("What is 6 * 7?"),)),), max_tokens=100, schema=SCHEMA
)


@dataclass
class Gateway:
    """An endpoint of both APIs that refuses some requests and answers the others.

    Its model thinks, and calls the tools that it is offered until it is told what they say.
    """

    refuses: Refuses = lambda body: None
    status: int = 400
    bodies: list[Body] = field(default_factory=list[Body])

    @contextmanager
    def serving(self) -> Generator[str]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                gateway.bodies.append(body)
                refused = gateway.refuses(body)
                messages = self.path.startswith("/v1/messages")
                if refused is not None:
                    text = refused if isinstance(refused, str) else json.dumps(refused)
                    self.say(gateway.status, text)
                else:
                    self.say(200, json.dumps((message if messages else completion)(body)))

            def do_GET(self) -> None:
                self.say(200, '{"data": [{"id": "m"}], "id": "m"}')

            def say(self, status: int, text: str) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            @override
            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def words_of(body: Body) -> str:
    return json.dumps(body)


def said_of(body: Body) -> str | None:
    """Return what the model says; `None` where it calls its tool."""
    told = any(
        one["role"] == "tool" or "tool_result" in json.dumps(one["content"])
        for one in body["messages"]
    )
    if body.get("tools") and not told:
        return None
    if "password" in words_of(body):
        return "heliotrope" if "heliotrope" in words_of(body) else "None."
    return "kingfisher" if told else "Ready."


def completion(body: Body) -> Body:
    said = said_of(body)
    reply: Body = {"role": "assistant", "content": said, "reasoning_content": "I think."}
    if said is None:
        called = {"name": body["tools"][0]["function"]["name"], "arguments": '{"number": 42}'}
        reply["tool_calls"] = [{"id": "c1", "type": "function", "function": called}]
    return {
        "choices": [{"message": reply, "finish_reason": "tool_calls" if said is None else "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5},
    }


def message(body: Body) -> Body:
    said = said_of(body)
    content: list[Body] = [{"type": "thinking", "thinking": "I think.", "signature": ""}]
    if said is None:
        name = body["tools"][0]["name"]
        content.append({"type": "tool_use", "id": "c1", "name": name, "input": {"number": 42}})
    else:
        content.append({"type": "text", "text": said})
    return {
        "type": "message",
        "content": content,
        "stop_reason": "tool_use" if said is None else "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 5},
    }


def chat(url: str, **traits: Any) -> OpenAICompatible:
    spec = with_endpoint(
        ModelSpec("openai/m", schema_mode="prompt"), base_url=f"{url}/v1", **traits
    )
    return OpenAICompatible(spec, api_key="sk-of-a-test")


def claude(url: str) -> Claude:
    return claude_model("claude-x", base_url=url, api_key="sk-of-a-test")


async def asked(model: Claude | OpenAICompatible, request: ModelRequest = ASK) -> Reply:
    reply = await model.generate(request)
    assert reply.turn.text or reply.turn.tool_calls
    return reply


# What is refused is left out, once for all


def if_any(*keys: str, said: str) -> Refuses:
    """Refuse a request with one of these keys."""
    return lambda body: {"error": {"message": said}} if body.keys() & set(keys) else None


def if_system(said: object) -> Refuses:
    """Refuse a request with a system prompt."""

    def refuses(body: Body) -> object:
        roles = {one["role"] for one in body["messages"]}
        return said if "system" in roles or body.get("system") else None

    return refuses


SYSTEM_WORDS: tuple[object, ...] = (
    {"object": "error", "message": "System role not supported", "code": 400},
    {"error": {"message": "Developer instruction is not enabled for models/gemma-3-1b-it"}},
    {"error": {"message": "Unsupported value: 'messages[0].role' does not support 'system' here."}},
    {"detail": "Conversation roles must alternate user/assistant/user/assistant/..."},
    {"detail": [{"loc": ["messages", 0, "role"], "msg": "Input should be 'user' or 'assistant'"}]},
    {"error": {"message": "invalid params, chat content has invalid message role: system (2013)"}},
    {"error": 'messages: Unexpected role "system".'},
)  # fmt: skip


@pytest.mark.every_day(12)
@on_asyncio
@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize("said", SYSTEM_WORDS)
@pytest.mark.parametrize("make", [chat, claude])
async def test_a_system_prompt_that_is_refused_goes_before_the_question(
    make: Callable[[str], Claude | OpenAICompatible], said: object, status: int
) -> None:
    gateway = Gateway(if_system(said), status)
    with gateway.serving() as url:
        model = make(url)
        first, second = await asked(model), await asked(model)
        await model.aclose()

    assert [first.charge.usage.requests, second.charge.usage.requests] == [2, 1]
    *_, body = gateway.bodies
    assert not body.get("system")
    [only] = body["messages"]
    assert only["role"] == "user"
    assert json.dumps(only).index("Be brief.") < json.dumps(only).index("What is 6 * 7?")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("stream_options", "Stream option \"include_usage\" is not supported"),
        ("stream_options", "Unrecognized request argument supplied: stream_options"),
        ("stream_options", "body -> stream_options: extra fields not permitted"),
    ],
)  # fmt: skip
async def test_counts_that_may_not_be_asked_for_are_not(key: str, said: str) -> None:
    gateway = Gateway(if_any(key, said=said))
    with gateway.serving() as url:
        model = chat(url)
        await asked(model)
        await asked(model)
        await model.aclose()

    assert [key in body for body in gateway.bodies] == [True, False, False]


@on_asyncio
@pytest.mark.parametrize(
    "said",
    [
        "output_config: Extra inputs are not permitted",
        "output_config.format: Extra inputs are not permitted",
        "Unknown parameter: output_config",
        'ValidationException: {"message": "output_config is not supported by this model"}',
    ],
)
async def test_a_gateway_that_takes_no_output_config_is_asked_in_words(said: str) -> None:
    gateway = Gateway(if_any("output_config", said=said))
    with gateway.serving() as url:
        model = claude(url)
        await asked(model)
        await asked(model)
        await model.aclose()

    assert ["output_config" in body for body in gateway.bodies] == [True, False, False]
    assert "fits this JSON Schema" in words_of(gateway.bodies[-1]["messages"])


@on_asyncio
async def test_of_an_output_config_only_what_is_refused_is_left_out() -> None:
    def refuses(body: Body) -> object:
        effort = body.get("output_config", {}).get("effort")
        said = "output_config.effort: Extra inputs are not permitted"
        return {"error": {"message": said}} if effort else None

    gateway = Gateway(refuses)
    with gateway.serving() as url:
        model = claude(url)
        await asked(model, replace(ASK, effort="high"))
        await model.aclose()

    assert gateway.bodies[-1]["output_config"].keys() == {"format"}


@on_asyncio
async def test_a_gateway_that_does_not_know_how_to_think_is_not_asked_to() -> None:
    said = "thinking.type: Input tag 'adaptive' found does not match any of the expected tags"
    gateway = Gateway(if_any("thinking", said=said))
    with gateway.serving() as url:
        model = claude(url)
        await asked(model)
        await model.aclose()

    assert ["thinking" in body for body in gateway.bodies] == [True, False]


@on_asyncio
async def test_several_things_are_left_out_one_after_the_other() -> None:
    by_system = if_system({"detail": "System role not supported"})
    by_counts = if_any("stream_options", said="stream_options: unknown field")
    gateway = Gateway(lambda body: by_counts(body) or by_system(body))
    with gateway.serving() as url:
        model = chat(url)
        reply = await asked(model)
        await asked(model)
        await model.aclose()

    assert reply.charge.usage.requests == 3
    assert len(gateway.bodies) == 4


@on_asyncio
@pytest.mark.parametrize("make", [chat, claude])
async def test_what_is_refused_for_good_is_told_and_not_asked_again(
    make: Callable[[str], Claude | OpenAICompatible],
) -> None:
    gateway = Gateway(lambda body: {"error": {"message": "The system is not for you"}})
    with gateway.serving() as url:
        model = make(url)
        with pytest.raises(ModelRejected, match="The system is not for you") as caught:
            await model.generate(ASK)
        await model.aclose()

    assert len(gateway.bodies) == 1
    assert (caught.value.charge or NO_CHARGE).usage.requests == 1


# What a model thought, in later turns


def thoughts_in(body: Body) -> list[tuple[bool, bool]]:
    """Return of each earlier turn whether it calls tools, and whether its thinking is in it."""
    turns = [one for one in body["messages"] if one["role"] == "assistant"]
    return [
        ("tool_calls" in one or "tool_use" in json.dumps(one), "I think." in json.dumps(one))
        for one in turns
    ]


def if_thoughts(wrong: Callable[[bool, bool], bool], said: str) -> Refuses:
    """Refuse a conversation with an earlier turn that is wrong."""

    def refuses(body: Body) -> object:
        found = any(wrong(calls, thinks) for calls, thinks in thoughts_in(body))
        return {"error": {"message": said}} if found else None

    return refuses


def mixed(outside: object, inside: object) -> Refuses:
    """Refuse what was thought outside of calls of tools, and demand it within them."""

    def refuses(body: Body) -> object:
        found = thoughts_in(body)
        if (False, True) in found:
            return {"error": outside}
        return {"error": inside} if (True, False) in found else None

    return refuses


def if_any_thoughts(said: str) -> Refuses:
    """Refuse what was thought wherever it stands, in these words."""
    return lambda body: said if any(thinks for _, thinks in thoughts_in(body)) else None


async def conversation(model: Claude | OpenAICompatible) -> list[AssistantTurn]:
    """Have a talk with a call of a tool in it, and a turn without one behind it."""
    request = replace(ASK, tools=(TOOL,), schema=None)
    turns: list[AssistantTurn] = []
    for more in (UserTurn((ToolResult("c1", "It is 42."),)), UserTurn((Text("Sure?"),)), None):
        reply = await asked(model, request)
        turns.append(reply.turn)
        if more is not None:
            request = replace(request, turns=(*request.turns, reply.turn, more))
    return turns


UNSUPPORTED = "property 'messages.2.assistant.reasoning_content' is unsupported"
DEMANDED = "The `reasoning_content` in the thinking mode must be passed back to the API."
DEMANDED_PARTS = "The `content[].thinking` in the thinking mode must be passed back to the API."


@pytest.mark.parametrize(
    ("refuses", "left"),
    [
        (if_thoughts(lambda calls, thinks: thinks, UNSUPPORTED), [(True, False), (False, False)]),
        (
            if_thoughts(lambda calls, thinks: thinks and not calls, UNSUPPORTED),
            [(True, True), (False, False)],
        ),
        # Refused outside, demanded inside: each in words of its own.
        (mixed(UNSUPPORTED, DEMANDED), [(True, True), (False, False)]),
        (if_any_thoughts(""), [(True, False), (False, False)]),
    ],
    ids=["refused", "outside", "mixed", "wordless"],
)  # fmt: skip
async def test_thinking_that_is_refused_when_it_comes_back_is_left_out(
    refuses: Refuses, left: list[tuple[bool, bool]]
) -> None:
    gateway = Gateway(refuses)
    with gateway.serving() as url:
        model = chat(url)
        await conversation(model)
        await model.aclose()

    assert thoughts_in(gateway.bodies[-1]) == left


@on_asyncio
@pytest.mark.parametrize("declared", ["as_sent", "never", "tool_calls"])
async def test_thinking_that_is_demanded_back_is_sent_back(declared: Any) -> None:
    gateway = Gateway(if_thoughts(lambda calls, thinks: not thinks, DEMANDED))
    with gateway.serving() as url:
        model = chat(url, echo_reasoning=declared)
        await conversation(model)
        await model.aclose()

    assert thoughts_in(gateway.bodies[-1]) == [(True, True), (False, True)]


async def test_a_turn_without_thinking_has_an_empty_one_where_it_is_demanded() -> None:
    def refuses(body: Body) -> object:
        turns = [one for one in body["messages"] if one["role"] == "assistant"]
        lacking = any("reasoning_content" not in one for one in turns)
        return {"error": {"message": DEMANDED}} if lacking else None

    said = AssistantTurn("42", verbatim={"role": "assistant", "content": "42"})
    gateway = Gateway(refuses)
    with gateway.serving() as url:
        model = chat(url)
        await asked(model, replace(ASK, turns=(*ASK.turns, said, UserTurn((Text("Sure?"),)))))
        await model.aclose()

    assert gateway.bodies[-1]["messages"][-2]["reasoning_content"] == ""


async def test_unsigned_thinking_goes_back_to_a_gateway_that_demands_it() -> None:
    gateway = Gateway(if_thoughts(lambda calls, thinks: not thinks, DEMANDED_PARTS))
    with gateway.serving() as url:
        model = claude(url)
        await conversation(model)
        await model.aclose()

    assert thoughts_in(gateway.bodies[1]) == [(True, False)], "the API itself refuses it"
    assert thoughts_in(gateway.bodies[-1]) == [(True, True), (False, True)]


async def test_thinking_in_the_messages_api_is_left_out_where_it_is_refused() -> None:
    said = "messages.1.content.0: thinking blocks are not supported"
    signed = AssistantTurn(
        "42",
        verbatim={
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I think.", "signature": "s"},
                {"type": "text", "text": "42"},
            ],
        },
    )
    gateway = Gateway(if_thoughts(lambda calls, thinks: thinks, said))
    with gateway.serving() as url:
        model = claude(url)
        await asked(model, replace(ASK, turns=(*ASK.turns, signed, UserTurn((Text("Sure?"),)))))
        await model.aclose()

    assert gateway.bodies[-1]["messages"][1]["content"] == [{"type": "text", "text": "42"}]


# Declared, it is never asked for; probed, it is found out


@pytest.mark.every_day(3)
@pytest.mark.parametrize(
    ("entry", "refuses"),
    [
        ("stream_options = false", if_any("stream_options", said="")),
        ("system_role = false", if_system("")),
        ('echo_reasoning = "never"', if_thoughts(lambda calls, thinks: thinks, "")),
        (
            'echo_reasoning = "tool_calls"',
            mixed({}, {}),
        ),
    ],
)
@pytest.mark.parametrize("way", ["declared", "probed"])
def test_a_trait_is_declared_or_probed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    entry: str,
    refuses: Refuses,
    way: str,
) -> None:
    gateway = Gateway(refuses)
    config = '[orchestrator]\nmodel = "x"\n[solvers.x]\nmodel = "openai/m"\ntools = true\n'
    with gateway.serving() as url:
        lines = f'base_url = "{url}/v1"\nprice = {{ input = 1, output = 1 }}\n'
        lines += f"{entry}\n" if way == "declared" else ""
        (tmp_path / "atlas.toml").write_text(config + lines)
        monkeypatch.setenv("ATLAS_CONFIG", str(tmp_path / "atlas.toml"))
        monkeypatch.setenv("ATLAS_HOME", str(tmp_path / "home"))
        if way == "probed":
            assert main(["solvers", "--probe"]) == 0
            found = capfd.readouterr().err
            key, _, value = entry.partition(" = ")
            assert f"{key} {value.strip(chr(34)).replace('false', 'no')}" in found
        gateway.bodies.clear()
        main(["solve", "What is it?", "--json"])

    assert gateway.bodies
    assert [body for body in gateway.bodies if refuses(body) is not None] == []


@pytest.mark.parametrize(
    ("refuses", "found"),
    [
        (if_any("output_config", said=""), {"schema_mode": "prompt", "efforts": ()}),
        (if_system(""), {"system_role": False}),
        (if_thoughts(lambda calls, thinks: calls and not thinks, ""), {"tools": False}),
    ],
)
async def test_a_gateway_of_the_messages_api_is_asked_too(
    refuses: Refuses, found: dict[str, object]
) -> None:
    gateway = Gateway(refuses)
    with gateway.serving() as url:
        model = claude(url)
        spec = ModelSpec("anthropic/claude-x", endpoint={"base_url": url})
        wanted = ("schema_mode", "tools", "images", "efforts", "system_role", "echo_reasoning")
        result = await probe(spec, model.with_spec, wanted)
        await model.aclose()

    assert result.problem is None
    assert {name: getattr(result.found, name) for name in found} == found
