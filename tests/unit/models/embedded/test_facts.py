"""The variables of the model hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.errors import ConfigError
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.embedded.weights import sources_of
from tests.support.config_files import load


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """The path of a configuration file that is not there yet."""
    return tmp_path / "atlas.toml"


def test_the_model_hub_is_told_by_the_variables_of_its_own_tools(toml: Path) -> None:
    toml.write_text("[server]\nwarm_up = true\n")
    environ = {"ATLAS_CONFIG": str(toml), "HF_ENDPOINT": "http://hub/", "HF_TOKEN": "hf_secret"}

    settings = load_settings(environ)

    assert settings.base_urls == {"local": "http://hub"}
    assert settings.keys == {"HF_TOKEN": "hf_secret"}
    assert "hf_secret" not in repr(settings)
    assert settings.server.warm_up
    nothing = load_settings({"XDG_CONFIG_HOME": str(toml.parent / "none")})
    assert (nothing.base_urls, nothing.keys, nothing.server.warm_up) == ({}, {}, False)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HF_ENDPOINT", "hub.example"),
        ("HF_ENDPOINT", "ftp://hub.example"),
        ("HF_ENDPOINT", "https://user:hunter2secret@hub.example"),
        ("HF_ENDPOINT", "https://hub.example/?api-version=hunter2secret"),
        ("HF_ENDPOINT", "https://hub .example"),
        ("HF_TOKEN", "hf_hunter2secret\nx"),
        ("HF_TOKEN", "hf_hunter2secret and more"),
    ],
)
def test_a_variable_of_the_model_hub_that_cannot_be_used_is_named_before_it_is_asked(
    toml: Path, variable: str, value: str
) -> None:
    settings = load(toml, **{variable: value})

    assert settings.base_urls == {}
    with pytest.raises(ConfigError) as raised:
        sources_of(settings)
    assert str(raised.value).startswith(f"{variable} ")
    assert "hunter2secret" not in str(raised.value)


@pytest.mark.parametrize("given", [" https://Hub.example:443/ ", "https://hub.example"])
def test_the_address_of_the_model_hub_is_taken_in_the_form_in_which_it_is_used(
    toml: Path, given: str
) -> None:
    assert load(toml, HF_ENDPOINT=given).base_urls == {"local": "https://hub.example"}
