"""A reply of Chat Completions as it streams in, server-sent event by event.

Owns the sum of the pieces: the message with everything in it that an endpoint may want to see
again, the calls it makes, and what was counted. Does no I/O. Endpoints differ, so what is missing
is missed and what is unknown is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from atlas_mcp.atlas.messages import AssistantTurn, Json, Stop, ToolCall
from atlas_mcp.atlas.storable import (
    MAX_CHARS,
    MAX_NAME_CHARS,
    TooDeep,
    count_of,
    fault_of,
    plain,
    read_json,
    text_of,
    unique_id,
    words_of,
)
from atlas_mcp.atlas.usage import Usage

Fields: TypeAlias = Mapping[str, Any]
"""A JSON object of an endpoint."""

CHARACTERS_PER_TOKEN = 4
"""Characters that count as one token while a reply grows; the endpoint counts in the end."""

_STOPS: dict[str, Stop] = {
    "stop": "end",
    "length": "max_tokens",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refusal",
}

_TEXTS = frozenset(
    {"content", "refusal", "reasoning", "reasoning_content", "arguments", "text", "summary", "data"}
)
"""Fields that come in pieces. Of any other that comes again, the last holds: names and ids are
repeated by some endpoints."""


class Lines:
    """Cuts a stream of bytes into lines, at line feeds alone.

    The client libraries cut at every character that ends a line in Unicode, and JSON may hold
    some of those as they are.
    """

    def __init__(self) -> None:
        self._rest: list[bytes] = []

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that `chunk` completes."""
        self._rest.append(chunk)
        if b"\n" not in chunk:
            # A long line may come in a thousand pieces; they are put together once.
            return []
        *lines, rest = b"".join(self._rest).split(b"\n")
        self._rest = [rest] if rest else []
        return [line.decode(errors="replace").rstrip("\r") for line in lines]

    def end(self) -> list[str]:
        """Return the last line, if the stream ended in the middle of one."""
        return self.feed(b"\n") if self._rest else []


