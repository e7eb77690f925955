"""The published schemas of the documents about several runs."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from atlas_mcp.views.page.lists import CompareDocument, RunsDocument, StatsDocument
from tests.support.published_schemas import check_published


@pytest.mark.parametrize(
    ("name", "document"),
    [("runs", RunsDocument), ("stats", StatsDocument), ("compare", CompareDocument)],
)
def test_the_published_schema_is_current(name: str, document: type[BaseModel]) -> None:
    check_published(name, document)
