"""Scripted models as a vendor: `scripted/demo`, which is free and needs nothing."""

from __future__ import annotations

from typing_extensions import override

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.entries import declared_price, given
from atlas_mcp.models.scripted.model import demo
from atlas_mcp.models.vendor import Connected, Trust, Vendor

MAX_TOKENS = 1_024
"""Output tokens that are reserved for a reply of a scripted model, which keeps to no ceiling."""


def open_vendor(settings: Settings, *, trust: Trust) -> ScriptedVendor:
    """Return the vendor under a configuration."""
    return ScriptedVendor(settings, trust=trust)


class ScriptedVendor(Vendor):
    """The vendor of models that play a script."""

    @override
    def spec(self, model: str, entry: EndpointSettings) -> ModelSpec:
        return ModelSpec(
            model,
            price=declared_price(entry) or Price(FREE, FREE),
            own_price=entry.price is not None,
            max_tokens=MAX_TOKENS,
            images=given(entry.images, default=False),
            tools=given(entry.tools, default=True),
            parallel=entry.parallel,
        )

    @override
    def missing(self, spec: ModelSpec) -> None:
        return None

    @override
    def connect(self, spec: ModelSpec) -> Connected:
        return Connected(demo(), spec.model, spec.model, spec.parallel)