class ChatStream:
    """What has come of a reply so far.

    Attributes:
        id: The endpoint's id of the reply.
        characters: Characters written so far, thinking included.
        finish_reason: Why it ended, in the endpoint's words; `None` before.
        counts: The endpoint's `usage`; `None` where it sent none.
        error: What the endpoint says went wrong in the middle; `None` where nothing did.
        ended: Whether the stream said that it is over.
    """

    def __init__(self) -> None:
        self.id: str | None = None
        self.characters = 0
        self.finish_reason: str | None = None
        self.counts: Fields | None = None
        self.error: Fields | None = None
        self.ended = False
        self._begun = False
        self._message: dict[str, Any] = {}

    @property
    def complete(self) -> bool:
        """Whether there is a reply, and no more of it is to come."""
        over = self.finish_reason is not None or self.ended
        return self.error is None and self._begun and over

    def feed(self, line: str) -> None:
        """Take in one line of the stream.

        Raises:
            ValueError: It cannot be read.
        """
        kind, _, data = line.partition(":")
        data = data.strip()
        if kind == "error":
            # llama.cpp's way of saying so.
            self.error = error_of(data.encode()) or {"message": data}
        elif kind != "data":
            return
        elif data.startswith("[DONE]"):
            self.ended = True
        else:
            self._take(_event(data))

    def feed_whole(self, body: bytes) -> None:
        """Take in a reply that was not streamed.

        Raises:
            ValueError: It cannot be read.
        """
        found = _event(body)
        choices = [{**one, "delta": one.get("message")} for one in _objects(found.get("choices"))]
        self._take({**found, "choices": choices})
        self.ended = True

    @property
    def stop(self) -> Stop:
        """Why the reply ended."""
        if self._message.get("refusal"):
            return "refusal"
        stop = _STOPS.get(self.finish_reason or "", "end")
        # Some endpoints say that they stopped when they call tools.
        calls = _objects(self._message.get("tool_calls"))
        return "tool_calls" if stop == "end" and calls else stop

    @property
    def detail(self) -> str:
        """The endpoint's word on a refusal; empty otherwise."""
        if self._message.get("refusal"):
            return words_of(self._message["refusal"])
        return "the endpoint's content filter" if self.finish_reason == "content_filter" else ""

    @property
    def turn(self) -> AssistantTurn:
        """What the model said, with the message as it must be sent back."""
        verbatim: dict[str, Any] = {"role": "assistant"}
        verbatim |= {key: value for key, value in self._message.items() if value is not None}
        verbatim.setdefault("content", "")
        calls: list[ToolCall] = []
        sent: list[dict[str, Any]] = []
        verbatim.pop("tool_calls", None)
        for number, call in enumerate(_objects(self._message.get("tool_calls"))):
            whole = {key: value for key, value in call.items() if key != "index"}
            # The endpoints that number their calls and do not name them get names.
            whole["id"] = unique_id(whole.get("id"), {one.id for one in calls}, number)
            whole.setdefault("type", "function")
            calls.append(_tool_call(whole))
            function = _object(whole.get("function"))
            written = function.get("arguments")
            if calls[-1].fault is not None or not isinstance(written, str) or not written:
                # Several servers read them when they come back, and refuse what they cannot read.
                written = json.dumps(dict(calls[-1].arguments))
            whole["function"] = {**function, "name": calls[-1].name, "arguments": written}
            sent.append(whole)
        if sent:
            verbatim["tool_calls"] = sent
        return AssistantTurn(_text(self._message.get("content")), tuple(calls), verbatim)

    def usage(self) -> Usage:
        """Return what was counted. `input_tokens` includes cached ones, as the endpoint's do."""
        prompt, written, total, cached, cache_written = (
            count_of(value) or 0 for value in self._counts()
        )
        cached = min(cached, prompt)
        return Usage(
            requests=1,
            input_tokens=prompt,
            # Some leave thinking out of what was written, and count it in the total.
            output_tokens=max(written, total - prompt),
            cache_read_tokens=cached,
            cache_write_tokens=min(cache_written, prompt - cached),
        )

    @property
    def counted(self) -> bool:
        """Whether `usage` counts this reply, as far as can be told.

        Some endpoints send no counts, zeros, or what are none.
        """
        if any(value is not None and count_of(value) is None for value in self._counts()):
            return False
        usage = self.usage()
        return usage.input_tokens > 0 and (usage.output_tokens > 0 or self.characters == 0)

    def _counts(self) -> tuple[Json, Json, Json, Json, Json]:
        """Return the counts as they were sent: read, written, both, from a cache, to one."""
        counts = self.counts or {}
        details = _object(counts.get("prompt_tokens_details"))
        cached = details.get("cached_tokens")
        return (
            counts.get("prompt_tokens", counts.get("input_tokens")),
            counts.get("completion_tokens", counts.get("output_tokens")),
            counts.get("total_tokens"),
            counts.get("prompt_cache_hit_tokens") if cached in (None, 0) else cached,
            details.get("cache_write_tokens"),
        )

    def _take(self, event: Fields) -> None:
        if event.get("error"):
            self.error = error_of(event) or {"message": words_of(event["error"])}
            return
        self.id = _word(event.get("id")) or self.id
        if _object(event.get("usage")):
            self.counts = _object(event["usage"])
        for choice in _objects(event.get("choices")):
            self._begun = True
            delta = _object(choice.get("delta"))
            self.characters += _length(delta)
            _merge(self._message, {k: v for k, v in delta.items() if k != "role"})
            reason = choice.get("finish_reason")
            if reason == "error":
                self.error = {"message": "no reason given"}
                if choice.get("error"):
                    self.error = error_of(choice) or self.error
            elif reason is not None:
                self.finish_reason = text_of(reason, MAX_NAME_CHARS)


def error_of(body: bytes | Fields) -> Fields:
    """Return the `error` object of an answer, empty if it has none."""
    found: Json = body
    if isinstance(body, bytes):
        try:
            found = _read(body)
        except ValueError:
            return {}
    fields = _object(found)
    inner = fields.get("error", fields)
    return {"message": inner} if isinstance(inner, str) else _object(inner)


