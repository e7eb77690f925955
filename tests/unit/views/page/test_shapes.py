"""The published schema of a page's document."""

from __future__ import annotations

from atlas_mcp.views.page.shapes import PageDocument
from tests.support.published_schemas import check_published


def test_the_published_schema_is_current() -> None:
    check_published("run", PageDocument)
