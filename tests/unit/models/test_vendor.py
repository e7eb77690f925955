"""A vendor has five verbs; all else has defaults."""

from __future__ import annotations

from pathlib import Path

from typing_extensions import override

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.scripted.model import Says, Scripted
from atlas_mcp.models.vendor import READY, Connected, Vendor


class Plain(Vendor):
    """A vendor with the verbs that have no default."""

    @override
    def spec(self, model: str, entry: EndpointSettings) -> ModelSpec:
        return ModelSpec(model)

    @override
    def missing(self, spec: ModelSpec) -> str | None:
        return None if spec.model == "maker/m" else "no key: set MAKER_KEY"

    @override
    def connect(self, spec: ModelSpec) -> Connected:
        return Connected(Scripted(lambda _: Says("yes")), spec.model, spec.model, None)


def vendor(home: Path) -> Plain:
    return Plain(Settings(home=home))


def test_a_model_is_ready_unless_something_is_missing(tmp_path: Path) -> None:
    assert vendor(tmp_path).readiness(ModelSpec("maker/m")) == READY
    assert vendor(tmp_path).readiness(ModelSpec("maker/x")) == "no key: set MAKER_KEY"


async def test_a_vendor_of_fixed_models_offers_none_asks_nothing_and_holds_nothing(
    tmp_path: Path,
) -> None:
    plain, spec = vendor(tmp_path), ModelSpec("maker/m")

    await plain.look_up(["maker/m"])
    await plain.prepare(spec, lambda _: None)
    await plain.close_idle()
    await plain.aclose()

    assert await plain.check(spec) == READY
    assert (plain.offered(), plain.why_unnameable("maker/m")) == ((), None)
    assert plain.askable("maker/m", EndpointSettings()) == frozenset()
    assert plain.address(spec) is None
    assert plain.probing(spec)(spec).name == "scripted/test"
