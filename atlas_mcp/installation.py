"""How this copy of the program was installed, and the command that adds an optional part to it.

The command installs the libraries that an extra asks for, by their own names. It never fetches the
program itself: under a name like ours, a package index may hold somebody else's code.
"""

from __future__ import annotations

import shlex
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "atlas-solve-mcp"
"""Name of the distribution, as `pyproject.toml` has it."""

EXTRAS = {
    "openai": ("openai>=3.54,<4",),
    "local": ("xllamacpp>=2026.10",),
    "algebra": ("sympy>=1.14,<2",),
}
"""The requirements of each extra, where the metadata of an installation cannot be read."""


def install_command(extra: str) -> str:
    """Return the command that adds the libraries of `extra` to this installation.

    It is a line to paste: into a POSIX shell, cmd and PowerShell alike.
    """
    wanted = " ".join(f'"{requirement}"' for requirement in requirements(extra))
    prefix = Path(sys.prefix)
    if (prefix / "pipx_metadata.json").exists():
        return f"pipx inject {prefix.name} {wanted}"
    if find_spec("pip") is None:
        return f"uv pip install --python {_quoted(sys.executable)} {wanted}"
    return f"{_quoted(sys.executable)} -m pip install {wanted}"


def requirements(extra: str) -> tuple[str, ...]:
    """Return what `extra` asks for, as an installer takes it, e.g. `openai>=3.54,<4`."""
    found = _distribution()
    listed = [] if found is None else found.requires or []
    marked = [one.partition(";") for one in listed]
    wanted = tuple(
        requirement.strip()
        for requirement, _, marker in marked
        if marker.replace("'", '"').strip() == f'extra == "{extra}"'
    )
    return wanted or EXTRAS[extra]


def _distribution() -> Distribution | None:
    try:
        return distribution(DISTRIBUTION)
    except PackageNotFoundError:
        return None


def _quoted(path: str) -> str:
    """Quote a path for the shell of this platform, if it needs it."""
    if "\\" not in path:
        return shlex.quote(path)
    # PowerShell runs a quoted path behind `&` only; cmd knows no `&` there. Most need no quotes.
    return f'"{path}"' if " " in path else path
