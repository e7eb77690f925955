"""The common part of models over HTTP: what they learn, and whose connection they close."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typing_extensions import override

from atlas_mcp.atlas.messages import AssistantTurn, ModelRequest, Reply, Text, UserTurn
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.errors import ModelRejected
from atlas_mcp.models.base import OnTokens, OnUsage
from atlas_mcp.models.endpoint import with_endpoint
from atlas_mcp.models.http_model import HttpModel
from atlas_mcp.models.traits import ALL_FEATURES, AcceptedFeatures, RefusedFeatures
from atlas_mcp.models.wire.connections import Route

ASK = ModelRequest(system="Solve it.", turns=(UserTurn((Text("q"),)),), max_tokens=1_000)
SPEC = ModelSpec("maker/m")


class Connection:
    """A connection that counts how often it is closed."""

    def __init__(self) -> None:
        self.route = Route(None, None, "https://api.example.com")
        self.learnt = RefusedFeatures()
        self.closed = 0

    async def aclose(self) -> None:
        self.closed += 1


class NoSystemRole(HttpModel[Connection]):
    """A model whose endpoint refuses system prompts."""

    def __init__(self, connection: Connection, *, owns_connection: bool = True) -> None:
        super().__init__(
            SPEC, connection, price=None, read_timeout=1, owns_connection=owns_connection
        )
        self.asked: list[AcceptedFeatures] = []

    @override
    async def call(
        self,
        request: ModelRequest,
        takes: AcceptedFeatures,
        *,
        on_tokens: OnTokens | None,
        on_usage: OnUsage | None,
    ) -> Reply:
        self.asked.append(takes)
        if takes.system_role:
            raise ModelRejected(self.name, "system role not supported", charge=NO_CHARGE)
        return Reply(AssistantTurn("a"), "end", NO_CHARGE)

    @override
    async def is_there(self) -> bool:
        return True


async def test_a_refused_feature_is_left_out_by_all_models_of_the_connection() -> None:
    connection = Connection()
    first, second = NoSystemRole(connection), NoSystemRole(connection)

    await first.generate(ASK)
    await second.generate(ASK)

    without = replace(ALL_FEATURES, system_role=False)
    assert first.asked == [ALL_FEATURES, without]
    assert second.asked == [without]


async def test_a_model_with_another_spec_shows_refusals_and_learns_nothing() -> None:
    connection = Connection()
    model = NoSystemRole(connection)
    probing = model.with_spec(with_endpoint(SPEC, echo_reasoning="never"))

    with pytest.raises(ModelRejected, match="system role"):
        await probing.generate(ASK)

    assert probing.takes == replace(ALL_FEATURES, echo_reasoning="never")
    assert model.takes == ALL_FEATURES
    await probing.aclose()
    assert connection.closed == 0


@pytest.mark.parametrize("owns", [True, False])
async def test_a_model_closes_only_a_connection_of_its_own(owns: bool) -> None:
    connection = Connection()

    await NoSystemRole(connection, owns_connection=owns).aclose()

    assert connection.closed == int(owns)
