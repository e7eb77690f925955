"""Builds the page of a run from its lock file, and compares it with the file that is committed.

    python tests/rigs/page_build.py [--write]

Installs from `ui/package-lock.json` into a copy of `ui/`, checks types and style, runs the unit
tests and builds twice. Ends with 1 if a check fails, if the two builds differ, or if they differ
from `atlas_mcp/views/page/page.html`; `--write` puts the build in its place instead. Needs npm.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from node import node, node_folder

ROOT = Path(__file__).parents[2]
UI = ROOT / "ui"
COMMITTED = ROOT / "atlas_mcp/views/page"
BUILT = ("page.html", "page.licenses.md")
MOST_BYTES = 1_500_000
LEFT_OUT = shutil.ignore_patterns("node_modules", "generated")


def run(folder: Path, *command: str, **environ: str) -> None:
    """Run a command of the page's folder, which must work."""
    programs = Path(node(node_folder())).parent
    path = os.pathsep.join((str(programs), os.environ["PATH"]))
    print("$", *command, flush=True)
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environ, "PATH": path})
    if done.returncode != 0:
        sys.exit(f"`{' '.join(command)}` failed in {UI}")


def built(folder: Path, name: str) -> dict[str, bytes]:
    """Build into a folder beside the source, and return the files."""
    target = folder.parent / name
    run(folder, "npm", "run", "--silent", "build", ATLAS_PAGE_FOLDER=str(target))
    return {file: (target / file).read_bytes() for file in BUILT}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the build in its place")
    write = parser.parse_args().write
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is not installed; Debian's package is called npm")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "ui"
        shutil.copytree(UI, folder, ignore=LEFT_OUT)
        run(folder, "npm", "ci", "--no-audit", "--no-fund", "--silent")
        run(folder, "npm", "run", "--silent", "check")
        run(folder, "npm", "test", "--silent")
        first, second = built(folder, "first"), built(folder, "second")
    size = len(first["page.html"])
    print(f"page.html: {size:,} bytes of at most {MOST_BYTES:,}")
    if first != second:
        sys.exit("two builds of one source differ")
    if size > MOST_BYTES:
        sys.exit("the page is too large")
    for name, content in first.items():
        place = COMMITTED / name
        if write:
            place.write_bytes(content)
        elif not place.exists() or place.read_bytes() != content:
            sys.exit(
                f"{place.relative_to(ROOT)} is not that of the source: `page_build.py --write`"
            )
    print("the committed page is that of the source")


if __name__ == "__main__":
    main()
