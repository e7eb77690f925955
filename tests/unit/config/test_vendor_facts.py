"""A vendor states its variables, and the configuration is read by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.loading import read_settings
from atlas_mcp.config.vendor_facts import COMMON_KEYS, AddressVariable, VendorFacts
from atlas_mcp.errors import ConfigError
from atlas_mcp.models.registry import vendor_facts


def refuse(given: str) -> str:
    raise ValueError(f"is no address of a maker, which has {len(given)} characters")


MAKER = VendorFacts(
    key_variables=("MAKER_KEY",),
    token_variables=("MAKER_TOKEN",),
    addresses={
        "maker": AddressVariable("MAKER_URL"),
        "other": AddressVariable("OTHER_URL", refuse),
    },
    header_variables={"maker": "MAKER_HEADERS"},
    request_headers=frozenset({"maker-version"}),
    has_credentials=lambda environ: "MAKER_LOGIN" in environ,
    keys=COMMON_KEYS | {"schema_mode"},
    refused_values={"schema_mode": {"json": "schema takes 'strict' for a maker"}},
)


def test_a_vendor_without_facts_has_no_credentials_and_takes_the_common_keys() -> None:
    assert not VendorFacts().has_credentials({"ANY": "x"})
    assert VendorFacts().keys == COMMON_KEYS


@pytest.mark.parametrize("facts", [VendorFacts(), MAKER, *vendor_facts().values()])
def test_the_keys_that_a_vendor_takes_are_known_to_the_configuration(facts: VendorFacts) -> None:
    assert EndpointSettings.model_fields.keys() >= facts.keys >= COMMON_KEYS


def test_a_key_that_a_vendor_does_not_take_is_refused_by_name(tmp_path: Path) -> None:
    toml = tmp_path / "atlas.toml"
    toml.write_text('[solvers.x]\nmodel = "maker/m"\neffort = "high"\nquota = 2\n')

    with pytest.raises(ConfigError, match="effort has no meaning for a model of this vendor"):
        read_settings({"ATLAS_CONFIG": str(toml)}, {"maker": MAKER})


def test_the_variables_that_a_vendor_states_are_read_and_checked(tmp_path: Path) -> None:
    environ = {
        "ATLAS_HOME": str(tmp_path),
        "MAKER_KEY": "k",
        "MAKER_TOKEN": "no token",
        "MAKER_URL": "http://maker/",
        "OTHER_URL": "http://other",
        "MAKER_HEADERS": "Maker-Version: 1",
        "MAKER_LOGIN": "",
    }

    settings = read_settings(environ, {"maker": MAKER, "other": MAKER})

    assert settings.keys == {"MAKER_KEY": "k"}
    assert settings.base_urls == {"maker": "http://maker"}
    assert settings.credentials == {"maker", "other"}
    assert set(settings.faults) == {"OTHER_URL", "MAKER_HEADERS"}
    assert settings.faults["OTHER_URL"].startswith("OTHER_URL is no address of a maker")


def test_a_token_is_checked_where_no_key_is_set(tmp_path: Path) -> None:
    environ = {"ATLAS_HOME": str(tmp_path), "MAKER_TOKEN": "no token"}

    settings = read_settings(environ, {"maker": MAKER})

    assert settings.keys == {}
    assert list(settings.faults) == ["MAKER_TOKEN"]


def test_a_value_that_a_vendor_refuses_is_an_error_with_its_message(tmp_path: Path) -> None:
    toml = tmp_path / "atlas.toml"
    toml.write_text('[solvers.x]\nmodel = "maker/m"\nschema = "json"\n')

    with pytest.raises(ConfigError, match="schema takes 'strict' for a maker"):
        read_settings({"ATLAS_CONFIG": str(toml)}, {"maker": MAKER})
