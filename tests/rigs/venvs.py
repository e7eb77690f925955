"""Environments of Python packages that the rigs use, each beside nothing of the project."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def venv_folder(*requirements: str) -> Path:
    """Return the folder of an environment that holds `requirements`, installed if they are not.

    Args:
        requirements: As pip names them, with their version; the first names the environment.
    """
    root = Path(os.environ.get("ATLAS_RIG_VENVS", tempfile.gettempdir() + "/atlas-mcp-rig-venvs"))
    folder = root / requirements[0].partition("=")[0].partition("[")[0]
    holds = folder / "holds.txt"
    wanted = "\n".join(requirements)
    if not holds.exists() or holds.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "-qq"]
        subprocess.run([*pip, *requirements], check=True, stdout=sys.stderr)
        holds.write_text(wanted)
    return folder
