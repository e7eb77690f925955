"""The published schema of a page's document."""

from __future__ import annotations

import json
import os
from pathlib import Path

from atlas_mcp.views.page.shapes import PageDocument

UPDATE = "ATLAS_UPDATE_SNAPSHOTS"
SCHEMA = Path(__file__).parents[4] / "ui" / "schema" / "run.schema.json"


def test_the_published_schema_is_current() -> None:
    schema = PageDocument.model_json_schema(mode="serialization")
    made = json.dumps(schema, indent=2) + "\n"
    if os.environ.get(UPDATE):
        SCHEMA.write_text(made, encoding="utf-8", newline="\n")

    assert SCHEMA.read_text(encoding="utf-8") == made, f"run this test once with {UPDATE}=1"


def test_every_field_of_a_document_is_always_there() -> None:
    schema = PageDocument.model_json_schema(mode="serialization")
    parts = [schema, *schema["$defs"].values()]

    assert all(set(part["required"]) == set(part["properties"]) for part in parts)
