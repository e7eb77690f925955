"""What all vendors over HTTP have in common: keys, faulty variables, own prices."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import Price
from atlas_mcp.errors import ConfigError
from atlas_mcp.models.http_vendor import HttpVendor
from atlas_mcp.models.pool import Pool
from tests.support.pools import HERE, RATES, THERE, pool


def price_override(made: Pool, spec: ModelSpec) -> Price | None:
    """Return the operator's own price of a model, as its vendor counts calls by it."""
    vendor = made.vendors.of(spec.model)
    assert isinstance(vendor, HttpVendor)
    return vendor.price_override(spec)


@pytest.mark.parametrize("vendor", ["anthropic", "openai"])
def test_an_entry_whose_key_is_not_set_stops_only_itself(tmp_path: Path, vendor: str) -> None:
    entries = {
        "x": {"model": f"{vendor}/m", "api_key_env": "NOT_SET"},
        "y": {"model": "ollama/m"},
    }
    made = pool(tmp_path, entries, keys={})

    assert [entry.name for entry in made.solvers(["y"])] == ["y"]
    assert [made.readiness(entry.spec) for entry in made.entries(made.names())] == [
        "no key: set NOT_SET",
        "ready",
    ]
    with pytest.raises(ConfigError, match=r"solver 'x' cannot be used: no key: set NOT_SET"):
        made.solvers(None)


@pytest.mark.parametrize(
    ("entry", "variable"),
    [
        ({"model": "anthropic/m"}, "ANTHROPIC_BASE_URL"),
        ({"model": "anthropic/m", "api_key_env": "MY_KEY"}, "ANTHROPIC_BASE_URL"),
        ({"model": "openai/m"}, "OPENAI_BASE_URL"),
        ({"model": "anthropic/m"}, "ANTHROPIC_CUSTOM_HEADERS"),
        ({"model": "anthropic/m", "api_key_env": "MY_KEY"}, "ANTHROPIC_CUSTOM_HEADERS"),
        ({"model": "openai/m"}, "OPENAI_CUSTOM_HEADERS"),
        ({"model": "openai/m", "api_key_env": "MY_KEY", "base_url": THERE}, "MY_KEY"),
        ({"model": "anthropic/m"}, "ANTHROPIC_AUTH_TOKEN"),
    ],
)
def test_a_variable_that_cannot_be_used_stops_what_needs_it(
    tmp_path: Path, entry: dict[str, str], variable: str
) -> None:
    other = {"model": "openai/m", "base_url": THERE}
    made = pool(tmp_path, {"x": entry, "y": other}, keys={"MY_KEY": "k", "OPENAI_API_KEY": "k"})
    made = Pool(made.settings.model_copy(update={"faults": {variable: f"{variable} is wrong"}}))

    with pytest.raises(ConfigError, match=f"solver 'x' cannot be used: {variable} is wrong"):
        made.solvers(["x"])

    assert made.solvers(["y"])


def test_headers_of_the_environment_concern_no_address_that_an_entry_names(tmp_path: Path) -> None:
    entries = {
        "gateway": {"model": "anthropic/m", "base_url": THERE, "api_key_env": "MY_KEY"},
        "other": {"model": "openai/m", "base_url": THERE},
        "vendor": {"model": "mistral/m"},
    }
    made = pool(tmp_path, entries, keys={"MY_KEY": "k", "MISTRAL_API_KEY": "k"})
    faults = dict.fromkeys(("ANTHROPIC_CUSTOM_HEADERS", "OPENAI_CUSTOM_HEADERS"), "wrong")
    made = Pool(made.settings.model_copy(update={"faults": faults}))

    assert [entry.name for entry in made.solvers(list(entries))] == list(entries)


async def test_a_price_holds_for_the_endpoint_it_was_given_for(tmp_path: Path) -> None:
    entries = {
        "own": {"model": "mistral/m", "price": RATES},
        "else": {"model": "mistral/m", "base_url": HERE},
        "dear": {"model": "mistral/m", "base_url": THERE, "price": {"input": 5, "output": 9}},
    }
    made = pool(tmp_path, entries)

    prices = [solver.spec.price for solver in made.solvers(None)]
    overrides = [price_override(made, solver.spec) for solver in made.solvers(None)]

    assert (
        prices
        == overrides
        == [
            Price(Decimal("0.2"), Decimal("0.6")),
            None,
            Price(Decimal(5), Decimal(9)),
        ]
    )


def test_a_run_keeps_the_price_it_was_opened_with(tmp_path: Path) -> None:
    """Two entries of one model at one address may have accounts, and prices, of their own."""
    entry = {"model": "openai/m", "base_url": HERE}
    made = pool(
        tmp_path,
        {
            "a": {**entry, "api_key_env": "ONE", "price": {"input": "1", "output": "1"}},
            "b": {**entry, "api_key_env": "TWO", "price": {"input": "10", "output": "10"}},
        },
        keys={"ONE": "x", "TWO": "y"},
    )
    a, b = (solver.spec for solver in made.solvers(None))
    later = pool(tmp_path)

    assert [price_override(made, spec) for spec in (a, b)] == [a.price, b.price]
    assert [price_override(later, spec) for spec in (a, b)] == [a.price, b.price]
