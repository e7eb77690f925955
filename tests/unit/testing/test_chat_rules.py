"""What the stand-in of Chat Completions refuses, kind by kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from atlas_mcp.testing.chat_endpoints import (
    API_KEY,
    BARE,
    DEAF,
    DEEPSEEK,
    GOOGLE,
    MISTRAL,
    OPENAI,
    ChatEndpoint,
)
from atlas_mcp.testing.chat_errors import error_body
from atlas_mcp.testing.chat_rules import refusal_of, seen_by_model
from atlas_mcp.testing.chat_shapes import instance, strict_fault, unheld
from atlas_mcp.testing.replies import ApiReply, truncated

HEADERS = {"authorization": f"Bearer {API_KEY}"}
TOOL = {"type": "function", "function": {"name": "explore", "parameters": {"type": "object"}}}
CALL = {"id": "t1", "type": "function", "function": {"name": "explore", "arguments": "{}"}}
CALLS = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "t1", "content": "r"}
USER = {"role": "user", "content": "q"}
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
OBJECT = {"type": "json_object"}


def schema(inner: dict[str, Any], *, strict: bool = True) -> dict[str, Any]:
    shape = {"name": "reply", "strict": strict, "schema": inner}
    return {"type": "json_schema", "json_schema": shape}


def properties(**inner: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": inner,
        "required": list(inner),
        "additionalProperties": False,
    }


def picture(url: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{**PNG, "image_url": {"url": url}}]}]}


def refused(endpoint: ChatEndpoint, *, headers: Any = HEADERS, **changes: Any) -> Any:
    body = {"model": "m", "messages": [USER], **changes}
    return refusal_of(body, headers, endpoint)


def turns(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(messages)}


REFUSED: list[tuple[ChatEndpoint, dict[str, Any], str]] = [
    (OPENAI, {"surprise": 1}, "surprise"),
    (OPENAI, {"max_tokens": 5}, "'max_completion_tokens' instead"),
    (DEEPSEEK, {"max_completion_tokens": 5}, "'max_tokens' instead"),
    (OPENAI, {"max_completion_tokens": 0}, "at least 1"),
    (OPENAI, {"max_completion_tokens": 128_001}, "too large"),
    (OPENAI, {"temperature": 1}, "temperature"),
    (OPENAI, {"reasoning_effort": "huge"}, "'huge'"),
    (DEEPSEEK, {"reasoning_effort": "low"}, "reasoning_effort"),
    (OPENAI, {"stream_options": {"include_usage": True}}, "'stream' is enabled"),
    (MISTRAL, {"stream": True, "stream_options": {}}, "stream_options"),
    (BARE, {"tools": [TOOL]}, "tools"),
    (OPENAI, {"tools": []}, "empty array"),
    (OPENAI, {"tools": [{**TOOL, "type": "retrieval"}]}, "'function'"),
    (OPENAI, {"tools": [{"type": "function", "function": {"name": "a b"}}]}, "pattern"),
    (
        OPENAI,
        {"tools": [{"type": "function", "function": {"name": "a", "parameters": {}}}]},
        "type 'object'",
    ),
    (OPENAI, {"tool_choice": "auto"}, "'tools' are specified"),
    (BARE, {"response_format": OBJECT}, "response_format"),
    (OPENAI, {"response_format": OBJECT}, "must contain the word 'json'"),
    (OPENAI, {"response_format": {"type": "xml"}}, "'xml'"),
    (DEEPSEEK, {"response_format": schema(properties())}, "'json_schema'"),
    (GOOGLE, {"tools": [TOOL], "response_format": schema(properties())}, "unsupported"),
    (OPENAI, {"response_format": schema({"type": "object"})}, "additionalProperties"),
    (OPENAI, {"response_format": schema({"anyOf": []})}, 'type: "object"'),
    (
        OPENAI,
        {"response_format": schema({**properties(a={"type": "string"}), "required": []})},
        "Missing 'a'",
    ),
    (
        OPENAI,
        {"response_format": schema(properties(a={"type": "string", "maxLength": 3}))},
        "'maxLength' is not permitted",
    ),
    (OPENAI, {"response_format": schema(properties(a={}))}, "must have a 'type' key"),
    (OPENAI, {"response_format": schema(properties(a={"type": "array"}))}, "missing items"),
    (
        OPENAI,
        {"response_format": schema(properties(a={"$ref": "#", "title": "x"}))},
        "$ref cannot have keywords",
    ),
    (OPENAI, {"messages": []}, "empty array"),
    (OPENAI, turns({"role": "robot", "content": "a"}), "'robot'"),
    (OPENAI, turns({**USER, "cache": True}), "'cache' was unexpected"),
    (OPENAI, turns({"role": "user", "content": []}), "array of objects"),
    (OPENAI, turns({"role": "user"}), "malformed"),
    (OPENAI, turns(USER, {"role": "assistant"}, USER), "got null"),
    (OPENAI, turns(USER, {**CALLS, "tool_calls": []}, USER), "too short"),
    (OPENAI, turns(USER, {**CALLS, "tool_calls": [{**CALL, "id": ""}]}, RESULT), "an id"),
    (OPENAI, turns(USER, {**CALLS, "tool_calls": [{**CALL, "index": 0}]}, RESULT), "no more"),
    (
        OPENAI,
        turns(USER, {**CALLS, "tool_calls": [{**CALL, "function": {"arguments": "{"}}]}, RESULT),
        "JSON object",
    ),
    (OPENAI, turns(USER, {**CALLS, "tool_calls": [CALL, CALL]}, RESULT), "Duplicate"),
    (OPENAI, turns(USER, CALLS, USER), "did not have response messages: t1"),
    (OPENAI, turns(USER, CALLS), "did not have response messages"),
    (OPENAI, turns(USER, RESULT), "must be a response"),
    (OPENAI, turns(USER, CALLS, RESULT, RESULT), "must be a response"),
    (OPENAI, turns(USER, {"role": "assistant", "content": "a"}), "Expected last role"),
    (MISTRAL, turns(USER, CALLS, RESULT, USER), "'user' after role 'tool'"),
    (MISTRAL, turns(USER, {"role": "assistant", "content": ""}, USER), "must have either"),
    (BARE, turns({"role": "user", "content": [PNG]}), "image input is not supported"),
    (OPENAI, turns({"role": "system", "content": [PNG]}, USER), "'image_url'"),
    (OPENAI, picture("http://example.org/x.png"), "data URL or an https URL"),
    (OPENAI, picture("data:image/bmp;base64,aGk="), "data URL or an https URL"),
    (OPENAI, picture("data:image/png;base64,a-k="), "not base64"),
]


@pytest.mark.parametrize(("endpoint", "changes", "words"), REFUSED)
def test_what_an_endpoint_does_not_take_is_refused(
    endpoint: ChatEndpoint, changes: dict[str, Any], words: str
) -> None:
    answer = refused(endpoint, **changes)

    assert answer is not None
    assert answer.status == 400
    assert words in answer.message


@pytest.mark.parametrize(
    ("endpoint", "changes"),
    [
        (OPENAI, {"max_completion_tokens": 5, "reasoning_effort": "high", "tools": [TOOL]}),
        (OPENAI, {"response_format": schema(properties(a={"type": "string"}))}),
        (OPENAI, {"response_format": schema({"anyOf": [{"type": "object"}]}, strict=False)}),
        (GOOGLE, {"response_format": schema({"type": "object"})}),
        (DEEPSEEK, {"response_format": OBJECT, **turns({**USER, "content": "JSON!"})}),
        (OPENAI, turns(USER, CALLS, RESULT, USER)),
        (MISTRAL, turns(USER, CALLS, RESULT)),
        (OPENAI, picture("https://example.org/x.png")),
        (OPENAI, turns({"role": "user", "content": [PNG, {"type": "text", "text": "q"}]})),
        (BARE, {"max_tokens": 5, "stream": True, "stream_options": {"include_usage": True}}),
        (DEAF, {"tools": [TOOL], "response_format": OBJECT, **turns({**USER, "content": "json"})}),
    ],
)
def test_what_an_endpoint_takes_is_taken(endpoint: ChatEndpoint, changes: dict[str, Any]) -> None:
    assert refused(endpoint, **changes) is None


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, None), ({"authorization": "Bearer wrong"}, "invalid_api_key")],
)
def test_a_missing_or_wrong_key_is_refused_where_one_is_asked_for(
    headers: dict[str, str], code: str | None
) -> None:
    answer = refused(OPENAI, headers=headers)

    assert (answer.status, answer.code) == (401, code)
    assert refused(BARE, headers=headers) is None


def test_an_unknown_model_is_not_found() -> None:
    answer = refused(OPENAI, model="other")

    assert (answer.status, answer.code) == (404, "model_not_found")


@pytest.mark.parametrize("body", [[], "x", None])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    assert refusal_of(body, HEADERS, OPENAI) is not None


def test_errors_have_the_shape_of_their_vendor() -> None:
    answer = refused(OPENAI, surprise=1)

    def shape(errors: Any) -> Any:
        return error_body(answer, replace(OPENAI, errors=errors))

    assert shape("openai") == {
        "error": {
            "message": "Unrecognized request argument supplied: surprise",
            "type": "invalid_request_error",
            "param": "surprise",
            "code": None,
        }
    }
    assert shape("flat")["message"] == answer.message
    assert shape("list")[0]["error"]["message"] == answer.message
    assert shape("detail") == {"detail": answer.message}


def test_a_model_sees_nothing_of_what_its_endpoint_ignores() -> None:
    content = [PNG, {"type": "text", "text": "q"}]
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": content}],
        "tools": [TOOL],
        "response_format": OBJECT,
    }

    assert seen_by_model(body, OPENAI) == body
    assert seen_by_model(body, DEAF) == {
        "model": "m",
        "messages": [{"role": "user", "content": content[1:]}],
    }


def test_a_script_that_breaks_the_shape_that_is_held_is_told() -> None:
    body = {"response_format": schema(properties(a={"type": "integer"}))}

    assert unheld(body, ApiReply(text='{"a": 1}')) is None
    assert unheld(body, truncated('{"a": ')) is None
    assert "is not JSON" in str(unheld(body, ApiReply(text="prose")))
    assert "integer" in str(unheld(body, ApiReply(text='{"a": "b"}')))
    assert unheld({}, ApiReply(text="prose")) is None


def test_a_value_is_made_that_fits_a_schema() -> None:
    shape = properties(
        a={"type": "integer", "minimum": 3},
        b={"anyOf": [{"type": "null"}, {"type": "string"}]},
        c={"type": "array", "items": {"enum": ["x", "y"]}},
        d={"const": 4},
        e={"$ref": "#/$defs/e"},
        f={"type": ["boolean", "null"]},
    ) | {"$defs": {"e": {"type": "string"}}}

    assert instance(shape) == {
        "a": 3,
        "b": None,
        "c": ["x"],
        "d": 4,
        "e": "A scripted answer.",
        "f": True,
    }
    assert strict_fault(shape) is None
