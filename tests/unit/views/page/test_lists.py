"""The documents about several runs, and their published schemas."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pydantic import BaseModel

from atlas_mcp.views.page.lists import CompareDocument, RunsDocument, StatsDocument

SCHEMAS = Path(__file__).parents[4] / "ui/schema"


@pytest.mark.parametrize(
    ("name", "document"),
    [("runs", RunsDocument), ("stats", StatsDocument), ("compare", CompareDocument)],
)
def test_the_published_schema_is_current(name: str, document: type[BaseModel]) -> None:
    schema = document.model_json_schema(mode="serialization")
    text = json.dumps(schema, indent=2) + "\n"
    path = SCHEMAS / f"{name}.schema.json"
    if os.environ.get("ATLAS_UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")

    assert path.read_text(encoding="utf-8") == text
