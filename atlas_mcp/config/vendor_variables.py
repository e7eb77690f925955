"""Variables that belong to vendors and to the model hub: their keys, addresses and headers.

A variable that holds no usable value fails only the runs that need it: its fault is kept by its
name. No value of a key is repeated in an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import SecretStr

from atlas_mcp.addresses import endpoint_address
from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.keys import clean_key, headers_fault, key_fault
from atlas_mcp.presets import PRESETS
from atlas_mcp.system.variables import lookup

ANTHROPIC_KEY = "ANTHROPIC_API_KEY"
"""The variable of the key for Anthropic."""

BASE_URLS = {"anthropic": "ANTHROPIC_BASE_URL", "openai": "OPENAI_BASE_URL"}
"""The variables in which vendors' own clients look for the address, by vendor."""

HUB_URL, HUB_TOKEN = "HF_ENDPOINT", "HF_TOKEN"
"""The variables in which the model hub's own tools look for its address, and for a token."""

CUSTOM_HEADERS = {
    "anthropic": "ANTHROPIC_CUSTOM_HEADERS",
    "openai": "OPENAI_CUSTOM_HEADERS",
}
"""The variables of which vendors' own clients make headers of every request, by vendor."""


def vendor_keys(
    entries: Iterable[EndpointSettings | None], environ: Mapping[str, str], faults: dict[str, str]
) -> dict[str, str]:
    """Return the keys of the variables that presets and entries name, as far as they are set.

    Args:
        entries: The sections that name models; `None` for one that is not configured.
        environ: The environment.
        faults: Gets the faults of these variables, by their names.
    """
    named = [preset.key_env for preset in PRESETS]
    named += [entry.api_key_env for entry in entries if entry is not None]
    names = [ANTHROPIC_KEY, *(variable for variable in named if variable is not None)]
    keys: dict[str, str] = {}
    for name in names:
        if key := clean_key(lookup(environ, name)):
            keys[name] = key
    if ANTHROPIC_KEY not in keys:
        names.append("ANTHROPIC_AUTH_TOKEN")
    for name in names:
        fault = key_fault(clean_key(lookup(environ, name)))
        if fault is not None:
            faults[name] = f"{name} {fault}"
    return keys


def base_urls(environ: Mapping[str, str], faults: dict[str, str]) -> dict[str, str]:
    """Return the addresses that the environment gives, in the form in which they are used."""
    found: dict[str, str] = {}
    for vendor, variable in BASE_URLS.items():
        if not environ.get(variable, "").strip():
            continue
        try:
            found[vendor] = endpoint_address(environ[variable])
        except ValueError as error:
            faults[variable] = f"{variable} {error}"
    return found


def hub_url(environ: Mapping[str, str], faults: dict[str, str]) -> str | None:
    """Return the address of the model hub that the environment gives, as it is used."""
    if not environ.get(HUB_URL, "").strip():
        return None
    try:
        address = endpoint_address(environ[HUB_URL])
    except ValueError:
        address = "?"
    if "?" in address:
        faults[HUB_URL] = (
            f"{HUB_URL} is no address of a model hub; one looks like 'https://huggingface.co', "
            f"with no name, password or query in it (a token belongs in {HUB_TOKEN})"
        )
        return None
    return address


def hub_token(environ: Mapping[str, str], faults: dict[str, str]) -> SecretStr | None:
    """Return what opens private repositories of the model hub."""
    token = clean_key(environ.get(HUB_TOKEN, ""))
    fault = key_fault(token)
    if fault is not None:
        faults[HUB_TOKEN] = f"{HUB_TOKEN} {fault}"
        return None
    return SecretStr(token) if token else None


def header_faults(environ: Mapping[str, str]) -> dict[str, str]:
    """Return why headers that vendors' clients would send cannot be, by the variable."""
    found = {name: headers_fault(environ.get(name, "")) for name in CUSTOM_HEADERS.values()}
    return {name: f"{name} {fault}" for name, fault in found.items() if fault is not None}


def has_credentials(environ: Mapping[str, str]) -> bool:
    """Return whether the environment holds credentials for Anthropic, or leads to some."""
    names = (ANTHROPIC_KEY, "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE")
    return any(clean_key(environ.get(name, "")) for name in names) or _has_profile(environ)


def _has_profile(environ: Mapping[str, str]) -> bool:
    """Return whether the Anthropic client will find a profile that a login left on disk."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    folder = environ.get("ANTHROPIC_CONFIG_DIR") or (f"{home}/.config/anthropic" if home else None)
    try:
        return folder is not None and any(Path(folder).glob("configs/*.json"))
    except OSError:
        return False
