"""The time line in JSON."""

from __future__ import annotations

from atlas_mcp.views.page.course_shapes import Timeline


def test_a_beginning_is_called_from_in_json() -> None:
    assert Timeline(start=1.0, to=2.0, lanes=[]).model_dump() == {
        "from": 1.0,
        "to": 2.0,
        "lanes": [],
    }
