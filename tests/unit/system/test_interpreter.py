from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

import atlas_mcp
from atlas_mcp.system.interpreter import this_python
from tests.support.systems import posix

PARENT = """
import json
from atlas_mcp.system.interpreter import launch_command
print(json.dumps(launch_command("atlas_mcp.shown", "show")))
"""
SHOWN = """
import json, os, sys

FLAGS = ("isolated", "ignore_environment", "utf8_mode")

def show():
    found = {"file": __file__, "arguments": sys.argv[1:], "path": sys.path}
    found["flags"] = [name for name in FLAGS if getattr(sys.flags, name)]
    found |= {"options": dict(sys._xoptions), "warnings": sys.warnoptions}
    print(json.dumps(found))
    return 3
"""


class Shown(NamedTuple):
    """What a launched process has found."""

    file: str
    arguments: list[str]
    path: list[str]
    flags: list[str]
    options: dict[str, str | bool]
    warnings: list[str]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that holds a copy of what is launched here, and of what launches it."""
    (package,) = atlas_mcp.__path__
    folder = tmp_path / "place"
    shutil.copytree(Path(package) / "system", folder / "atlas_mcp" / "system")
    shutil.copy(Path(package) / "__init__.py", folder / "atlas_mcp")
    (folder / "atlas_mcp" / "shown.py").write_text(SHOWN, encoding="utf-8")
    return folder


def run(command: list[str], folder: Path, environ: dict[str, str]) -> tuple[int, str]:
    # Without this, what else is set for the tests would be the child's.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    found = subprocess.run(
        command, cwd=folder, env=kept | environ, stdout=subprocess.PIPE, text=True, timeout=60
    )
    return found.returncode, found.stdout


def launched(*options: str, cwd: Path, later: Path | None = None, **environ: str) -> Shown:
    """Return what a process finds that is launched by one with these options and this folder."""
    code, output = run([sys.executable, *options, "-c", PARENT], cwd, environ)
    assert code == 0
    code, output = run(json.loads(output), later or cwd, environ)
    assert code == 3, "its exit code is what the function returns"
    return Shown(**json.loads(output))


def test_a_checkout_that_the_parent_was_started_in_is_where_the_child_looks_too(
    place: Path, tmp_path: Path
) -> None:
    shown = launched(cwd=place, later=tmp_path)

    assert shown.file == str(place / "atlas_mcp" / "shown.py")
    assert shown.arguments == []
    assert shown.path[0] == str(place)


def test_another_folder_that_the_parent_was_started_in_is_no_place_for_modules(
    place: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "json.py").write_text("raise SystemExit('a module of the project')")
    (project / "importlib.py").write_text("raise SystemExit('a module of the project')")
    (project / "signal.py").write_text("raise SystemExit('a module of the project')")

    shown = launched("-P", cwd=project, PYTHONPATH=str(place))

    assert shown.file == str(place / "atlas_mcp" / "shown.py")
    assert str(project) not in shown.path
    assert "" not in shown.path


@posix
def test_a_folder_that_has_been_removed_meanwhile_does_no_harm(place: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    code = f"import os; os.rmdir({str(project)!r})\n{PARENT}"

    code, output = run([sys.executable, "-c", code], project, {"PYTHONPATH": str(place)})

    assert code == 0
    code, output = run(json.loads(output), tmp_path, {})
    assert Shown(**json.loads(output)).file == str(place / "atlas_mcp" / "shown.py")


def test_an_archive_is_a_place_for_modules(place: Path, tmp_path: Path) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in place.rglob("*.py"):
            packed.write(path, path.relative_to(place))

    shown = launched(cwd=tmp_path, PYTHONPATH=str(archive))

    assert shown.file == str(archive / "atlas_mcp" / "shown.py")


def test_the_child_has_the_options_of_its_parent(place: Path) -> None:
    options = ("-E", "-W", "ignore::UserWarning", "-X", "utf8", "-X", "int_max_str_digits=5000")

    shown = launched(*options, cwd=place)

    assert shown.flags == ["ignore_environment", "utf8_mode"]
    assert shown.options == {"utf8": True, "int_max_str_digits": "5000"}
    assert shown.warnings == ["ignore::UserWarning"]


@pytest.mark.parametrize("missing", ["executable", "frozen"])
def test_a_program_that_is_not_python_alone_starts_none(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "frozen":
        monkeypatch.setattr(sys, "frozen", True, raising=False)
    else:
        monkeypatch.setattr(sys, "executable", None)

    with pytest.raises(OSError, match="does not know the Python that runs it"):
        this_python()
