"""Paths in variables, and the folders that the platform provides for this program."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from atlas_mcp.errors import ConfigError

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)|%(\w+)%")


def given_path(variable: str, value: str, environ: Mapping[str, str]) -> Path:
    """Return the path that a variable holds; a relative one starts at the working directory.

    Raises:
        ConfigError: A part of it cannot be expanded.
    """
    try:
        return Path(expanded(variable, value, environ)).absolute()
    except ValueError as error:
        raise ConfigError(str(error)) from None
    except FileNotFoundError:
        raise ConfigError(
            f"{variable} is a relative path, and there is no working directory any more that it "
            "could start at; write the path out"
        ) from None


def platform_folder(find: Callable[[str], Path]) -> Path | None:
    """Return the platform's folder for this program; `None` for a user without a home folder."""
    try:
        folder = find("atlas-mcp")
    except RuntimeError:
        return None
    # Some versions leave a `~` as it is.
    return folder if folder.is_absolute() else None


def expanded(variable: str, value: str, environ: Mapping[str, str]) -> str:
    """Return a path with its `~` and its variables expanded, as a shell does it.

    Raises:
        ValueError: A part of it cannot be expanded.
    """
    path = value.strip()
    path = _VARIABLE.sub(
        lambda found: environ.get(found.group(found.lastindex or 0)) or found[0], path
    )
    if path.startswith("~"):
        path = os.path.expanduser(path)  # noqa: PTH111 - this one does not raise
        if path.startswith("~"):
            raise ValueError(f"{variable}: there is no home folder for `~`; write the path out")
    left = _VARIABLE.search(path)
    if left is not None:
        raise ValueError(f"{variable}: {left.group()} in it is not set; write the path out")
    return path
