"""A reply of Chat Completions as it streams in, server-sent event by event.

Owns the sum of the pieces: the message with all fields that an endpoint may want to see again, the
tool calls, and the token counts. Does no I/O. Endpoints differ, so missing fields are tolerated and
unknown ones are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from atlas_mcp.atlas.arrived import MAX_TOOL_CALLS
from atlas_mcp.atlas.messages import AssistantTurn, Json, ReplyEnd, ToolCall
from atlas_mcp.atlas.storable import (
    MAX_NAME_CHARS,
    count_of,
    failure_text,
    read_json,
    text_of,
    unique_id,
)
from atlas_mcp.atlas.usage import Usage
from atlas_mcp.models.traits import REASONING
from atlas_mcp.models.wire.endings import Ending, detail_of, ending_of
from atlas_mcp.models.wire.json_events import Event
from atlas_mcp.models.wire.pieces import CALLS, Fields, Pieces
from atlas_mcp.models.wire.tool_arguments import arguments_of, sent_back

_ENDS: dict[str, ReplyEnd] = {
    "stop": "end",
    "length": "max_tokens",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refusal",
}


class ChatStream:
    """A reply as far as it has arrived.

    Attributes:
        id: The endpoint's id of the reply.
        characters: Characters written so far, thinking included.
        finish_reason: The endpoint's reason for the end; `None` before the end.
        counts: The endpoint's `usage`; `None` where it sent none.
        error: The error that the endpoint sent in the middle of the stream; `None` without one.
        unreadable: Why an event is not valid JSON; `None` where all are.
        ended: Whether the stream has sent its end mark.
    """

    def __init__(self) -> None:
        self.id: str | None = None
        self.characters = 0
        self.finish_reason: str | None = None
        self.counts: Fields | None = None
        self.error: Fields | None = None
        self.unreadable: str | None = None
        self.ended = False
        self._fault: str | None = None
        self._begun = False
        # Whether the model wrote anything, even if only the name of a call.
        self._wrote = False
        self._in_parts: bool | None = None
        self._message = Pieces()

    @property
    def complete(self) -> bool:
        """Whether choices, counts or a fault have come, and then an end without an error."""
        over = self.finish_reason is not None or self.ended
        begun = self._begun or self.counts is not None or self._fault is not None
        return self.error is None and begun and over

    @property
    def over(self) -> bool:
        """Whether the rest of the stream can be ignored."""
        return self.ended or self.error is not None

    @property
    def fault(self) -> str | None:
        """Why the reply cannot be understood, though it is finished; `None` if it can be."""
        if self._fault is not None or self.unreadable is not None:
            return self._fault or f"a part of it could not be read ({self.unreadable})"
        if self._message.full:
            return f"it makes more than {MAX_TOOL_CALLS:,} calls"
        return None if self._begun else "it holds no choices"

    def take(self, event: Event) -> None:
        """Take in one event. A fault or an error after a complete reply does not spoil it."""
        if self.over:
            return
        if event.what == "done":
            self.ended = True
        elif event.what == "data":
            self._read(event)
        elif not self.complete:
            if event.what == "error":
                text = cast("str", event.value)
                self.error = error_of(text.encode()) or {"message": text}
            else:
                self.unreadable = self.unreadable or event.fault

    def take_whole(self, event: Event) -> None:
        """Take in a reply that was not streamed."""
        found = _object(event.value)
        choices = [
            {**one, "delta": _apart(_object(one.get("message")))}
            for one in _objects(found.get("choices"))
        ]
        self.take(event._replace(value={**found, "choices": choices}))
        self.ended = event.what == "data"

    @property
    def end(self) -> ReplyEnd:
        """Why the reply ended."""
        if self.fault is not None:
            return "garbled"
        if self._message.get("refusal"):
            return "refusal"
        ending = self.ending
        return "garbled" if ending == "failed" else ending

    @property
    def ending(self) -> Ending:
        """Why the reply ended, by the endpoint's `finish_reason`."""
        called = bool(_objects(self._message.get(CALLS)))
        ending = ending_of(self.finish_reason, _ENDS, text=self.turn.text, calls=called)
        # Some endpoints send `stop` when the model calls tools.
        return "tool_calls" if ending == "end" and called else ending

    @property
    def detail(self) -> str:
        """The fault of the reply, an unusual reason for its end, or the endpoint's refusal.

        Empty for a plain reply.
        """
        if self.fault is not None:
            return self.fault
        refusal = self._message.get("refusal")
        if refusal:
            return failure_text(refusal)
        if self.finish_reason == "content_filter":
            return "the endpoint's content filter"
        return detail_of(self.finish_reason, _ENDS)

    @property
    def turn(self) -> AssistantTurn:
        """The model's turn, with the message as it must be sent back."""
        message = self._message.whole()
        verbatim: dict[str, Any] = {"role": "assistant", **message}
        verbatim.setdefault("content", "")
        verbatim.pop(CALLS, None)
        calls: dict[str, ToolCall] = {}
        sent: list[dict[str, Any]] = []
        for number, call in enumerate(_objects(message.get(CALLS))):
            whole = {key: value for key, value in call.items() if key != "index"}
            # Calls of endpoints that send an index but no id get ids.
            whole["id"] = name = unique_id(whole.get("id"), calls, number)
            whole.setdefault("type", "function")
            function = _object(whole.get("function"))
            if not function:
                # Some endpoints leave out the `function` level between a call and its name.
                function = {key: whole.pop(key) for key in ("name", "arguments") if key in whole}
            written = function.get("arguments")
            arguments, fault = arguments_of(written)
            tool = text_of(function.get("name"), MAX_NAME_CHARS)
            calls[name] = ToolCall(name, tool, arguments, fault)
            # Several servers parse the arguments that are sent back, and refuse invalid JSON.
            back = "{}" if fault is not None else sent_back(written, arguments)
            whole["function"] = {**function, "name": tool, "arguments": back}
            sent.append(whole)
        if sent:
            verbatim[CALLS] = sent
        text = _text(message.get("content"))
        if not text.strip() and not calls:
            # Where a server's grammar applies to the thinking too, the answer may be in there.
            text = next((one for one in _thoughts(message) if "{" in one), text)
        return AssistantTurn(text, tuple(calls.values()), verbatim)

    def usage(self) -> Usage:
        """Return the usage. `input_tokens` includes cached ones, as the endpoint's counts do."""
        prompt, written, total, cached, cache_written = (
            count_of(value) or 0 for value in self._counts()
        )
        cached = min(cached, prompt)
        return Usage(
            requests=1,
            input_tokens=prompt,
            # Some endpoints count thinking in the total, but not in the output tokens.
            output_tokens=max(written, total - prompt),
            cache_read_tokens=cached,
            cache_write_tokens=min(cache_written, prompt - cached),
        )

    @property
    def counted(self) -> bool:
        """Whether `usage` counts this reply, as far as can be told.

        Some endpoints send no counts, zeros, or values that are not counts.
        """
        if any(value is not None and count_of(value) is None for value in self._counts()):
            return False
        usage = self.usage()
        return usage.input_tokens > 0 and (usage.output_tokens > 0 or not self._wrote)

    def _counts(self) -> tuple[Json, Json, Json, Json, Json]:
        """Return the counts as sent: input, output, total, read from and written to a cache."""
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

    def _read(self, read: Event) -> None:
        event = _object(read.value)
        if event.get("error"):
            if not self.complete:
                self.error = error_of(event) or {"message": failure_text(event["error"])}
            return
        if (failed := _failed_in(event)) and not self.complete:
            self.error = failed
            return
        if read.fault is not None and not self.complete:
            self._fault = self._fault or read.fault
        self.id = _word(event.get("id")) or self.id
        if _object(event.get("usage")):
            self.counts = _object(event["usage"])
        for choice in _objects(event.get("choices")):
            self._begun = True
            self._extend(self._new_in(choice))
            reason = choice.get("finish_reason")
            if reason == "error":
                self.error = {"message": "no reason given"}
                if choice.get("error"):
                    self.error = error_of(choice) or self.error
            elif reason:
                self.finish_reason = text_of(reason, MAX_NAME_CHARS)

    def _new_in(self, choice: Fields) -> Fields:
        """Return the new part of the message in a choice: a piece, or all of it at the end."""
        delta = _object(choice.get("delta"))
        whole = _object(choice.get("message"))
        if whole and not any(value for key, value in delta.items() if key != "role"):
            known = self._message.whole()
            return {key: one for key, one in _apart(whole).items() if not known.get(key)}
        text = choice.get("text")
        return {**delta, "content": text} if isinstance(text, str) and not delta else delta

    def _extend(self, delta: Fields) -> None:
        content: Json = _content(delta.get("content"))
        # Content continues in the form in which it began: as text, or as typed parts.
        if isinstance(content, list) and self._in_parts is False:
            content = _text(cast("Json", content))
        elif content and isinstance(content, str) and self._in_parts:
            content = [{"type": "text", "text": content}]
        elif content:
            self._in_parts = isinstance(content, list)
        whole: Fields = {**_in_calls(delta), "content": content}
        self.characters += _length(whole)
        fields = {key: value for key, value in whole.items() if key != "role"}
        self._wrote = self._wrote or any(fields.values())
        self._message.add(fields)


