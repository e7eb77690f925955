"""The spec of a model behind Chat Completions: declared, found out, or as its preset says."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from atlas_mcp.atlas.usage import Price
from atlas_mcp.models.chat.presets import PRESETS
from atlas_mcp.models.endpoint import endpoint_of
from tests.support.pools import GRATIS, HERE, RATES, THERE, pool, spec_of


def test_what_an_entry_declares_wins_over_its_preset(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path,
        model="mistral/m",
        schema="json",
        tools=False,
        images=True,
        efforts=["low", "high"],
        effort="high",
        max_tokens=2_048,
        max_tokens_field="max_completion_tokens",
        max_image_px=512,
        parallel=3,
        price=RATES,
    )

    assert (spec.schema_mode, spec.tools, spec.images) == ("json", False, True)
    assert (spec.efforts, spec.effort) == (("low", "high"), "high")
    assert (spec.max_tokens, endpoint_of(spec).max_tokens_field) == (2_048, "max_completion_tokens")
    assert (spec.image_px, spec.parallel) == (512, 3)
    assert spec.price == Price(Decimal("0.2"), Decimal("0.6"))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.vendor)
def test_what_is_not_declared_is_as_the_preset_says(tmp_path: Path, preset: Any) -> None:
    spec = spec_of(tmp_path, model=f"{preset.vendor}/some-model")

    assert (spec.schema_mode, spec.tools) == (preset.schema, preset.tools)
    assert (endpoint_of(spec).base_url, endpoint_of(spec).api_key_env) == (
        preset.base_url,
        preset.key_env,
    )
    assert (spec.max_tokens, endpoint_of(spec).max_tokens_field) == (
        preset.max_tokens,
        preset.max_tokens_field,
    )
    assert spec.parallel == preset.parallel


@pytest.mark.parametrize("name", ["gpt-6-sol", "some-vision-reasoner-tool-json"])
def test_nothing_is_read_out_of_a_models_name(tmp_path: Path, name: str) -> None:
    spec = spec_of(tmp_path, model=f"openai/{name}")

    assert (spec.efforts, spec.images) == ((), False)


def test_a_vendors_own_address_written_out_is_its_own(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, model="mistral/m", base_url="https://api.mistral.ai/v1/")

    assert endpoint_of(spec).api_key_env == "MISTRAL_API_KEY"


def test_another_address_gets_the_key_its_entry_names(tmp_path: Path) -> None:
    entry = {"model": "openai/m", "base_url": THERE, "api_key_env": "MY_KEY"}

    [solver] = pool(tmp_path, {"x": entry}, keys={"MY_KEY": "k"}).solvers(None)

    assert endpoint_of(solver.spec).api_key_env == "MY_KEY"


def test_an_address_nobody_has_described_is_trusted_with_nothing(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, model="openai/gpt-6-sol", base_url=THERE)

    assert (spec.tools, spec.schema_mode, spec.schema_with_tools) == (False, "prompt", False)
    assert (spec.images, spec.efforts, endpoint_of(spec).api_key_env) == (False, (), None)
    assert endpoint_of(spec).max_tokens_field == "max_tokens"
    assert spec.price is None, "a model of that name need not cost there what it costs at OpenAI"


@pytest.mark.parametrize(
    ("entry", "price"),
    [
        ({"model": "ollama/m"}, GRATIS),
        ({"model": "ollama/m", "base_url": "http://localhost:1/v1"}, GRATIS),
        ({"model": "vllm/m", "base_url": "http://[::1]:1/v1"}, GRATIS),
        ({"model": "vllm/m", "base_url": THERE}, None),
        ({"model": "vllm/m", "base_url": "http://127.0.0.1.example.org/v1"}, None),
        ({"model": "openai/m", "base_url": HERE}, None),
        ({"model": "openai/no-such-model"}, None),
        (
            {"model": "ollama/m", "price": RATES},
            Price(Decimal("0.2"), Decimal("0.6")),
        ),
    ],
)
def test_a_server_of_ones_own_is_free_on_this_machine_and_nowhere_else(
    tmp_path: Path, entry: dict[str, Any], price: Price | None
) -> None:
    assert spec_of(tmp_path, **entry).price == price


def test_a_model_the_tables_know_has_its_price(tmp_path: Path) -> None:
    price = spec_of(tmp_path, model="openai/gpt-6-sol").price

    assert price is not None
    assert price.output > price.input > 0


def test_an_effort_that_an_entry_asks_for_is_one_that_it_takes(tmp_path: Path) -> None:
    assert spec_of(tmp_path, model="openai/m", base_url=HERE, effort="high").efforts == ("high",)
    assert spec_of(tmp_path, model="openai/m", base_url=HERE).efforts == ()
