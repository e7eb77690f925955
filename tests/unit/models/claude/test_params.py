"""What a request becomes on its way to the Messages API."""

from __future__ import annotations

import json
from typing import Any

from anthropic import transform_schema

from atlas_mcp.atlas.messages import ModelRequest, Text, UserTurn
from atlas_mcp.models.claude.families import family_of
from atlas_mcp.models.claude.params import message_params

MODEL = "claude-sonnet-5-5"


def sent(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that the API is sent."""
    request = ModelRequest("", (UserTurn((Text("q"),)),), max_tokens=10, schema=schema)
    params = message_params(
        MODEL, family_of(MODEL), request, thinking="auto", transform_schema=transform_schema
    )
    return params["output_config"]["format"]["schema"]


def test_a_schema_of_several_types_says_of_each_what_binds_it() -> None:
    found = sent(
        {
            "type": ["object", "array", "null"],
            "description": "d",
            "properties": {"a": {"type": "string"}},
            "required": ["a"],
            "additionalProperties": False,
            "items": {"type": "integer"},
        }
    )

    an_object, a_list, nothing = found["anyOf"]
    assert an_object["properties"] == {"a": {"type": "string"}}
    assert a_list == {"type": "array", "items": {"type": "integer"}}
    assert nothing == {"type": "null"}


def test_types_given_at_every_level_make_a_schema_no_larger_than_its_levels() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(30):
        schema = {
            "type": ["object", "array", "null"],
            "properties": {"a": schema},
            "required": ["a"],
            "additionalProperties": False,
        }

    assert len(json.dumps(sent(schema))) < 10_000
