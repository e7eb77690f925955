"""Reading the configuration with the facts of all vendors."""

from __future__ import annotations

from collections.abc import Mapping

from atlas_mcp.config.loading import read_settings
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.registry import vendor_facts


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings in the environment and in the file that it points to.

    Raises:
        ConfigError: Something cannot be read or breaks a rule; the message names it.
    """
    return read_settings(environ, vendor_facts())
