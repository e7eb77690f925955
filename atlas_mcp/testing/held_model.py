"""A model that answers at once, or once a test lets it."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio
from typing_extensions import override

from atlas_mcp.atlas.messages import ModelRequest, Reply
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.scripted.model import Says, Scripted
from atlas_mcp.testing.atlas_api import candidate_text, synthesis_text


def agreeing(request: ModelRequest) -> Says:
    """Play solvers that answer 42, and an orchestrator that takes that answer."""
    return Says(synthesis_text("42") if request.tools else candidate_text("42"))


@dataclass(slots=True)
class HeldModel(Scripted):
    """A `Scripted` whose calls can be held back.

    Attributes:
        arrived: The calls that have come so far.
    """

    arrived: int = 0
    _held: anyio.Event | None = field(init=False, default=None)
    _bell: anyio.Event = field(init=False, default_factory=anyio.Event)

    def hold(self) -> None:
        """Let calls wait from now on."""
        self._held = self._held or anyio.Event()

    def release(self) -> None:
        """Answer the calls that wait, and those to come."""
        if self._held is not None:
            self._held.set()
            self._held = None

    async def reach(self, count: int) -> None:
        """Return once that many calls have come."""
        while self.arrived < count:
            await self._bell.wait()

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        self.arrived += 1
        bell, self._bell = self._bell, anyio.Event()
        bell.set()
        if self._held is not None:
            await self._held.wait()
        # Named, since a class with slots is made anew: `super()` would look for the old one.
        return await Scripted.generate(self, request, on_tokens=on_tokens, on_usage=on_usage)