def _merge(into: dict[str, Any], delta: Fields) -> None:
    """Add the pieces of a delta to what came before: text to text, calls by their index."""
    for key, value in delta.items():
        before = into.get(key)
        if value is None:
            continue
        if before is None:
            into[key] = _numbered([], value) if _is_numbered(value) else value
        elif isinstance(before, str) and isinstance(value, str) and key in _TEXTS:
            # What is longer than any reply that is kept is not gathered either.
            into[key] = before + value if len(before) <= MAX_CHARS else before
        elif isinstance(before, dict) and isinstance(value, dict):
            _merge(cast("dict[str, Any]", before), cast("Fields", value))
        elif isinstance(before, list) and isinstance(value, list):
            mine, new = cast("list[Any]", before), cast("list[Any]", value)
            numbered = _is_numbered(mine) and _is_numbered(new)
            into[key] = _numbered(mine, new) if numbered else [*mine, *new]
        else:
            into[key] = value


def _is_numbered(value: Json) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and isinstance(cast("Fields", one).get("index"), int)
        for one in cast("list[Any]", value)
    )


def _numbered(before: list[Any], delta: list[Any]) -> list[Any]:
    """Return the parts with the pieces of `delta` added, in the order of their index."""
    found = list(before)
    for one in delta:
        mine = [part for part in found if part["index"] == one["index"]]
        if mine and _continues(mine[-1], one):
            _merge(mine[-1], one)
        else:
            found.append(dict(one))
    return sorted(found, key=lambda part: part["index"])


def _continues(part: Fields, piece: Fields) -> bool:
    """Return whether `piece` belongs to `part`, which has its index.

    Google's endpoint gives all calls of a turn one index, and each an id of its own.
    """
    return not piece.get("id") or part.get("id") in {None, "", piece["id"]}


def _tool_call(call: Fields) -> ToolCall:
    function = _object(call.get("function"))
    written = function.get("arguments") or "{}"
    name = text_of(function.get("name"), MAX_NAME_CHARS)
    try:
        arguments = _read(written) if isinstance(written, str) else written
    except ValueError:
        return ToolCall(call["id"], name, {}, fault="its arguments are not JSON")
    if not isinstance(arguments, dict):
        return ToolCall(call["id"], name, {}, fault="its arguments are no JSON object")
    found = cast("dict[str, Json]", arguments)
    beyond = fault_of(found)
    if beyond is not None:
        return ToolCall(call["id"], name, {}, fault=f"its arguments are lost: {beyond}")
    return ToolCall(call["id"], name, plain(found))


def _event(data: str | bytes) -> Fields:
    """Read an object of the endpoint; what it has of numbers that are none is kept as text.

    One that is nested too deep to be read is passed over: what it says cannot be kept.

    Raises:
        ValueError: It is no JSON.
    """
    begun = data.lstrip()[:1] in {"{", b"{"}
    try:
        return _object(read_json(data) if begun else _read(data))
    except TooDeep:
        if begun:
            return {}
        raise


def _read(text: str | bytes) -> Json:
    """Read JSON, as strictly as it must be written again.

    Raises:
        ValueError: It is none.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _refuse(text: str) -> Json:
    raise ValueError(f"{text} is no number of JSON")


def _text(content: Json) -> str:
    """Return the visible text of a message, which may come as typed parts."""
    if isinstance(content, list):
        return "".join(_word(part.get("text")) for part in _objects(cast("Json", content)))
    return content if isinstance(content, str) else ""


def _length(delta: Fields) -> int:
    length = len(_text(delta.get("content")))
    for key in ("reasoning_content", "reasoning"):
        value = delta.get(key)
        length += len(value) if isinstance(value, str) else 0
    for call in _objects(delta.get("tool_calls")):
        arguments = _object(call.get("function")).get("arguments")
        length += len(arguments) if isinstance(arguments, str) else 0
    return length


def _object(value: Json) -> Fields:
    return cast("Fields", value) if isinstance(value, Mapping) else {}


def _objects(value: Json) -> list[Fields]:
    found = cast("list[Json]", value) if isinstance(value, list) else []
    return [cast("Fields", one) for one in found if isinstance(one, Mapping)]


def _word(value: Json) -> str:
    return value if isinstance(value, str) else ""