_MINIMAX = {1004: "invalid_api_key", 1008: "insufficient_balance", 2049: "invalid_api_key"}
"""Some of MiniMax's error codes, as the error types of other vendors. Source: MiniMax's page of
error codes and public reports (read 2026-11)."""


def _failed_in(event: Fields) -> Fields:
    """Return the error in a reply of MiniMax, which is sent with status 200; empty if none."""
    status = _object(event.get("base_resp"))
    code = status.get("status_code")
    if not code or _objects(event.get("choices")):
        return {}
    known = _MINIMAX.get(code) if isinstance(code, int) else None
    return {"message": f"{text_of(status.get('status_msg'))} ({text_of(code)})", "type": known}


def error_of(body: bytes | Fields) -> Fields:
    """Return the `error` object of an answer, empty if it has none."""
    found: Json = body
    if isinstance(body, bytes):
        try:
            found = read_json(body)
        except ValueError:
            return {}
    fields = _object(found)
    inner = fields.get("error", fields)
    return {"message": inner} if isinstance(inner, str) else _object(inner)


def _apart(message: Fields) -> Fields:
    """Return a whole message with an index in each call, so that the calls stay separate."""
    calls = _objects(message.get(CALLS))
    numbered = [{**call, "index": number} for number, call in enumerate(calls)]
    return {**message, CALLS: numbered} if calls else message


