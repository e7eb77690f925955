"""The configuration is read by the facts of every vendor in the registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.errors import ConfigError
from atlas_mcp.models.configuration import load_settings


def test_keys_addresses_and_credentials_are_those_that_vendors_state(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "ATLAS_HOME": str(tmp_path),
            "ANTHROPIC_API_KEY": "k",
            "MISTRAL_API_KEY": "m",
            "OPENAI_BASE_URL": "http://h/v1",
            "HF_ENDPOINT": "http://hub",
        }
    )

    assert settings.keys == {"ANTHROPIC_API_KEY": "k", "MISTRAL_API_KEY": "m"}
    assert settings.base_urls == {"openai": "http://h/v1", "local": "http://hub"}
    assert settings.credentials == {"anthropic"}


def test_a_key_that_a_vendor_calls_useless_is_refused(tmp_path: Path) -> None:
    toml = tmp_path / "atlas.toml"
    toml.write_text('[solvers.x]\nmodel = "scripted/demo"\nmax_tokens = 2048\n')

    with pytest.raises(ConfigError, match="max_tokens has no meaning for a scripted model"):
        load_settings({"ATLAS_CONFIG": str(toml)})
