"""The seam to a language model: `generate`, and how a model is loaded and closed.

Owns the interface that every adapter and every fake has. Never retries a call and never adds up
costs: callers do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.atlas.usage import Charge

OnTokens: TypeAlias = Callable[[int], None]
"""Called, while a reply streams in, with the estimated output tokens so far. Never blocks."""

OnUsage: TypeAlias = Callable[[Charge], None]
"""Called with the charge of a call so far, as soon as the vendor reports counts. The charge of an
aborted call is known from nothing else. Never blocks."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for a person who waits; it is shown and not recorded.

    Attributes:
        text: The message.
        fraction: The part of the work that is done, 0 to 1; `None` where that is not known.
        cause: The cause of the wait, quoted from an endpoint; empty where there is none.
    """

    text: str
    fraction: float | None = None
    cause: str = ""


OnNotice: TypeAlias = Callable[[Notice | None], None]
"""Called with each message for a person who waits, and with `None` when the wait is over. Never
blocks."""


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
        """Make one call and return its reply. One attempt: `atlas.calls` decides on another.

        Args:
            request: The request.
            on_tokens: Called as the reply grows.
            on_usage: Called when the vendor reports counts, before the reply ends.

        Returns:
            The reply, also where the model refused, was cut off at `max_tokens` or did not follow
            `request.schema`: such replies were paid for, and their usage counts.

        Raises:
            ModelUnavailable: The call may work later.
            ModelRejected: The same call would fail again.
        """
        ...

    async def load(self, on_notice: OnNotice) -> None:
        """Load the parts for which the first call would else wait. Most models have none.

        Args:
            on_notice: Called with messages while the loading takes time.

        Raises:
            ConfigError: The model's runtime is not installed.
            ModelError: The model cannot be loaded.
        """

    async def aclose(self) -> None:
        """Release connections and memory. No call may follow."""
        ...
