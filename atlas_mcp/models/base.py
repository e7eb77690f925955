"""The seam to a language model: one verb and a close."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.usage import Charge

OnTokens: TypeAlias = Callable[[int], None]
"""Told, while a reply streams in, about how many output tokens have come so far. Never blocks."""

OnUsage: TypeAlias = Callable[[Charge], None]
"""Told what a call has consumed so far, as soon as the vendor says so. What an aborted call has
consumed is known from nothing else. Never blocks."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person who waits should know, and is not worth keeping.

    Attributes:
        text: In words.
        fraction: How much of it is done, 0 to 1; `None` where that is not known.
        cause: Why, in the words of an endpoint; empty for nothing of the kind.
    """

    text: str
    fraction: float | None = None
    cause: str = ""


OnNotice: TypeAlias = Callable[[Notice | None], None]
"""Told what a person who waits should know; `None` when it is over. Never blocks."""


class Model(Protocol):
    """A reachable language model. Safe for many calls at once on one event loop."""

    @property
    def name(self) -> str:
        """The model as `vendor/name`, as users write it."""
        ...

    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        """Make one call and return what came of it. One attempt: `atlas.calls` decides on another.

        Args:
            request: What to ask.
            on_tokens: Called as the reply grows.
            on_usage: Called when the vendor says what it has counted, before the reply ends.

        Returns:
            The reply, also where the model refused, was cut off at `max_tokens` or wrote what
            does not fit `request.schema`: those were paid for, and their usage counts.

        Raises:
            ModelUnavailable: The call may work later.
            ModelRejected: The same call would fail again.
        """
        ...

    async def aclose(self) -> None:
        """Release connections and memory. No call may follow."""
        ...
