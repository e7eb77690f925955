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
"""What is said of an interrupted run. It holds whatever ended its process, or is ending it: the end
of the input, a signal, a pipe that nobody reads, a crash."""
