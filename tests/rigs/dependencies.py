"""Runs the suite with other versions than those at hand, and against the built wheel alone.

    python tests/rigs/dependencies.py wheel            the wheel, without the package's source
    python tests/rigs/dependencies.py lowest newest    the oldest and newest libraries we take
    python tests/rigs/dependencies.py python           every Python of the machine from 3.11 on

Each is an environment of its own, in which the tests run from a folder that holds no source of the
package: the tests import the package that was built. `--paths` names the tests; without it, the
everyday suite runs. Needs a package index for the libraries.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
COPIED = ("tests", "docs", "benchmarks", "ui", ".ci", "changelog.d", "pyproject.toml", "README.md")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", "generated")
NEEDS_SOURCE = (
    "tests/unit/test_house.py",
    "tests/docs",
    "tests/e2e/test_readme.py",
    "tests/conformance/test_requirements.py",
)
"""Tests of the source tree itself, which the wheel does not hold."""


def run(*command: str | Path, cwd: Path = ROOT, **environ: str) -> int:
    """Run a command with its output shown, and return its exit code."""
    words = [str(word) for word in command]
    print("$", *words, flush=True)
    return subprocess.run(words, cwd=cwd, env={**os.environ, **environ}, check=False).returncode


def must(*command: str | Path, cwd: Path = ROOT) -> None:
    if code := run(*command, cwd=cwd):
        sys.exit(f"{' '.join(map(str, command))} ended with {code}")


def wheel(folder: Path) -> Path:
    """Build the wheel and return it."""
    must(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT)
    [built] = folder.glob("*.whl")
    return built


def interpreter(version: str) -> str | None:
    """Return a Python of a version that works, if the machine has one: on the path, or in pyenv."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    places = [shutil.which(name), *map(str, pyenv.glob(f"versions/{version}.*/bin/{name}"))]
    for found in filter(None, places):
        asked = [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:
            return found
    return None


def constraints(resolution: str, python: str, folder: Path) -> Path:
    """Return a file of the versions that a resolution chooses."""
    pinned = folder / f"{resolution}.txt"
    uv = Path(sys.executable).with_name("uv")
    how = ["--resolution", resolution, "--python", python, "--extra", "dev", "--no-header"]
    must(uv, "pip", "compile", "-q", *how, "--no-annotate", "-o", pinned, "pyproject.toml")
    return pinned


def kinds(names: list[str], folder: Path) -> Iterator[tuple[str, str, Path | None]]:
    """Yield each environment to make: its name, its Python, and the versions it is held to."""
    for name in names:
        if name == "python":
            for version in PYTHONS:
                if found := interpreter(version):
                    yield f"python{version}", found, None
                else:
                    print(f"python{version}: NOT TESTED, this machine has none", flush=True)
        elif name == "wheel":
            yield name, sys.executable, None
        else:
            resolution = "lowest-direct" if name == "lowest" else "highest"
            yield name, sys.executable, constraints(resolution, sys.executable, folder)


def tested(name: str, python: str, pinned: Path | None, built: Path, paths: list[str]) -> bool:
    """Make an environment, run the tests in it, and return whether they passed."""
    with tempfile.TemporaryDirectory(prefix=f"atlas-{name}-") as scratch:
        folder = Path(scratch)
        must(python, "-m", "venv", folder / "venv")
        held = ["-c", str(pinned)] if pinned is not None else []
        must(folder / "venv/bin/pip", "install", "-q", f"{built}[dev]", *held)
        place = folder / "tree"
        place.mkdir()
        for item in COPIED:
            source = ROOT / item
            if source.is_dir():
                shutil.copytree(source, place / item, ignore=LEFT_OUT)
            else:
                shutil.copy(source, place / item)
        ignored = [f"--ignore={one}" for one in NEEDS_SOURCE]
        code = run(folder / "venv/bin/python", "-m", "pytest", "-q", *ignored, *paths, cwd=place)
        print(f"{name}: {'ok' if code == 0 else 'FAILED'}", flush=True)
        return code == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kinds", nargs="+", choices=["wheel", "lowest", "newest", "python"])
    parser.add_argument("--paths", nargs="*", default=[])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="atlas-dependencies-") as scratch:
        folder = Path(scratch)
        built = wheel(folder)
        passed = [
            tested(name, python, pinned, built, asked.paths)
            for name, python, pinned in kinds(asked.kinds, folder)
        ]
    sys.exit(0 if passed and all(passed) else 1)


if __name__ == "__main__":
    main()
