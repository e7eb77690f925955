"""The output schema of the tools."""

from __future__ import annotations

import json
from typing import Any, cast

from pydantic import TypeAdapter

from atlas_mcp.server.tool_schemas import compact_result
from atlas_mcp.views.run_view import RunView
from atlas_mcp.views.structures import RunResult


def test_the_output_schema_is_small_and_says_what_is_always_there() -> None:
    schema = compact_result(TypeAdapter(RunResult).json_schema())

    assert schema is not None
    assert len(json.dumps(schema)) < 2_950
    assert schema["required"] == ["run_id", "status", "usage", "elapsed_s"]
    assert set(schema["properties"]) == set(RunView.model_fields) - {"remarks"}
    assert "$ref" not in json.dumps(schema)
    candidate = cast("dict[str, Any]", schema["properties"]["candidates"]["items"])
    assert "usage" not in candidate["properties"]


def test_a_tool_without_a_structure_has_no_output_schema() -> None:
    assert compact_result(None) is None
