"""What was decided and what went wrong, in a sentence each: the page, texts and lines take them.

Without the reason, which stands behind it in a form of its own. No full stop at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atlas_mcp.views.facts import explores_text
from atlas_mcp.views.page.course_shapes import Decider, DecisionKind, TroubleKind

TROUBLES: Mapping[TroubleKind, str] = {
    "failure": "failed",
    "retry": "failed and is made again",
    "refusal": "was refused",
}
"""What happened to a call."""

_STOPPED: Mapping[Decider, str] = {
    "user": "A person stops the run",
    "client": "The client stops the run",
    "rule": "The run stops",
}


def decision_sentence(
    kind: DecisionKind,
    by: Decider,
    *,
    turn: int | None = None,
    explore_ids: Sequence[int] = (),
) -> str:
    """Return a decision without its reason.

    Args:
        kind: Its kind.
        by: Who decided.
        turn: The orchestrator's turn.
        explore_ids: The explores that it led to, or kept from running.
    """
    orchestrator = f"The orchestrator{'' if turn is None else f' (turn {turn})'}"
    explores = explores_text(explore_ids)
    match kind, by:
        case "explored", "orchestrator":
            return f"{orchestrator} asks for {explores or 'explores that it cannot have'}"
        case "explored", "client":
            return f"The client asks for {explores or 'explores'}"
        case "sent_back", _:
            return f"{orchestrator} is sent back"
        case "synthesized", "orchestrator":
            return f"{orchestrator} stops and answers"
        case "stopped", "orchestrator":
            return f"{orchestrator} stops"
        case "stopped", _:
            return _STOPPED[by]
        case "resumed", _:
            return "The run is resumed"
        case "synthesized", _:
            return "The run ends with an answer"
        case "limit", _:
            return f"{explores.capitalize()} will not run" if explores else "A limit is reached"
        case _ if explores:
            return f"{explores.capitalize()} {'begins' if len(explore_ids) == 1 else 'begin'}"
        case "workflow", _:
            return "The workflow ends"
        case _:
            return "The run goes on"


def trouble_sentence(kind: TroubleKind, where: str) -> str:
    """Return what happened to a call, or what is lost, without its cause."""
    if kind == "loss":
        return f"Lost: {where}"
    return f"{where[:1].upper()}{where[1:]} {TROUBLES[kind]}"
