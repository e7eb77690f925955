"""Requests to a language model and its replies, in the terms of no vendor.

Owns the vocabulary of the one seam, `Model.generate(request) -> reply`. Turns are append-only
values: an adapter sends an assistant turn back exactly as it came (`AssistantTurn.verbatim`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from atlas_mcp.atlas.usage import Charge

Json: TypeAlias = Any
"""A JSON value, at the borders where its shape is not ours."""

Effort: TypeAlias = Literal["low", "medium", "high", "xhigh", "max"]
"""How hard one request tries. Closed; a model takes some of them, as its capabilities say."""

EFFORTS: tuple[Effort, ...] = get_args(Effort)

ReplyEnd: TypeAlias = Literal["end", "tool_calls", "max_tokens", "refusal", "too_long", "garbled"]
"""Why a reply ended: complete, calling tools, cut off at a limit of tokens, refused, longer than a
reply is kept, or finished and paid for but unreadable."""


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text. `cache` marks the end of a prefix that later requests share."""

    text: str
    cache: bool = False
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: either `data` (base64, with its `media_type`) or an https `url`."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    kind: Literal["image"] = "image"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The answer to one tool call of the turn before."""

    call_id: str
    text: str
    is_error: bool = False
    kind: Literal["tool_result"] = "tool_result"


Part: TypeAlias = Text | Image | ToolResult


@dataclass(frozen=True, slots=True)
class UserTurn:
    """Our turn: parts in order, with tool results first where there are any."""

    parts: tuple[Part, ...]
    role: Literal["user"] = "user"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call the model asks for.

    Attributes:
        id: The id that its result names.
        name: The tool.
        arguments: The arguments as the model wrote them, not validated.
        fault: Why they could not be read, `None` where they could.
    """

    id: str
    name: str
    arguments: Mapping[str, Json]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class AssistantTurn:
    """The model's turn.

    Attributes:
        text: The visible text, all text blocks joined; thinking is not in it.
        tool_calls: The calls it asks for, in its order.
        verbatim: The vendor's own message, to be returned unchanged; `None` where the vendor
            needs no more than `text` and `tool_calls`.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    verbatim: Json = None
    role: Literal["assistant"] = "assistant"


Turn: TypeAlias = UserTurn | AssistantTurn


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the model may call; `input_schema` is a JSON Schema object."""

    name: str
    description: str
    input_schema: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call to a model.

    Attributes:
        system: The system prompt.
        turns: The whole conversation, a user turn first and last.
        schema: JSON Schema of the text reply; `None` for free text.
        tools: Tools the model may call. It is never forced to.
        parallel_tool_calls: Whether it may call several tools in one turn.
        effort: How hard to try; `None` for the model's default. A model without efforts
            ignores it.
        max_tokens: Ceiling of the reply, thinking included.
        seed: For endpoints that sample; ignored elsewhere.
        temperature: For endpoints that sample; ignored elsewhere.
    """

    system: str
    turns: tuple[Turn, ...]
    max_tokens: int
    schema: Mapping[str, Json] | None = None
    tools: tuple[Tool, ...] = ()
    parallel_tool_calls: bool = True
    effort: Effort | None = None
    seed: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The model's turn, and the charge of the call.

    Attributes:
        turn: The model's turn.
        end: Why it ended.
        charge: The charge of the call.
        detail: The vendor's explanation of a refusal or a cut, the fault of a garbled reply, or the
            vendor's reason for an end of an unknown kind; empty otherwise.
        request_id: The vendor's id of the call.
    """

    turn: AssistantTurn
    end: ReplyEnd
    charge: Charge
    detail: str = ""
    request_id: str | None = None
