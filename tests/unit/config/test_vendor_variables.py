"""The variables of vendors: keys, addresses, headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.models.configuration import load_settings
from tests.support.config_files import load


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