def _in_calls(delta: Fields) -> Fields:
    """Return a piece of a message with its calls as a list, in whichever form they were sent.

    `function_call` is the older field, for one call. Some endpoints send a single call without a
    list.
    """
    calls, legacy = delta.get(CALLS), _object(delta.get("function_call"))
    rest = {key: value for key, value in delta.items() if key != "function_call"}
    if isinstance(calls, Mapping):
        return {**rest, CALLS: [calls]}
    return {**rest, CALLS: [{"function": legacy}]} if legacy and not calls else rest


def _content(content: Json) -> Json:
    """Return a piece of a message's content as text or as typed parts.

    Any other value is kept as a text of JSON, since it may be the answer.
    """
    if content is None or content == {} or isinstance(content, str):
        return content or None
    if isinstance(content, list):
        parts = cast("list[Json]", content)
        if all(isinstance(part, Mapping) and {"type", "text"} & part.keys() for part in parts):
            return parts
        if all(isinstance(part, str) for part in parts):
            return "".join(parts)
        return text_of(parts)
    alone = _object(content)
    is_part = isinstance(alone.get("text"), str) and alone.keys() <= {"type", "text"}
    return [alone] if is_part else text_of(content)


def _text(content: Json) -> str:
    """Return the visible text of a message, which may come as typed parts."""
    if isinstance(content, list):
        return "".join(_word(part.get("text")) for part in _objects(cast("Json", content)))
    return content if isinstance(content, str) else ""


def _thoughts(message: Fields) -> list[str]:
    """Return the texts of thinking in a message, or in a piece of one."""
    return [_word(message.get(key)) for key in REASONING]


def _length(delta: Fields) -> int:
    length = len(_text(delta.get("content"))) + sum(map(len, _thoughts(delta)))
    for call in _objects(delta.get("tool_calls")):
        arguments = _object(call.get("function")).get("arguments")
        length += len(arguments) if isinstance(arguments, str) else 0
    return length


def _object(value: Json) -> Fields:
    return cast("Fields", value) if isinstance(value, dict) else {}


def _objects(value: Json) -> list[Fields]:
    found = cast("list[Json]", value) if isinstance(value, list) else []
    return [cast("Fields", one) for one in found if isinstance(one, dict)]


def _word(value: Json) -> str:
    return value if isinstance(value, str) else ""
