"""Models of agents on the loopback: four APIs, and what a model does that is given our tools.

Owns how such a model is asked and how it answers, and the play: it calls a tool, does as the result
says, and tells the answer. It sees nothing but what its program sends it, so a result that a
program garbles or shortens ends without an answer.
"""

from __future__ import annotations

import itertools
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from jsonschema import validate
from typing_extensions import override

from atlas_mcp.testing import messages_wire
from atlas_mcp.testing.loopback import Exchange, LoopbackApi
from atlas_mcp.testing.replies import ApiReply, Call, Tokens

ANSWER = "1729"
"""The answer of all of ATLAS's models; it stands in no question and no text of ours."""

REASON = "the key has been withdrawn"
"""Their words where they refuse all calls."""

PROBLEM = "What is the least number that is a sum of two cubes in two ways?"

SCHEMA = {"type": "integer", "description": "The number itself."}

STRATEGIES = ("first_principles", "work_backwards", "estimate_then_verify")
"""Of the explores that are asked for side by side."""

MOST_TURNS = 100
"""Turns after which a model gives up; a run of minutes needs sixty where a call may take five
seconds."""

WRONG_CHARS = 300

RUN_ID = re.compile(r"""(?:"run_id": ?"|Run: |run_id=')(\w{10,})""")
POLL = re.compile(r"get_run with run_id='(\w+)'(?:, since=(\d+))?(?:,? (?:and )?wait_s=(\d+))?")
RUNNING = re.compile(r'Still running|"status": ?"running"')
ENDED = re.compile(r'Answer: |you are the orchestrator|"status": ?"answered"')
WHY = re.compile(rf"No solver gave a usable answer .*?{REASON}")
REFUSED = re.compile(r'Error executing tool|An error occurred|timed out|^{"error"')

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """The result a model received for one call: `content` as its API has it, and as a text."""

    content: object
    is_error: bool = False

    @property
    def text(self) -> str:
        return text_of(self.content)

    @property
    def failed(self) -> bool:
        """Whether the call came to nothing; not every program says so in so many words."""
        return self.is_error or REFUSED.search(self.text) is not None


@dataclass(frozen=True)
class Request:
    """Our tools as one request shows them.

    Attributes:
        tools: Their definitions.
        results: The results of their calls, in order.
        names: Their names in this program.
        search: A call that brings their definitions, where they were held back.
    """

    tools: list[Any]
    results: list[Result]
    names: dict[str, str]
    search: Call | None = None


def text_of(content: object) -> str:
    """Return what a model reads of a result: its texts, or the JSON it is."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict) and list(cast("Json", content)) in (["output"], ["error"]):
        return text_of(next(iter(cast("Json", content).values())))
    blocks = cast("list[Json]", content) if isinstance(content, list) else []
    if blocks and all("text" in one for one in blocks):
        return "\n".join(str(one["text"]) for one in blocks)
    return json.dumps(content, ensure_ascii=False)


# What it does

Play: TypeAlias = Callable[[list[Result]], ApiReply]
"""From the results so far to the next turn, in our tools' own names."""


def solve(results: list[Result]) -> ApiReply:
    """Hand the problem over, and wait for the answer."""
    if not results:
        return _calls(("solve_with_atlas", {"problem": PROBLEM}))
    return _wait(results[-1])


def solve_on(results: list[Result]) -> ApiReply:
    """The same; where a call comes to nothing, wait for the run if it is known, or ask again."""
    if not results or not results[-1].failed:
        return solve(results)
    known = [one for one in results if RUN_ID.search(one.text)]
    return _wait(known[-1]) if known else solve([])


def solve_typed(results: list[Result]) -> ApiReply:
    """The same, with a schema of the answer."""
    if not results:
        return _calls(("solve_with_atlas", {"problem": PROBLEM, "answer_schema": SCHEMA}))
    return _wait(results[-1])


def tell_why(results: list[Result]) -> ApiReply:
    """Hand the problem over, and tell why there is no answer."""
    if not results:
        return solve(results)
    found = WHY.search(results[-1].text)
    return ApiReply(text=found[0] if found else "No cause is given.")


def explore(results: list[Result]) -> ApiReply:
    """Gather one candidate, then three at once under the same run, and weigh them."""
    if not results:
        return _calls(("explore", {"problem": PROBLEM}))
    run_id = RUN_ID.search(results[0].text)
    if len(results) == 1 and run_id is not None and ENDED.search(results[0].text):
        return _calls(*(("explore", {"run_id": run_id[1], "strategy": one}) for one in STRATEGIES))
    running = [one for one in results[-len(STRATEGIES) :] if RUNNING.search(one.text)]
    return _wait(running[0] if running else results[-1])


