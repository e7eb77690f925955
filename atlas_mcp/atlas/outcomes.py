"""The closed words for where a run stands and why it ended."""

from __future__ import annotations

from typing import Literal, TypeAlias

Status: TypeAlias = Literal["running", "answered", "cancelled", "interrupted", "failed"]
"""Where a run stands. Closed."""

StopReason: TypeAlias = Literal[
    "decided",
    "no_supported_answer",
    "max_explores",
    "max_cost",
    "deadline",
    "cancelled",
    "no_candidates",
    "error",
]
"""Why a run ended. Closed."""

NOBODY_DRIVES = "No process drives this run any more"
"""The message on an interrupted run. It is true however its process ended or is ending: at the end
of its input, by a signal, by a closed pipe, by a crash."""
