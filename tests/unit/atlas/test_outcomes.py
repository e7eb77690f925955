"""The words for where a run stands are those of the contract (the contract)."""

from __future__ import annotations

from typing import get_args

from atlas_mcp.atlas.outcomes import Status, StopReason


def test_the_words_are_those_that_clients_know() -> None:
    assert get_args(Status) == ("running", "answered", "cancelled", "interrupted", "failed")
    assert get_args(StopReason) == (
        "decided",
        "no_supported_answer",
        "max_explores",
        "max_cost",
        "deadline",
        "cancelled",
        "no_candidates",
        "error",
    )