def _wait(result: Result) -> ApiReply:
    """Tell the answer, or go on with the run as the result says."""
    text = result.text
    if RUNNING.search(text):
        return _calls(("get_run", _poll(text)))
    if ENDED.search(text) and ANSWER in text:
        return ApiReply(text=f"The answer is {ANSWER}.")
    run_id = RUN_ID.search(text)
    if run_id is None:
        # A call that was given up names no run: the newest is looked at.
        return _calls(("get_run", {}))
    return _calls(("resume_run", {"run_id": run_id[1]}))


def _poll(text: str) -> Json:
    """Return how a result says that its run is to be looked at."""
    told = POLL.search(text)
    if told is None:
        return {}
    numbers = {
        name: int(told[place]) for place, name in ((2, "since"), (3, "wait_s")) if told[place]
    }
    return {"run_id": told[1], **numbers}


def _calls(*calls: tuple[str, Json]) -> ApiReply:
    return ApiReply(calls=tuple(Call(name, arguments) for name, arguments in calls))


# How it is asked, and how it answers


class Wire(ABC):
    """One API: reads requests and writes replies."""

    @abstractmethod
    def takes(self, path: str) -> bool:
        """Return whether a path asks for a reply."""

    @abstractmethod
    def request(self, body: Json) -> Request:
        """Return what a request shows."""

    @abstractmethod
    def value(self, reply: ApiReply, body: Json) -> Json:
        """Return a reply that is not streamed."""

    @abstractmethod
    def events(self, value: Json) -> Iterable[Json]:
        """Return the events that stream it."""

    def streamed(self, body: Json, path: str) -> bool:
        del path
        return bool(body.get("stream"))


TOOL_SEARCH = "ToolSearch"

HELD_BACK = re.compile(r"mcp__atlas__[a-z_]+")

_ids = itertools.count(1)

CREATED = 1_790_000_000
"""When all replies were made, if one asks."""

NO_TOKENS = Tokens(input=1, output=1)


class MessagesWire(Wire):
    """The Messages API. Claude Code names our tools, and has them searched for their schemas."""

    @override
    def takes(self, path: str) -> bool:
        return path.endswith("/messages")

    @override
    def request(self, body: Json) -> Request:
        blocks = [
            block
            for message in body["messages"]
            if isinstance(message["content"], list)
            for block in message["content"]
        ]
        called = {one["id"]: one["name"] for one in blocks if one.get("type") == "tool_use"}
        answered = [one for one in blocks if one.get("type") == "tool_result"]
        results = [
            Result(one.get("content", ""), bool(one.get("is_error")))
            for one in answered
            if is_ours(called[one["tool_use_id"]])
        ]
        tools = [one for one in body.get("tools") or () if is_ours(one.get("name", ""))]
        names = {own_name(one["name"]): one["name"] for one in tools}
        if names:
            return Request(tools, results, names)
        held_back = sorted(set(HELD_BACK.findall(json.dumps(body["messages"]))))
        query = {"query": f"select:{','.join(held_back)}", "max_results": 10}
        return Request([], results, {}, Call(TOOL_SEARCH, query) if held_back else None)

    @override
    def value(self, reply: ApiReply, body: Json) -> Json:
        content = messages_wire.content_of(reply, body)
        return messages_wire.message_of(reply, body, content, NO_TOKENS)

    @override
    def events(self, value: Json) -> Iterable[Json]:
        return messages_wire.events_of(ApiReply(), value)


