"""Node and what the rigs need of npm, put in place on first use, beside nothing of the project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NODE = "node@22"
"""The conformance runner and the inspector need Node 22."""


def node_folder(*packages: str) -> Path:
    """Return a folder whose `node_modules` holds Node and `packages`, installed if they are not.

    Args:
        packages: As npm names them, with their version.
    """
    folder = Path(os.environ.get("ATLAS_RIG_NODE", tempfile.gettempdir() + "/atlas-mcp-rig-node"))
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "package.json"
    wanted = {name.rpartition("@")[0]: name.rpartition("@")[2] for name in (NODE, *packages)}
    have: dict[str, str] = {}
    if manifest.exists():
        have = json.loads(manifest.read_text())["dependencies"]
    if not all(have.get(name) == version for name, version in wanted.items()):
        npm = shutil.which("npm")
        if npm is None:
            sys.exit("npm is not installed; Debian's package is called npm")
        manifest.write_text(json.dumps({"private": True, "dependencies": have | wanted}))
        subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"],
            cwd=folder,
            check=True,
            stdout=sys.stderr,
        )
    return folder


def node(folder: Path) -> str:
    """Return the program."""
    return str(folder / "node_modules" / ".bin" / "node")
