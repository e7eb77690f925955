"""The files of this repository, as git knows them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]


@cache
def tracked_files() -> tuple[str, ...]:
    """Return the paths of all files in git, from the root of the tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = filter(None, listed.stdout.decode().split("\0"))
    return tuple(name for name in names if (ROOT / name).is_file())


@cache
def tracked() -> frozenset[str]:
    """Return the paths of all files in git, and of their folders."""
    folders = {str(folder) for name in tracked_files() for folder in PurePosixPath(name).parents}
    return frozenset(tracked_files()) | folders


@cache
def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
