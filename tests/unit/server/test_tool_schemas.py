"""The output schema of the tools."""

from __future__ import annotations

import json
from typing import Any, cast

from atlas_mcp.server.tool_schemas import result_schema
from atlas_mcp.views.run_view import (
    RunView,
)


def test_the_output_schema_is_small_and_says_what_is_always_there() -> None:
    schema = result_schema()

    assert len(json.dumps(schema)) < 2_400
    assert schema["required"] == ["run_id", "status", "usage", "elapsed_s"]
    assert set(schema["properties"]) == set(RunView.model_fields)
    assert "$ref" not in json.dumps(schema)
    candidate = cast("dict[str, Any]", schema["properties"]["candidates"]["items"])
    assert "usage" not in candidate["properties"]
