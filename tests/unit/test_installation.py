from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from atlas_mcp import installation
from atlas_mcp.installation import DISTRIBUTION, EXTRAS, install_command, requirements

ROOT = Path(__file__).parents[2]


class Metadata:
    """What is installed under our name, as far as it is asked."""

    def __init__(self, requires: Sequence[str] | None) -> None:
        self.requires = None if requires is None else list(requires)


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "venvs" / "atlas-solve-mcp"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "bin" / "python"))
    return folder


def without_pip(name: str) -> None:
    assert name == "pip"


def test_an_extra_is_added_by_the_names_of_the_libraries_it_asks_for(prefix: Path) -> None:
    assert install_command("openai") == f'{prefix}/bin/python -m pip install "openai<4,>=3.54"'
    assert install_command("local") == f'{prefix}/bin/python -m pip install "xllamacpp>=2026.10"'


def test_no_command_names_us_to_an_installer_but_as_an_environment(
    prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (prefix / "pipx_metadata.json").write_text("{}")

    assert install_command("openai") == 'pipx inject atlas-solve-mcp "openai<4,>=3.54"'


def test_an_environment_without_pip_is_added_to_by_uv(
    prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "find_spec", without_pip)

    python = prefix / "bin" / "python"
    assert install_command("local") == f'uv pip install --python {python} "xllamacpp>=2026.10"'


@pytest.mark.parametrize(
    ("executable", "shown"),
    [
        ("/opt/my tools/bin/python", "'/opt/my tools/bin/python'"),
        (r"C:\Users\ann\venv\Scripts\python.exe", r"C:\Users\ann\venv\Scripts\python.exe"),
        (r"C:\Users\An N\venv\python.exe", r'"C:\Users\An N\venv\python.exe"'),
    ],
)
def test_the_path_of_the_interpreter_survives_a_shell(
    executable: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", executable)

    assert install_command("local").startswith(f"{shown} -m pip install ")


@pytest.mark.parametrize("listed", [None, (), ("rich>=14", "trio>=0.33; extra == 'dev'")])
def test_an_extra_is_known_where_the_metadata_say_nothing_of_it(
    listed: Sequence[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(name: str) -> Metadata:
        return Metadata(listed)

    monkeypatch.setattr(installation, "distribution", found)

    assert requirements("openai") == ("openai>=3.54,<4",)


def test_a_copy_that_was_never_installed_knows_its_extras(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installation, "DISTRIBUTION", "no-such-distribution")

    assert requirements("local") == ("xllamacpp>=2026.10",)


def test_the_extras_and_the_name_are_those_of_the_project_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["name"] == DISTRIBUTION
    for extra, wanted in EXTRAS.items():
        assert tuple(project["optional-dependencies"][extra]) == wanted
        assert set(wanted) <= set(project["optional-dependencies"]["dev"])


def test_both_names_start_the_program() -> None:
    folder = Path(sys.executable).parent
    for name in ("atlas-mcp", "atlas-solve-mcp"):
        done = subprocess.run([folder / name, "--version"], capture_output=True, check=True)
        assert done.stdout.startswith(b"atlas-mcp")
