"""`ATLAS_<SECTION>_<KEY>`: the variables that are laid over the file.

Maps the name of a variable to a key of the file, and recognises misspelt names. The values are
checked with the rest of the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import SECTIONS, BudgetSettings, keys_of
from atlas_mcp.errors import ConfigError

NEAR = 0.8
"""The similarity, from 0 to 1, from which one name counts as a misspelling of another."""

_SERVICE_LINK = re.compile(
    r"ATLAS_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?"
    r"|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?|ENV_\w+)"
)
"""Names that Kubernetes and Docker give to the variables of a service called `atlas-…`. Source:
https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables and
https://docs.docker.com/engine/network/links/ (read 2026-11-28)."""

_ADDRESS_OF_SERVICE = re.compile(r"(tcp|udp|sctp)://\S+")


def with_variables(
    content: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[tuple[str, ...], str]]:
    """Return the file's content with the `ATLAS_<SECTION>_<KEY>` variables laid over it.

    Returns:
        The merged content, and which variable each key came from.
    """
    merged: dict[str, Any] = dict(content)
    variables: dict[tuple[str, ...], str] = {}
    sections = {name.upper(): section for name, section in SECTIONS.items()}
    for variable, given in environ.items():
        value = given.strip()
        if not variable.startswith("ATLAS_") or not value:
            continue
        if is_service_link(variable, value):
            continue
        section, _, key = variable.removeprefix("ATLAS_").partition("_")
        if variable == "ATLAS_PROFILE":
            merged["profile"] = value
            variables[("profile",)] = variable
        elif section in sections:
            known = keys_of(sections[section])
            if key.lower() not in known:
                accepted = ", ".join(f"ATLAS_{section}_{k.upper()}" for k in known)
                raise ConfigError(f"{variable} is not known; there are {accepted}")
            table = table_of(merged.get(section.lower(), {}), section.lower())
            merged[section.lower()] = {**table, key.lower(): value}
            variables[(section.lower(), key.lower())] = variable
        elif section == "SOLVERS":
            where = _solver_key(merged, variable, key)
            solvers = merged["solvers"]
            merged["solvers"] = {**solvers, where[0]: {**solvers[where[0]], where[1]: value}}
            variables[("solvers", *where)] = variable
        elif meant := _misspelt(variable, section, key):
            raise ConfigError(f"{variable} is not known; did you mean {meant}?")
    return merged, variables


def _misspelt(variable: str, section: str, key: str) -> str | None:
    """Return the variable of ours that a name misspells; `None` for one of another program.

    A cap under a misspelt name would not hold.
    """
    from difflib import get_close_matches

    alone = ("ATLAS_HOME", "ATLAS_CONFIG", "ATLAS_PROFILE")
    if near := get_close_matches(variable, alone, n=1, cutoff=NEAR):
        return near[0] if near[0] != variable else None
    sections = {name.upper(): each for name, each in SECTIONS.items()}
    for name in get_close_matches(section, [*sections, "SOLVERS"], n=1, cutoff=NEAR):
        if name == "SOLVERS":
            ours = any(key.lower().endswith(f"_{known}") for known in keys_of(SolverSettings))
        else:
            ours = key.lower() in keys_of(sections[name])
        if ours:
            return f"ATLAS_{name}_{key}"
    # The section left out, as in ATLAS_MAX_COST_USD.
    whole = variable.removeprefix("ATLAS_")
    return f"ATLAS_BUDGET_{whole}" if whole.lower() in keys_of(BudgetSettings) else None


def table_of(value: object, name: str) -> dict[str, Any]:
    """Return a value that must be a table of the file.

    Raises:
        ConfigError: It is not a table.
    """
    if not isinstance(value, dict):
        raise ConfigError(f"[{name}] must be a table of keys and values")
    return cast("dict[str, Any]", value)


def _solver_key(merged: Mapping[str, Any], variable: str, rest: str) -> tuple[str, str]:
    solvers = table_of(merged.get("solvers", {}), "solvers")
    names = [name for name, entry in solvers.items() if table_of(entry, f"solvers.{name}") == entry]
    meant: list[tuple[str, str]] = []
    for name in names:
        prefix = re.sub(r"\W", "_", name.upper()) + "_"
        key = rest.removeprefix(prefix).lower()
        if rest.startswith(prefix) and key in keys_of(SolverSettings):
            meant.append((name, key))
    if len(meant) == 1:
        return meant[0]
    if meant:
        both = " and ".join(repr(name) for name, _ in meant)
        raise ConfigError(f"{variable} may mean {both}; set the key in the file")
    known = ", ".join(names) or "none"
    raise ConfigError(f"{variable} matches no solver of the file (there are: {known})")


def is_service_link(variable: str, value: str) -> bool:
    """Return whether Kubernetes or Docker made a variable for a service called `atlas-…`."""
    if variable.endswith("_PORT") and _ADDRESS_OF_SERVICE.fullmatch(value):
        return True
    if variable.endswith("_NAME") and value.startswith("/"):
        return True
    return _SERVICE_LINK.fullmatch(variable) is not None
