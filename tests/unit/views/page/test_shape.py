"""The base of the shapes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from atlas_mcp.views.page.shape import Name, Shape


class Part(Shape):
    name: Name = "none"


def test_a_shape_cannot_be_changed_and_takes_no_other_fields() -> None:
    with pytest.raises(ValidationError):
        Part.model_validate({"other": 1})
    assert Part.model_config.get("frozen")


def test_a_field_with_a_default_is_always_there() -> None:
    assert Part.model_json_schema(mode="serialization")["required"] == ["name"]


def test_a_name_is_printable_whatever_gave_it() -> None:
    assert Part(name="\u202estop\x1b[2J").name == r"\u202estop\u001b[2J"
