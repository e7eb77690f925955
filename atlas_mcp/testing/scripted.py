"""A scripted model that keeps its requests, for tests to inspect."""

from __future__ import annotations

from dataclasses import dataclass, field

from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.scripted.model import Scripted


@dataclass
class Recording(Scripted):
    """A `Scripted` that keeps every request for its own lifetime.

    Attributes:
        requests: Every request it was sent, in order.
    """

    requests: list[ModelRequest] = field(default_factory=list[ModelRequest])

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        self.requests.append(request)
        return await super().generate(request, on_tokens=on_tokens, on_usage=on_usage)
