"""The results of earlier explores, as a call that is shown them sees them.

A solver is shown none. The calls in other roles that a workflow plans see candidates and remarks as
JSON inside tags, so that nothing written in them can end the tag or pass for an instruction.
"""

from __future__ import annotations

from collections.abc import Sequence

from atlas_mcp.atlas.explore import Candidate, Remark
from atlas_mcp.atlas.state import RunState
from atlas_mcp.atlas.wording import candidate_data
from atlas_mcp.texts import as_data


def shown_text(state: RunState, numbers: Sequence[int]) -> str:
    """Return the candidates and the remarks of explores, one a line; failures are left out.

    Args:
        state: The run.
        numbers: The explores.
    """
    lines: list[str] = []
    for number in numbers:
        outcome = state.explores[number].outcome
        if isinstance(outcome, Candidate):
            seen = {
                "answer": outcome.answer,
                "approach": outcome.approach,
                "justification": outcome.reasoning,
            }
            lines.append(candidate_data(seen, answer_json=outcome.json))
        elif isinstance(outcome, Remark):
            lines.append(f"<feedback>{as_data(outcome.text)}</feedback>")
    return "\n".join(lines)
