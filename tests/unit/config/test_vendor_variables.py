"""The variables of vendors and of the model hub: keys, addresses, headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.config.loading import load_settings
from atlas_mcp.errors import ConfigError
from atlas_mcp.models.embedded.weights import sources_of
from tests.support.config_files import load


def test_the_model_hub_is_told_by_the_variables_of_its_own_tools(toml: Path) -> None:
    toml.write_text("[server]\nwarm_up = true\n")
    environ = {"ATLAS_CONFIG": str(toml), "HF_ENDPOINT": "http://hub/", "HF_TOKEN": "hf_secret"}

    settings = load_settings(environ)

    assert settings.hub_url == "http://hub"
    assert settings.hub_token is not None
    assert settings.hub_token.get_secret_value() == "hf_secret"
    assert "hf_secret" not in repr(settings)
    assert settings.server.warm_up
    nothing = load_settings({"XDG_CONFIG_HOME": str(toml.parent / "none")})
    assert (nothing.hub_url, nothing.hub_token, nothing.server.warm_up) == (None, None, False)


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

    assert (settings.hub_url, settings.hub_token) == (None, None)
    with pytest.raises(ConfigError) as raised:
        sources_of(settings)
    assert str(raised.value).startswith(f"{variable} ")
    assert "hunter2secret" not in str(raised.value)


@pytest.mark.parametrize("given", [" https://Hub.example:443/ ", "https://hub.example"])
def test_the_address_of_the_model_hub_is_taken_in_the_form_in_which_it_is_used(
    toml: Path, given: str
) -> None:
    assert load(toml, HF_ENDPOINT=given).hub_url == "https://hub.example"


@pytest.mark.requirement("CONF-6")
def test_a_key_is_read_where_the_entry_says_and_shown_nowhere(toml: Path) -> None:
    toml.write_text('[solvers.x]\nmodel = "anthropic/m"\napi_key_env = "MY_KEY"\n')

    settings = load_settings({"ATLAS_CONFIG": str(toml), "MY_KEY": "secret-word"})

    assert settings.keys == {"MY_KEY": "secret-word"}
    assert "secret-word" not in repr(settings)


def test_the_keys_of_presets_are_read_without_being_named(toml: Path) -> None:
    toml.write_text("")

    settings = load_settings(
        {"ATLAS_CONFIG": str(toml), "MISTRAL_API_KEY": "secret-word", "SOME_API_KEY": "other"}
    )

    assert settings.keys == {"MISTRAL_API_KEY": "secret-word"}
    assert "secret-word" not in repr(settings)


def test_an_entry_whose_key_is_not_set_stops_nothing_else(toml: Path) -> None:
    content = (
        '[solvers.x]\nmodel = "anthropic/m"\napi_key_env = "NOT_SET"\n'
        '[solvers.y]\nmodel = "openai/m"\napi_key_env = "IS_SET"\n'
    )

    settings = load(toml, content, IS_SET=" 'secret-word'\n")

    assert settings.keys == {"IS_SET": "secret-word"}


def test_a_key_that_can_be_none_is_a_fault_of_what_needs_it(toml: Path) -> None:
    entry = '[solvers.x]\nmodel = "openai/m"\napi_key_env = "MY_KEY"\n'

    addresses = {"ANTHROPIC_BASE_URL": "http://u:secret@h", "OPENAI_BASE_URL": ""}
    settings = load(toml, entry, MY_KEY="secret word", **addresses)

    assert set(settings.faults) == {"MY_KEY", "ANTHROPIC_BASE_URL"}
    assert "secret" not in str(settings.faults)
    assert settings.base_urls == {}


def test_headers_that_would_break_requests_are_a_fault_of_what_would_send_them(toml: Path) -> None:
    taken, broken = "x-company: secret", "x-company: secret\nContent-Length: 3"

    settings = load(toml, ANTHROPIC_CUSTOM_HEADERS=broken, OPENAI_CUSTOM_HEADERS=taken)

    (fault,) = settings.faults.values()
    assert fault.startswith("ANTHROPIC_CUSTOM_HEADERS names `Content-Length`, ")
    assert "secret" not in fault


def test_the_addresses_of_the_environment_are_read_as_those_of_entries(toml: Path) -> None:
    settings = load(
        toml, ANTHROPIC_BASE_URL=" http://h/v1/messages\n", OPENAI_BASE_URL="http://o/v1/"
    )

    assert settings.base_urls == {"anthropic": "http://h", "openai": "http://o/v1"}
