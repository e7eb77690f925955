"""A request in the words of Chat Completions: only what an endpoint takes is sent to it."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from inline_snapshot import snapshot

from atlas_mcp.atlas.explore import candidate_schema
from atlas_mcp.atlas.messages import (
    EFFORTS,
    AssistantTurn,
    Effort,
    Image,
    ModelRequest,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    UserTurn,
)
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.orchestrator_schemas import synthesis_schema
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.feature_values import MaxTokensField
from atlas_mcp.models.chat.params import (
    SILENCE,
    chat_params,
    messages,
    nearest_effort,
    response_format,
    strict_schema,
)
from atlas_mcp.models.endpoint import with_endpoint
from atlas_mcp.testing.chat_endpoints import MISTRAL, OPENAI
from atlas_mcp.testing.chat_rules import refusal_of
from atlas_mcp.testing.chat_shapes import strict_fault
from tests.support.played_runs import a_run

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
EXPLORE = Tool("explore", "Send a solver.", {"type": "object", "properties": {}})
ASK = ModelRequest(system="Solve it.", turns=(UserTurn((Text("q"),)),), max_tokens=900)
BARE = ModelSpec("openai/m", schema_mode="prompt", tools=False, schema_with_tools=False)
FULL = ModelSpec("openai/m", efforts=EFFORTS, temperature=0.5)


def sent(spec: ModelSpec, request: ModelRequest, *, stream_usage: bool = True) -> dict[str, Any]:
    return chat_params(spec, request, stream_usage=stream_usage)


def said(*turns: Turn) -> list[dict[str, Any]]:
    return messages(replace(ASK, system="", turns=turns))


def test_a_bare_endpoint_is_sent_nothing_it_did_not_ask_for() -> None:
    everything = replace(ASK, schema=SCHEMA, effort="max", seed=5, temperature=0.9)

    assert sent(BARE, everything, stream_usage=False) == {
        "model": "m",
        "max_tokens": 900,
        "messages": [
            {"role": "system", "content": "Solve it."},
            {"role": "user", "content": "q"},
        ],
    }


def test_an_endpoint_that_takes_everything_is_sent_it() -> None:
    everything = replace(
        ASK, schema=SCHEMA, tools=(EXPLORE,), effort="high", seed=5, temperature=0.9
    )

    assert sent(FULL, everything) == snapshot(
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Solve it."},
                {"role": "user", "content": "q"},
            ],
            "max_tokens": 900,
            "stream_options": {"include_usage": True},
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "explore",
                        "description": "Send a solver.",
                        "parameters": {"type": "object", "properties": {}},
                    },
                }
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "reply",
                    "strict": True,
                    "schema": {
                        "type": "object",
                        "properties": {"a": {"type": "string"}},
                        "required": ["a"],
                        "additionalProperties": False,
                    },
                },
            },
            "reasoning_effort": "high",
            "temperature": 0.9,
            "seed": 5,
        }
    )


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_the_ceiling_goes_by_the_name_the_endpoint_has_for_it(field: MaxTokensField) -> None:
    params = sent(with_endpoint(BARE, max_tokens_field=field), ASK)

    assert {key: params[key] for key in params if key.startswith("max_")} == {field: 900}


def test_a_model_with_a_slash_in_its_name_keeps_it() -> None:
    assert sent(ModelSpec("openrouter/meta/llama"), ASK)["model"] == "meta/llama"


@pytest.mark.parametrize(
    ("wanted", "taken", "sent"),
    [
        ("high", ("low", "medium", "high"), "high"),
        ("max", ("low", "high"), "high"),
        ("medium", ("low", "high"), "low"),
        ("low", ("high", "max"), "high"),
        ("high", (), None),
    ],
)
def test_an_effort_that_is_not_taken_is_the_nearest_below_it_or_the_lowest(
    wanted: Effort, taken: tuple[Effort, ...], sent: Effort | None
) -> None:
    assert nearest_effort(wanted, taken) == sent
    assert nearest_effort(wanted, taken[::-1]) == sent, "the order of the list says nothing"


@pytest.mark.parametrize(
    ("mode", "with_tools", "tools", "kind"),
    [
        ("strict", True, True, "json_schema"),
        ("strict", False, True, None),
        ("strict", False, False, "json_schema"),
        ("json", False, False, "json_object"),
        ("json", False, True, None),
        ("prompt", True, False, None),
    ],
)
def test_a_shape_is_asked_for_in_the_way_and_company_the_endpoint_takes(
    mode: Any, with_tools: bool, tools: bool, kind: str | None
) -> None:
    spec = replace(FULL, schema_mode=mode, schema_with_tools=with_tools)
    request = replace(ASK, schema=SCHEMA, tools=(EXPLORE,) if tools else ())

    shape = response_format(spec, request)

    assert (shape and shape["type"]) == kind


def test_no_shape_is_asked_for_where_the_reply_is_free_text() -> None:
    assert response_format(FULL, ASK) is None


# Conversations


def test_answers_to_calls_come_first_and_what_follows_them_joins_the_last() -> None:
    """Some endpoints take no user's message right after a tool's."""
    turn = UserTurn((ToolResult("t1", "one"), ToolResult("t2", "two"), Text("3 left."), Text("")))

    assert said(turn) == [
        {"role": "tool", "tool_call_id": "t1", "content": "one"},
        {"role": "tool", "tool_call_id": "t2", "content": "two\n\n3 left."},
    ]


def test_pictures_go_as_data_or_as_addresses_in_their_order() -> None:
    turn = UserTurn((Image("image/png", "aGk="), Text("q"), Image(url="https://example.org/x.png")))

    assert said(turn) == [
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                {"type": "text", "text": "q"},
                {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}},
            ],
        }
    ]


def test_a_turn_goes_back_as_it_came_or_spelled_out_where_it_came_from_elsewhere() -> None:
    verbatim = {"role": "assistant", "content": "a", "reasoning_content": "b"}
    call = ToolCall("t1", "explore", {"strategy": "diréct"})

    assert said(AssistantTurn("a", verbatim=verbatim)) == [verbatim]
    [spelled] = said(AssistantTurn("a", (call,)))
    assert spelled["content"] == "a"
    assert json.loads(spelled["tool_calls"][0]["function"]["arguments"]) == {"strategy": "diréct"}


@pytest.mark.parametrize("verbatim", [None, {"role": "assistant", "content": "", "x": 1}])
def test_a_turn_without_a_word_is_not_sent_empty(verbatim: dict[str, Any] | None) -> None:
    """Mistral refuses an empty turn, and other servers two users in a row."""
    [message] = said(AssistantTurn("", verbatim=verbatim))

    assert message == {**(verbatim or {}), "role": "assistant", "content": SILENCE}


@pytest.mark.parametrize("endpoint", [OPENAI, MISTRAL], ids=["openai", "mistral"])
def test_a_conversation_keeps_the_order_of_roles_and_only_grows(endpoint: Any) -> None:
    call = ToolCall("t1", "explore", {})
    turns: tuple[Turn, ...] = (
        UserTurn((Text("q"), Text("Explore."))),
        AssistantTurn("", (call,)),
        UserTurn((ToolResult("t1", "It is 7."), Text("3 left."))),
        AssistantTurn(""),
        UserTurn((Text("Reply again."),)),
    )
    conversations = [messages(replace(ASK, turns=turns[:count])) for count in (1, 3, 5)]

    for shorter, longer in pairwise(conversations):
        assert longer[: len(shorter)] == shorter
    body = {"model": "m", "messages": conversations[-1]}
    assert refusal_of(body, {"authorization": "Bearer test-key"}, endpoint) is None


# Strict schemas


ANSWERS: list[dict[str, Any]] = [
    {"type": "integer", "minimum": 0},
    {"enum": ["a", "b"]},
    {"type": ["number", "null"]},
    {"type": "string", "maxLength": 5, "description": "A code."},
    {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}}},
    {"properties": {"x": {"type": ["object", "null"], "properties": {"z": {"const": 1}}}}},
    {"$ref": "#/$defs/point", "description": "Where.", "$defs": {"point": {"type": "integer"}}},
    {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "integer", "default": 3},
]


@pytest.mark.parametrize("answer", ANSWERS, ids=json.dumps)
def test_what_we_ask_of_models_keeps_the_rules_of_strict_schemas(answer: dict[str, Any]) -> None:
    asked = [
        candidate_schema(answer),
        synthesis_schema(Problem("q", answer_schema=answer), a_run()),
    ]
    for schema in asked:
        strict = strict_schema(schema)

        assert strict is not None
        assert strict_fault(strict) is None


def test_a_bound_strict_schemas_do_not_know_is_told_in_words() -> None:
    schema = {**SCHEMA, "properties": {"a": ANSWERS[3], "b": ANSWERS[4]}}

    strict = strict_schema(schema)

    assert strict is not None
    assert strict["properties"] == {
        "a": {"type": "string", "description": 'A code. {"maxLength": 5}'},
        "b": {
            "type": "array",
            "items": {"type": "string"},
            "description": '{"uniqueItems": true}',
        },
    }


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "array"},
        {"type": "array", "items": True},
        {"oneOf": [{"type": "string"}]},
        {"allOf": [{"type": "string"}]},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {}, "patternProperties": {"^x": {"type": "string"}}},
        {"$ref": "https://example.org/schema"},
    ],
    ids=json.dumps,
)
def test_a_schema_without_a_strict_form_is_sent_as_it_is(answer: dict[str, Any]) -> None:
    schema = candidate_schema(answer)

    assert strict_schema(schema) is None
    shape = response_format(FULL, replace(ASK, schema=schema))
    assert shape is not None
    assert (shape["json_schema"]["strict"], shape["json_schema"]["schema"]) == (False, schema)


def test_a_choice_at_the_top_has_no_strict_form() -> None:
    assert strict_schema({"anyOf": [SCHEMA]}) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]},
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/s", "maxLength": 3}},
            "$defs": {"s": {"type": "string"}},
        },
    ],
    ids=["what is required is not described", "bounds beside a reference"],
)
def test_a_schema_whose_strict_form_would_say_something_else_has_none(
    schema: dict[str, Any],
) -> None:
    assert strict_schema(schema) is None
