"""Entries of the configuration, as all vendors read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from atlas_mcp.atlas.usage import Price
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.errors import InvalidInput
from atlas_mcp.models.entries import check_effort, declared_price, given


def test_a_declared_value_wins_even_where_it_is_false() -> None:
    assert given(False, default=True) is False
    assert given(None, default=True) is True


def test_a_declared_price_is_the_operators_own() -> None:
    entry = EndpointSettings.model_validate({"price": {"input": "0.2", "output": "0.6"}})

    assert declared_price(entry) == Price(Decimal("0.2"), Decimal("0.6"))
    assert declared_price(EndpointSettings()) is None


def test_an_effort_that_the_model_does_not_take_is_refused_with_those_it_takes() -> None:
    entry = EndpointSettings.model_validate({"effort": "max"})

    with pytest.raises(InvalidInput, match="is 'max', and this model takes low, high;"):
        check_effort(entry, ("low", "high"))
    with pytest.raises(InvalidInput, match="is known to take none"):
        check_effort(entry, ())
    check_effort(EndpointSettings(), ())