class ResponsesWire(Wire):
    """The Responses API. Codex gathers a server's tools under a namespace, to be searched for."""

    @override
    def takes(self, path: str) -> bool:
        return path.endswith("/responses")

    @override
    def request(self, body: Json) -> Request:
        offered: list[Json] = list(body.get("tools") or ())
        items: list[Json] = [one for one in body["input"] if isinstance(one, dict)]
        searched = any(one["type"] == "tool_search" for one in offered)
        for one in items:
            offered += one["tools"] if one.get("type") == "tool_search_output" else ()
        ours = [(space, tool) for space, tool in _spaced(offered) if is_ours(tool["name"])]
        called = {one["call_id"]: one for one in items if one.get("type") == "function_call"}
        results = [
            Result(one["output"])
            for one in items
            if one.get("type") == "function_call_output" and is_ours(called[one["call_id"]]["name"])
        ]
        search = Call(SEARCH, {"query": SEARCHED, "limit": 8})
        return Request(
            tools=[tool for _, tool in ours],
            results=results,
            names={own_name(tool["name"]): f"{space}{tool['name']}" for space, tool in ours},
            search=search if searched and not ours else None,
        )

    @override
    def value(self, reply: ApiReply, body: Json) -> Json:
        number = next(_ids)
        output: list[Json] = []
        if reply.text:
            content: list[Json] = [{"type": "output_text", "text": reply.text, "annotations": []}]
            output.append({"type": "message", "role": "assistant", "content": content})
        output += [_call_item(call) for call in reply.calls]
        return {
            "id": f"resp_{number}",
            "object": "response",
            "created_at": CREATED,
            "status": "completed",
            "model": body["model"],
            "output": [
                {"id": f"item_{number}_{place}", "status": "completed"} | item
                for place, item in enumerate(output)
            ],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 1,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 1,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 2,
            },
        }

    @override
    def events(self, value: Json) -> Iterable[Json]:
        yield {"type": "response.created", "response": value | {"output": []}}
        for place, item in enumerate(value["output"]):
            yield {"type": "response.output_item.added", "output_index": place, "item": item}
            yield {"type": "response.output_item.done", "output_index": place, "item": item}
        yield {"type": "response.completed", "response": value}


SEARCH = "tool_search"

SEARCHED = "atlas solve hard problem"
"""The words of a question by which a model knows that it is to solve a problem with ATLAS."""

SPACE = " "
"""Between a namespace and a name."""


def _spaced(offered: list[Json]) -> Iterator[tuple[str, Json]]:
    """Yield each tool that has a name, with its namespace before it."""
    for one in offered:
        if one.get("type") == "namespace":
            yield from ((f"{one['name']}{SPACE}", tool) for tool in one["tools"])
        elif "name" in one:
            yield "", one


def _call_item(call: Call) -> Json:
    made = {"call_id": f"call_{next(_ids)}"}
    if call.name == SEARCH:
        sent = {"type": "tool_search_call", "execution": "client", "arguments": call.arguments}
        return made | sent
    space, _, name = call.name.rpartition(SPACE)
    sent = {"type": "function_call", "name": name, "arguments": json.dumps(call.arguments)}
    return made | sent | ({"namespace": space} if space else {})


class ChatWire(Wire):
    """Chat Completions."""

    @override
    def takes(self, path: str) -> bool:
        return path.endswith("/chat/completions")

    @override
    def request(self, body: Json) -> Request:
        functions = [one.get("function", {}) for one in body.get("tools") or ()]
        tools = [one for one in functions if is_ours(one.get("name", ""))]
        results = [Result(one["content"]) for one in body["messages"] if one["role"] == "tool"]
        return Request(tools, results, {own_name(one["name"]): one["name"] for one in tools})

    @override
    def value(self, reply: ApiReply, body: Json) -> Json:
        calls = [
            {
                "id": f"call_{next(_ids)}",
                "type": "function",
                "function": {"name": one.name, "arguments": json.dumps(one.arguments)},
            }
            for one in reply.calls
        ]
        message = {"role": "assistant", "content": reply.text or None}
        choice = {
            "index": 0,
            "message": message | ({"tool_calls": calls} if calls else {}),
            "finish_reason": "tool_calls" if calls else "stop",
        }
        return {
            "id": f"chatcmpl-{next(_ids)}",
            "object": "chat.completion",
            "created": CREATED,
            "model": body["model"],
            "choices": [choice],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }

    @override
    def events(self, value: Json) -> Iterable[Json]:
        (choice,) = value["choices"]
        calls = enumerate(choice["message"].get("tool_calls", []))
        delta = choice["message"] | {"tool_calls": [{"index": n} | call for n, call in calls]}
        shared = {name: value[name] for name in ("id", "created", "model")}
        parts: list[tuple[Json, str | None]] = [(delta, None), ({}, choice["finish_reason"])]
        for part, finish in parts:
            yield shared | {
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": part, "finish_reason": finish}],
            }
        yield shared | {
            "object": "chat.completion.chunk",
            "choices": [],
            "usage": value["usage"],
        }


ADDED = {"wait_for_previous": False}
"""An argument that Gemini CLI offers with every tool, and that its models fill in."""


