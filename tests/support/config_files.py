"""A configuration file of a test, and the settings that it gives."""

from __future__ import annotations

from pathlib import Path

from atlas_mcp.config.settings import Settings
from atlas_mcp.models.configuration import load_settings


def load(toml: Path, content: str = "", **environ: str) -> Settings:
    """Write a file, and return the settings that it and these variables give."""
    toml.write_text(content, encoding="utf-8")
    return load_settings({"ATLAS_CONFIG": str(toml), **environ})
