"""Why a reply ended, read from the reason that its endpoint gives.

Each vendor has a table of its own reasons. Gateways and servers use others; those are read word by
word, so that a failure does not pass for a whole reply and a filter counts as a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

from atlas_mcp.atlas.messages import ReplyEnd

Ending: TypeAlias = ReplyEnd | Literal["failed"]
"""Why a reply ended; `failed` where the endpoint gave up in the middle of it."""

# In this order: `content_filter_error` is a filter, `tool_use_failed` a failure. Sources: DeepSeek
# (`insufficient_system_resource`), Gemini (`SAFETY`, `RECITATION`, `MALFORMED_FUNCTION_CALL`),
# Zhipu (`sensitive`, `network_error`), Groq, vLLM (`abort`), Cohere (`COMPLETE`, `ERROR_TOXIC`),
# Bedrock (`guardrail_intervened`), Ollama (`load`, `unload`), llama.cpp (`eos`, `word`, `limit`);
# pages of the vendors and public reports (read 2026-11).
_MARKS: tuple[tuple[Ending, str], ...] = (
    (
        "refusal",
        "blocked blocklist censored filter filtered guardrail moderation policy prohibited "
        "flagged recitation refusal refused rejected risk safety sensitive spii toxic toxicity "
        "unsafe violation",
    ),
    (
        "failed",
        "abort aborted busy cancelled canceled connection crash crashed disconnect disconnected "
        "error exception fail failed failure fault internal interrupted load malformed network "
        "overload overloaded preempted quota rate reset resource terminated throttled throttling "
        "timeout unavailable unexpected unload",
    ),
    ("max_tokens", "exceeded length limit max maximum truncated window"),
    (
        "end",
        "call calls complete completed done end eos finish finished function functions stop "
        "stopped tool tools word",
    ),
)
"""The words that mark each ending in a reason; the first ending with a match wins."""

_WORDS: tuple[tuple[Ending, frozenset[str]], ...] = tuple(
    (ending, frozenset(words.split())) for ending, words in _MARKS
)


def ending_of(
    reason: str | None, known: Mapping[str, ReplyEnd], *, text: str, calls: bool
) -> Ending:
    """Return why a reply ended.

    Where no word of the reason is known, the reply decides: an empty reply has failed, and so has
    one that begins as JSON but does not end as JSON. Any other has been paid for, and is kept.

    Args:
        reason: The endpoint's reason, `None` or empty if it gave none.
        known: The reasons that its vendor documents, with their meaning.
        text: The text of the reply.
        calls: Whether the reply calls tools.
    """
    otherwise: ReplyEnd = "tool_calls" if calls else "end"
    if not reason:
        return otherwise
    if reason in known:
        return known[reason]
    ending = _told_by(reason)
    if ending == "end":
        return otherwise
    if ending is None:
        return otherwise if calls or _looks_whole(text) else "failed"
    return ending


def _looks_whole(text: str) -> bool:
    stripped = text.strip()
    return bool(stripped) and (
        not stripped.startswith(("{", "[", "`")) or stripped.endswith(("}", "]", "`"))
    )


def detail_of(reason: str | None, known: Mapping[str, ReplyEnd]) -> str:
    """Return a note to record for an undocumented reason; empty for documented or plain ones."""
    if not reason or reason in known:
        return ""
    ending = _told_by(reason)
    if ending is None:
        return f"it ended for a reason that is not known: {reason!r}"
    return "" if ending == "end" else f"it ended with {reason!r}"


def _told_by(reason: str) -> Ending | None:
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", reason).lower()))
    return next((ending for ending, telling in _WORDS if words & telling), None)
