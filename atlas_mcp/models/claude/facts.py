"""Facts about Anthropic for the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from atlas_mcp.config.keys import clean_key
from atlas_mcp.config.vendor_facts import HTTP_KEYS, AddressVariable, VendorFacts

VENDOR = "anthropic"
"""First part of the names of these models."""

KEY_VARIABLE = "ANTHROPIC_API_KEY"
"""The variable of the key for Anthropic."""

TOKEN_VARIABLE = "ANTHROPIC_AUTH_TOKEN"
"""The variable of a token, which the client sends where no key is set."""


def has_credentials(environ: Mapping[str, str]) -> bool:
    """Return whether the environment holds credentials for Anthropic, or leads to some."""
    names = (KEY_VARIABLE, TOKEN_VARIABLE, "ANTHROPIC_PROFILE")
    return any(clean_key(environ.get(name, "")) for name in names) or _has_profile(environ)


def _has_profile(environ: Mapping[str, str]) -> bool:
    """Return whether the Anthropic client will find a profile that a login left on disk."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    folder = environ.get("ANTHROPIC_CONFIG_DIR") or (f"{home}/.config/anthropic" if home else None)
    try:
        return folder is not None and any(Path(folder).glob("configs/*.json"))
    except OSError:
        return False


FACTS = VendorFacts(
    key_variables=(KEY_VARIABLE,),
    token_variables=(TOKEN_VARIABLE,),
    addresses={VENDOR: AddressVariable("ANTHROPIC_BASE_URL")},
    header_variables={VENDOR: "ANTHROPIC_CUSTOM_HEADERS"},
    request_headers=frozenset({"anthropic-version"}),
    has_credentials=has_credentials,
    keys=HTTP_KEYS,
    why_refused="has no meaning for a model of anthropic",
    refused_values={
        "schema_mode": {
            "json": "schema takes 'strict' for a model of anthropic, or 'prompt' where a gateway "
            "refuses output_config, not 'json'"
        }
    },
    library="anthropic",
)
