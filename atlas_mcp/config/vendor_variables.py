"""Variables that belong to vendors: their keys, addresses and headers.

Which variables there are is stated by `VendorFacts`. A variable that holds no usable value fails
only the runs that need it: its fault is kept by its name. No value of a key is repeated in an
error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from atlas_mcp.config.endpoints import EndpointSettings
from atlas_mcp.config.keys import clean_key, headers_fault, key_fault
from atlas_mcp.config.vendor_facts import VendorFacts
from atlas_mcp.system.variables import lookup


def vendor_keys(
    entries: Iterable[EndpointSettings | None],
    vendors: Iterable[VendorFacts],
    environ: Mapping[str, str],
    faults: dict[str, str],
) -> dict[str, str]:
    """Return the keys of the variables that vendors and entries name, as far as they are set.

    Args:
        entries: The sections that name models; `None` for one that is not configured.
        vendors: The facts of all vendors.
        environ: The environment.
        faults: Gets the faults of these variables, by their names.
    """
    names = [entry.api_key_env for entry in entries if entry is not None]
    tokens: list[str] = []
    for vendor in vendors:
        names += vendor.key_variables
        if not any(clean_key(lookup(environ, name)) for name in vendor.key_variables):
            tokens += vendor.token_variables
    keys: dict[str, str] = {}
    for name in filter(None, names):
        if key := clean_key(lookup(environ, name)):
            keys[name] = key
    for name in filter(None, (*names, *tokens)):
        fault = key_fault(clean_key(lookup(environ, name)))
        if fault is not None:
            faults[name] = f"{name} {fault}"
    return keys


def base_urls(
    vendors: Iterable[VendorFacts], environ: Mapping[str, str], faults: dict[str, str]
) -> dict[str, str]:
    """Return the addresses that the environment gives, in the form in which they are used.

    Args:
        vendors: The facts of all vendors.
        environ: The environment.
        faults: Gets the faults of the variables, by their names.
    """
    found: dict[str, str] = {}
    variables = [item for vendor in vendors for item in vendor.addresses.items()]
    for prefix, variable in variables:
        if not environ.get(variable.name, "").strip():
            continue
        try:
            found[prefix] = variable.read(environ[variable.name])
        except ValueError as error:
            faults[variable.name] = f"{variable.name} {error}"
    return found


def header_faults(vendors: Iterable[VendorFacts], environ: Mapping[str, str]) -> dict[str, str]:
    """Return why headers that vendors' clients would send cannot be, by the variable."""
    found: dict[str, str] = {}
    for vendor in vendors:
        for name in vendor.header_variables.values():
            fault = headers_fault(environ.get(name, ""), own=vendor.request_headers)
            if fault is not None:
                found[name] = f"{name} {fault}"
    return found
