"""Reading the configuration: variables win over the file, and the file over built-in defaults.

Everything is checked when it is read, and an error names the file and key, or the variable, and
the accepted values.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from atlas_mcp.config.faults import explain
from atlas_mcp.config.file import ConfigFile
from atlas_mcp.config.paths import given_path, platform_folder
from atlas_mcp.config.profiles import with_profile
from atlas_mcp.config.settings import FileSettings, Settings
from atlas_mcp.config.variables import with_variables
from atlas_mcp.config.vendor_facts import VendorFacts
from atlas_mcp.config.vendor_variables import base_urls, header_faults, vendor_keys
from atlas_mcp.errors import ConfigError


def read_settings(environ: Mapping[str, str], vendors: Mapping[str, VendorFacts]) -> Settings:
    """Return the settings in the environment and in the file that it points to.

    Args:
        environ: The environment.
        vendors: The facts of vendors, by the first part of their models' names.

    Raises:
        ConfigError: Something cannot be read or breaks a rule; the message names it.
    """
    file = ConfigFile.find(environ)
    merged, variables = with_variables(file.tables(), environ)
    merged = with_profile(merged)
    try:
        read = FileSettings.model_validate(merged, context=vendors)
    except ValidationError as error:
        raise ConfigError(explain(error, file, variables)) from None
    entries = (*read.solvers.values(), read.orchestrator)
    # One folder may stand for several vendors.
    facts = list({id(each): each for each in vendors.values()}.values())
    faults = header_faults(facts, environ)
    return Settings(
        home=_home(environ),
        orchestrator=read.orchestrator,
        solvers=read.solvers,
        budget=read.budget,
        server=read.server,
        images=read.images,
        journal=read.journal,
        keys=vendor_keys(entries, facts, environ, faults),
        base_urls=base_urls(facts, environ, faults),
        faults=faults,
        credentials=frozenset(
            prefix for prefix, each in vendors.items() if each.has_credentials(environ)
        ),
    )


def _home(environ: Mapping[str, str]) -> Path:
    from platformdirs import user_data_path

    given = environ.get("ATLAS_HOME", "").strip()
    if given:
        return given_path("ATLAS_HOME", given, environ)
    folder = platform_folder(user_data_path)
    if folder is None:
        raise ConfigError(
            "ATLAS_HOME is not set, and this user has no home folder; set it to a folder in which "
            "runs can be kept"
        )
    return folder
