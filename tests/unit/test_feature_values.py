"""The closed sets of values are those that the configuration takes and the records hold."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.feature_values import IMAGE_TYPES, EchoReasoning, MaxTokensField, SchemaMode


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("schema", get_args(SchemaMode)),
        ("max_tokens_field", get_args(MaxTokensField)),
        ("echo_reasoning", get_args(EchoReasoning)),
    ],
)
def test_an_entry_takes_every_value_of_a_feature_and_no_other(
    key: str, values: tuple[str, ...]
) -> None:
    for value in values:
        assert value in EndpointSettings.model_validate({key: value}).model_dump().values()
    with pytest.raises(ValidationError, match=values[0]):
        EndpointSettings.model_validate({key: "other"})


def test_a_model_sees_all_kinds_of_pictures_unless_its_vendor_says_otherwise() -> None:
    assert ModelSpec("maker/m").image_types == IMAGE_TYPES