class GeminiWire(Wire):
    """The Gemini API, which says in its path whether it streams."""

    @override
    def takes(self, path: str) -> bool:
        return path.endswith(("enerateContent",))

    @override
    def streamed(self, body: Json, path: str) -> bool:
        return path.endswith(":streamGenerateContent")

    @override
    def request(self, body: Json) -> Request:
        groups: list[Json] = body.get("tools") or []
        known = [one for group in groups for one in group.get("functionDeclarations", ())]
        tools = [one for one in known if is_ours(one["name"])]
        parts = [part for content in body["contents"] for part in content.get("parts", ())]
        answered = [one["functionResponse"] for one in parts if "functionResponse" in one]
        results = [
            Result(one["response"], "error" in one["response"])
            for one in answered
            if is_ours(one["name"])
        ]
        return Request(tools, results, {own_name(one["name"]): one["name"] for one in tools})

    @override
    def value(self, reply: ApiReply, body: Json) -> Json:
        parts: list[Json] = [{"text": reply.text}] if reply.text else []
        parts += [
            {"functionCall": {"name": one.name, "args": cast("Json", one.arguments) | ADDED}}
            for one in reply.calls
        ]
        candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}
        counts = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        return {"candidates": [{"index": 0} | candidate], "usageMetadata": counts}

    @override
    def events(self, value: Json) -> Iterable[Json]:
        yield value


PARAMETERS = ("input_schema", "parameters", "parametersJsonSchema")
"""The names that APIs have for the schema of a tool's arguments."""

OUR_TOOLS = ("solve_with_atlas", "explore", "get_run", "cancel_run", "resume_run")


def is_ours(name: str) -> bool:
    """Return whether a tool is of this server, under whatever prefix."""
    return own_name(name) in OUR_TOOLS


def own_name(name: str) -> str:
    """Return the name without the prefix that a program gives it: `mcp__atlas__` and the like."""
    longest = [one for one in OUR_TOOLS if re.search(rf"(^|[_.]){one}$", name)]
    return longest[0] if longest else name


class HostModel(LoopbackApi):
    """A model of an agent. It plays its part where our tools are offered, and else says a word.

    Attributes:
        last: Our tools in its latest request that had them.
        wrong: The parts it could not read, or was not allowed to say.
    """

    def __init__(self, wire: Wire, play: Play) -> None:
        super().__init__()
        self.last = Request([], [], {})
        self.wrong: list[str] = []
        self._wire = wire
        self._play = play

    @override
    async def route(self, exchange: Exchange, method: str, path: str) -> None:
        if method == "POST" and self._wire.takes(path):
            await self.count_and_answer(exchange)
            return
        if path.endswith(("/count_tokens", ":countTokens")):
            await exchange.json(200, {"input_tokens": 1, "totalTokens": 1})
        else:
            await exchange.json(404, {"error": {"message": "Not found", "code": 404}})

    @override
    async def answer(self, exchange: Exchange, raw: bytes) -> None:
        body: Json = json.loads(raw)
        self.take(exchange, body)
        try:
            value = self._wire.value(self._reply(body), body)
        except Exception as error:  # noqa: BLE001 - a body of another shape than was foreseen
            self.wrong.append(f"{type(error).__name__}: {str(error)[:WRONG_CHARS]}")
            await exchange.json(400, {"error": {"message": self.wrong[-1], "code": 400}})
            return
        if not self._wire.streamed(body, exchange.path):
            await exchange.json(200, value)
            return
        events = b"".join(_event(one) for one in self._wire.events(value))
        await exchange.whole(200, events, "text/event-stream")

    def _reply(self, body: Json) -> ApiReply:
        request = self._wire.request(body)
        if request.search is not None:
            return ApiReply(calls=(request.search,))
        if not request.tools:
            return ApiReply(text="ok")
        self.last = request
        if len(request.results) >= MOST_TURNS:
            return ApiReply(text="There is no answer.")
        reply = self._play(request.results)
        for call in reply.calls:
            _check_fit(call, request.tools)
        calls = [Call(request.names[one.name], one.arguments) for one in reply.calls]
        return ApiReply(text=reply.text, calls=tuple(calls))


def _check_fit(call: Call, tools: list[Json]) -> None:
    """Hold a call to what its program told the model that the tool takes, as a real API may."""
    [tool] = [one for one in tools if own_name(one["name"]) == call.name]
    validate(call.arguments, next(tool[name] for name in PARAMETERS if name in tool))


def _event(event: Json) -> bytes:
    kind = f"event: {event['type']}\n" if "type" in event else ""
    return f"{kind}data: {json.dumps(event)}\n\n".encode()
