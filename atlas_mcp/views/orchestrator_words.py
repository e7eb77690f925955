"""What the orchestrator said in a turn, beside its calls and the fields of its answer."""

from __future__ import annotations

from atlas_mcp.atlas.events import OrchestratorReplied
from atlas_mcp.atlas.run_facts import OrchestratorTurn
from atlas_mcp.atlas.written_json import read_object, without_thinking

LONGEST_READ = 200_000
"""Characters of a reply that are looked through for words; longer ones are absurd."""


def words_of(reply: str) -> str:
    """Return the words in a reply: its text, or the assessment or explanation in its JSON."""
    text = without_thinking(reply[:LONGEST_READ]).strip()
    found = read_object(text, ()) if "{" in text else text
    if isinstance(found, dict):
        said = found.get("assessment") or found.get("explanation")
        return said if isinstance(said, str) else ""
    return text


def words_in(turn: OrchestratorTurn) -> str:
    """Return the words of a turn; empty before its reply, and where it said none."""
    replied = turn.reply
    return words_of(replied.reply.text) if isinstance(replied, OrchestratorReplied) else ""
