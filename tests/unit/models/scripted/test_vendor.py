"""The vendor of scripted models."""

from __future__ import annotations

from pathlib import Path

from atlas_mcp.atlas.usage import FREE, Price
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.scripted.vendor import open_vendor


def test_a_scripted_model_is_free_and_lacks_nothing(tmp_path: Path) -> None:
    vendor = open_vendor(Settings(home=tmp_path), trust="client")

    spec = vendor.spec("scripted/demo", EndpointSettings())

    assert (spec.price, spec.own_price, spec.images) == (Price(FREE, FREE), False, False)
    assert vendor.missing(spec) is None
    assert vendor.connect(spec).model.name == "scripted/demo"
