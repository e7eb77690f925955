"""The schemas of documents, which the page's types are made from."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import BaseModel

UPDATE = "ATLAS_UPDATE_SNAPSHOTS"
SCHEMAS = Path(__file__).parents[2] / "ui" / "schema"


def check_published(name: str, document: type[BaseModel]) -> None:
    """Fail unless the published schema of a document is current and has all fields always."""
    schema = document.model_json_schema(mode="serialization")
    made = json.dumps(schema, indent=2) + "\n"
    path = SCHEMAS / f"{name}.schema.json"
    if os.environ.get(UPDATE):
        path.write_text(made, encoding="utf-8", newline="\n")

    assert path.read_text(encoding="utf-8") == made, f"run this test once with {UPDATE}=1"
    for part in (schema, *schema["$defs"].values()):
        assert set(part["required"]) == set(part["properties"])
