"""`RunView`: its words and its fields are closed. Source: the contract."""

from __future__ import annotations

from typing import get_args

import pytest

from atlas_mcp.atlas.outcomes import Status, StopReason
from atlas_mcp.views.run_view import RunView
from tests.unit.views.test_rendering import FIELDS


@pytest.mark.requirement("VIEW-2")
def test_the_words_for_status_and_stop_reason_are_the_contracts() -> None:
    assert set(get_args(Status)) == {"running", "answered", "cancelled", "interrupted", "failed"}
    assert set(get_args(StopReason)) == {
        "decided",
        "no_supported_answer",
        "max_explores",
        "max_cost",
        "deadline",
        "cancelled",
        "no_candidates",
        "error",
    }


@pytest.mark.requirement("VIEW-3")
def test_every_field_is_always_there_and_no_other_is_taken() -> None:
    schema = RunView.model_json_schema(mode="serialization")

    assert schema["required"] == FIELDS
    assert schema["additionalProperties"] is False
