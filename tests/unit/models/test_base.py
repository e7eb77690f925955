"""The seam to a model: the part of it that an adapter need not write."""

from __future__ import annotations

from typing_extensions import override

from atlas_mcp.atlas.messages import AssistantTurn, ModelRequest, Reply
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.models.base import Model, Notice, OnTokens, OnUsage


class Plain(Model):
    @property
    @override
    def name(self) -> str:
        return "maker/m"

    @override
    async def generate(
        self,
        request: ModelRequest,
        *,
        on_tokens: OnTokens | None = None,
        on_usage: OnUsage | None = None,
    ) -> Reply:
        return Reply(AssistantTurn("42"), "end", NO_CHARGE)

    @override
    async def aclose(self) -> None:
        pass


async def test_a_model_that_loads_nothing_tells_nobody_of_it() -> None:
    notices: list[Notice | None] = []

    await Plain().load(notices.append)

    assert notices == []


def test_a_notice_has_no_known_end_and_no_cause_unless_it_says_so() -> None:
    assert (Notice("loading").fraction, Notice("loading").cause) == (None, "")
