"""The kinds of endpoint of Chat Completions that the stand-in plays.

Data only. They follow the vendors' documentation of November 2026, as far as the adapter depends
on it; none was compared with the real endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from atlas_mcp.testing.replies import Quirk

API_KEY = "test-key"
"""The key that an endpoint takes by default."""

Body: TypeAlias = Mapping[str, Any]
"""A request body, decoded."""

Takes: TypeAlias = Literal["yes", "ignored", "no"]
"""Whether an endpoint supports a parameter, accepts and ignores it, or refuses it."""


@dataclass(frozen=True, slots=True)
class ChatEndpoint:
    """The parameters that one kind of endpoint takes, and the way it answers.

    Attributes:
        models: The models it has.
        api_key: The key that is right; `None` for an endpoint that asks for none.
        tools: Whether it takes tools.
        json_schema: Whether it takes a schema for the reply.
        json_object: Whether it takes JSON mode.
        images: Whether it takes pictures.
        strict_rules: Whether strict schemas must keep OpenAI's rules.
        schema_with_tools: Whether a reply may be given a shape where tools are offered.
        efforts: Values of `reasoning_effort`; `None` where it is taken and ignored.
        max_tokens_fields: The names it takes for the ceiling of a reply.
        max_tokens: The highest ceiling.
        stream_options: Whether a request must ask for the counts of a stream; other endpoints
            always send them, and refuse the parameter.
        sampling: Whether it takes `temperature` and `seed`.
        user_after_tool: Whether a user's message may follow a tool's directly.
        empty_assistant: Whether a message of the model may be empty.
        extra: Further parameters that it takes.
        reasoning_key: The key of a message that holds its thinking.
        reasoning_details: Whether a message holds thinking as signed parts too.
        reasoning_apart: Whether thinking is left out of `completion_tokens`.
        cache_hits: Whether cached tokens are counted as DeepSeek does.
        cache_minimum: Tokens of the shortest prefix that is cached.
        errors: The shape of error bodies.
        quirks: How all its replies depart from OpenAI's.
        any_model: Whether it takes any model name, and also none.
        counts_tokens: Whether it has a route that counts the tokens of a prompt.
        lists_models: Whether `GET /v1/models` is there.
        model_prefix: The prefix of the names in that list.
    """

    models: tuple[str, ...] = ("m",)
    api_key: str | None = API_KEY
    tools: Takes = "yes"
    json_schema: Takes = "yes"
    json_object: Takes = "yes"
    images: Takes = "yes"
    strict_rules: bool = False
    schema_with_tools: bool = True
    efforts: tuple[str, ...] | None = ()
    max_tokens_fields: frozenset[str] = frozenset({"max_tokens"})
    max_tokens: int = 128_000
    stream_options: bool = True
    sampling: bool = True
    user_after_tool: bool = True
    empty_assistant: bool = True
    extra: frozenset[str] = frozenset()
    reasoning_key: str = "reasoning_content"
    reasoning_details: bool = False
    reasoning_apart: bool = False
    cache_hits: bool = False
    cache_minimum: int = 1_024
    errors: Literal["openai", "flat", "detail", "list"] = "openai"
    quirks: frozenset[Quirk] = frozenset()
    any_model: bool = False
    counts_tokens: bool = False
    lists_models: bool = True
    model_prefix: str = ""


OPENAI = ChatEndpoint(
    strict_rules=True,
    efforts=("none", "minimal", "low", "medium", "high", "xhigh"),
    max_tokens_fields=frozenset({"max_completion_tokens"}),
    sampling=False,
)
"""https://platform.openai.com/docs/guides/structured-outputs, and the client library (3.57)."""

GOOGLE = ChatEndpoint(
    schema_with_tools=False,
    efforts=("low", "medium", "high"),
    errors="list",
    quirks=frozenset({"calls_at_one_index"}),
    model_prefix="models/",
)
"""https://ai.google.dev/gemini-api/docs/openai"""

XAI = ChatEndpoint(efforts=("low", "high"), reasoning_apart=True)
"""https://docs.x.ai/docs/guides/reasoning"""

DEEPSEEK = ChatEndpoint(json_schema="no", images="no", cache_hits=True)
"""https://api-docs.deepseek.com/guides/thinking_mode"""

MISTRAL = ChatEndpoint(
    stream_options=False,
    sampling=False,
    user_after_tool=False,
    empty_assistant=False,
    errors="flat",
)
"""https://docs.mistral.ai/api; the order of roles: https://github.com/zed-industries/zed/pull/31736"""

OPENROUTER = ChatEndpoint(
    efforts=("none", "minimal", "low", "medium", "high", "xhigh"),
    reasoning_key="reasoning",
    reasoning_details=True,
)
"""https://openrouter.ai/docs/use-cases/reasoning-tokens"""

LLAMA = ChatEndpoint(
    any_model=True,
    tools="no",
    images="no",
    extra=frozenset({"cache_prompt"}),
    counts_tokens=True,
    cache_minimum=0,
)
"""llama.cpp's server, for a model without tools and pictures."""

BARE = ChatEndpoint(
    api_key=None,
    tools="no",
    json_schema="no",
    json_object="no",
    images="no",
    sampling=False,
    lists_models=False,
)
"""The least that an endpoint can support: text in, text out."""

DEAF = replace(
    BARE, tools="ignored", json_schema="ignored", json_object="ignored", images="ignored"
)
"""Accepts every parameter, and ignores all but text."""
