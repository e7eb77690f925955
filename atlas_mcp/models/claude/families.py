"""The features that each family of Claude models accepts, as data.

Owns the facts that would otherwise cost a call to the Messages API at every start. Unknown ids get
the behaviour of the newest models.

As of 2026-11-23, collected second-hand from the models' migration guides
(https://platform.claude.com/docs/en/models/opus-5-5/migration-guide and its likes). The output
limit of Sonnet 4.6 is from https://platform.claude.com/docs/en/models/sonnet-4-6/overview. From
memory: the rows of Opus 4.5, Opus 4.7, Opus 4.8 and Sonnet 4.5, and `cache_minimum` of Opus 4.6 and
Sonnet 4.6. `image_px`: https://platform.claude.com/docs/en/build-with-claude/vision and reports of
the limits that Opus 4.7 raised, read 2026-11-25. Nothing here was tried on the real API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from atlas_mcp.atlas.messages import EFFORTS, Effort

ThinkingType: TypeAlias = Literal["adaptive", "enabled", "disabled", "between_tools"]
"""A `type` of the API's `thinking` parameter. `enabled` carries a token budget."""


@dataclass(frozen=True, slots=True)
class Family:
    """The features that one model id, and its dated forms, accept.

    Attributes:
        model: The id without a date.
        efforts: The accepted efforts, lowest first; empty if there are none.
        thinking: The accepted thinking types.
        disabled_up_to: The highest effort at which thinking may be disabled, if there is one.
        max_output: Most output tokens of one reply, thinking included.
        image_px: Pixels of the longer side of a picture; the API makes larger ones smaller.
        cache_minimum: Fewest tokens of a prefix that is cached.
        forced_tools: Whether `tool_choice` may force a tool.
        prefill: Whether the last message may be the assistant's.
        binds_thinking: Whether thinking is only accepted back after the very prefix it was
            written for.
    """

    model: str
    efforts: tuple[Effort, ...] = EFFORTS
    thinking: tuple[ThinkingType, ...] = ("adaptive",)
    disabled_up_to: Effort | None = None
    max_output: int = 128_000
    image_px: int = 2_576
    cache_minimum: int = 512
    forced_tools: bool = False
    prefill: bool = False
    binds_thinking: bool = True

    def nearest_effort(self, effort: Effort) -> Effort | None:
        """Return `effort`, or the nearest accepted one below it, else the lowest.

        `None` if the family has no efforts.
        """
        if not self.efforts or effort in self.efforts:
            return effort if self.efforts else None
        rank = EFFORTS.index(effort)
        known: list[Effort] = [one for one in self.efforts if EFFORTS.index(one) <= rank]
        return known[-1] if known else self.efforts[0]


CURRENT = Family(model="")
"""The strictest of the newest families, which stands in for every unknown id."""

_OPUS_4: tuple[ThinkingType, ...] = ("adaptive", "disabled")
_BUDGETED: tuple[ThinkingType, ...] = ("enabled", "disabled")

FAMILIES: tuple[Family, ...] = (
    Family("claude-fable-5-2"),
    Family("claude-mythos-5-2"),
    Family("claude-fable-5-1"),
    Family("claude-mythos-5-1"),
    Family("claude-opus-5-5"),
    Family("claude-sonnet-5-5", thinking=("adaptive", "between_tools")),
    Family("claude-haiku-5-5", thinking=("adaptive", "disabled"), forced_tools=True),
    Family(
        "claude-opus-5",
        thinking=("adaptive", "disabled"),
        disabled_up_to="high",
        forced_tools=True,
        binds_thinking=False,
    ),
    Family(
        "claude-sonnet-5",
        thinking=("adaptive", "disabled"),
        cache_minimum=1024,
        forced_tools=True,
        binds_thinking=False,
    ),
    Family(
        "claude-opus-4-8",
        thinking=_OPUS_4,
        cache_minimum=1024,
        forced_tools=True,
        binds_thinking=False,
    ),
    Family(
        "claude-opus-4-7",
        thinking=_OPUS_4,
        cache_minimum=4096,
        forced_tools=True,
        binds_thinking=False,
    ),
    Family(
        "claude-opus-4-6",
        efforts=("low", "medium", "high", "max"),
        thinking=("adaptive", "enabled", "disabled"),
        image_px=1_568,
        cache_minimum=4096,
        forced_tools=True,
        binds_thinking=False,
    ),
    Family(
        "claude-sonnet-4-6",
        efforts=("low", "medium", "high", "max"),
        thinking=("adaptive", "enabled", "disabled"),
        image_px=1_568,
        cache_minimum=2048,
        forced_tools=True,
        binds_thinking=False,
    ),
    Family(
        "claude-opus-4-5",
        efforts=("low", "medium", "high"),
        thinking=_BUDGETED,
        max_output=64_000,
        image_px=1_568,
        cache_minimum=4096,
        forced_tools=True,
        prefill=True,
        binds_thinking=False,
    ),
    Family(
        "claude-sonnet-4-5",
        efforts=(),
        thinking=_BUDGETED,
        max_output=64_000,
        image_px=1_568,
        cache_minimum=1024,
        forced_tools=True,
        prefill=True,
        binds_thinking=False,
    ),
    Family(
        "claude-haiku-4-5",
        efforts=(),
        thinking=_BUDGETED,
        max_output=64_000,
        image_px=1_568,
        cache_minimum=4096,
        forced_tools=True,
        prefill=True,
        binds_thinking=False,
    ),
)
"""The known families. Ids are exact or followed by a date, so their order does not matter."""


def known_family(model_id: str) -> Family | None:
    """Return the family of `model_id`, with or without a date; `None` if it is not known."""
    for family in FAMILIES:
        date = model_id.removeprefix(family.model)
        if model_id.startswith(family.model) and (not date or _is_date(date)):
            return family
    return None


def family_of(model_id: str) -> Family:
    """Return the family of `model_id`; for an unknown id that of the newest models."""
    return known_family(model_id) or CURRENT


def _is_date(suffix: str) -> bool:
    return len(suffix) == len("-20251001") and suffix[0] == "-" and suffix[1:].isdecimal()
