"""The closed words for the status of a run, the reason of its end, and the grounds of agreement."""

from __future__ import annotations

from typing import Literal, TypeAlias

Status: TypeAlias = Literal["running", "answered", "cancelled", "interrupted", "failed"]
"""The status of a run. Closed."""

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

Grounds: TypeAlias = Literal["rule", "judgement"]
"""Why candidates count as agreed: rules, or the orchestrator's judgement. Closed."""


def status_of(recorded: Status, *, driven: bool) -> Status:
    """Return the status of a run: one that goes on by its records, undriven, was interrupted.

    Args:
        recorded: The status by the records alone: `running` until the run has finished.
        driven: Whether some process carries out its commands.
    """
    return "interrupted" if recorded == "running" and not driven else recorded


NOBODY_DRIVES = "No process drives this run any more"
"""The message on an interrupted run. It is true however its process ended or is ending: at the end
of its input, by a signal, by a closed pipe, by a crash."""
