"""The facts on file about vendors and servers, and where there are none."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from genai_prices.data_snapshot import get_snapshot

from atlas_mcp.config.endpoints import DEFAULT_MODEL
from atlas_mcp.models.chat.presets import (
    PRESETS,
    UNKNOWN_SERVER,
    Preset,
    is_own_address,
    name_in_tables,
    preset_of,
)
from atlas_mcp.models.registry import VENDORS

ALL = pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.vendor)
OWN = {"ollama", "vllm", "lmstudio", "llamacpp"}


def test_the_vendors_people_were_promised_are_there() -> None:
    named = {"openai", "google", "openrouter", "xai", "deepseek", "mistral"}

    assert {preset.vendor for preset in PRESETS} == named | OWN
    assert len(PRESETS) == len(named | OWN)
    assert set(VENDORS) >= named | OWN
    assert DEFAULT_MODEL.partition("/")[0] in VENDORS


@ALL
def test_a_vendor_is_found_by_the_name_its_models_begin_with(preset: Preset) -> None:
    assert preset_of(preset.vendor) is preset
    assert preset_of(preset.vendor.upper()) is None


@ALL
def test_a_key_goes_out_encrypted_and_servers_of_ones_own_are_on_this_machine(
    preset: Preset,
) -> None:
    address = urlsplit(preset.base_url or "https://")
    if preset.vendor in OWN:
        assert address.hostname == "127.0.0.1"
        assert (preset.key_env, preset.free, preset.prices) == (None, True, None)
    else:
        assert address.scheme == "https"
        assert preset.key_env is not None
        assert preset.key_env.endswith("_API_KEY")
        assert not preset.free


@ALL
def test_every_row_says_where_it_comes_from(preset: Preset) -> None:
    assert preset.source


@ALL
def test_a_vendor_with_prices_is_in_the_tables(preset: Preset) -> None:
    known = {provider.id for provider in get_snapshot().providers}

    assert preset.prices is None or preset.prices in known


@ALL
def test_a_reply_has_room_for_an_answer(preset: Preset) -> None:
    assert preset.max_tokens >= 8_192
    assert preset.parallel >= 1


def test_nothing_is_taken_for_granted_of_an_address_nobody_has_described() -> None:
    unknown = UNKNOWN_SERVER

    assert (unknown.key_env, unknown.base_url, unknown.prices) == (None, None, None)
    assert (unknown.tools, unknown.schema, unknown.free) == (False, "prompt", False)
    assert not unknown.schema_with_tools


def test_a_vendors_own_address_is_told_from_others() -> None:
    mistral = preset_of("mistral")

    assert is_own_address(mistral, "https://api.mistral.ai/v1/")
    assert is_own_address(mistral, "https://API.Mistral.ai:443/v1")
    assert not is_own_address(mistral, "https://api.mistral.ai./v1")
    assert not is_own_address(mistral, "https://api.mistral.ai.example.org/v1")
    assert not is_own_address(preset_of("openai"), "https://api.openai.com/v1")
    assert not is_own_address(None, "https://api.mistral.ai/v1")


@pytest.mark.parametrize(
    ("model", "base_url", "name"),
    [
        ("xai/grok-4", None, "x-ai/grok-4"),
        ("mistral/m", "https://api.mistral.ai/v1/", "mistral/m"),
        ("mistral/m", "https://gateway.example.org/v1", "/m"),
        ("openai/m", "https://gateway.example.org/v1", "/m"),
        ("ollama/m", None, "/m"),
        ("openrouter/maker/m", None, "openrouter/maker/m"),
    ],
)
def test_prices_of_a_vendor_hold_at_its_own_address_alone(
    model: str, base_url: str | None, name: str
) -> None:
    assert name_in_tables(model, base_url) == name
