"""Paths that variables hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from atlas_mcp.config.paths import expanded
from atlas_mcp.errors import ConfigError
from atlas_mcp.models.configuration import load_settings


def test_a_path_of_the_file_may_begin_with_a_variable(toml: Path) -> None:
    toml.write_text("[budget]\nmax_explores = 3\n")
    environ = {"ATLAS_CONFIG": "${HERE}/atlas.toml", "ATLAS_HOME": "$HERE/h"}

    settings = load_settings({**environ, "HERE": str(toml.parent)})

    assert settings.budget.max_explores == 3
    assert settings.home == toml.parent / "h"


def test_a_user_without_a_home_folder_is_told_which_variable_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(name: str) -> Path:
        raise RuntimeError("could not determine the home directory")

    def unresolved(name: str) -> Path:
        return Path("~/.local") / name

    for found in (nowhere, unresolved):
        monkeypatch.setattr("platformdirs.user_config_path", found)
        monkeypatch.setattr("platformdirs.user_data_path", found)

        assert load_settings({"ATLAS_HOME": str(tmp_path)}).home == tmp_path
        with pytest.raises(ConfigError, match="ATLAS_HOME is not set"):
            load_settings({})


def test_a_relative_path_starts_at_the_working_directory_and_is_told_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.toml").write_text("[budget]\nmax_explores = 3\n")

    settings = load_settings({"ATLAS_CONFIG": "here.toml", "ATLAS_HOME": "data"})

    assert settings.budget.max_explores == 3
    assert settings.home == tmp_path / "data"
    missing = re.escape(f"ATLAS_CONFIG: there is no file {tmp_path / 'other.toml'}")
    with pytest.raises(ConfigError, match=missing):
        load_settings({"ATLAS_CONFIG": "other.toml"})


@pytest.mark.parametrize("variable", ["ATLAS_CONFIG", "ATLAS_HOME"])
def test_a_relative_path_that_starts_nowhere_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    def gone() -> str:
        raise FileNotFoundError(2, "No such file or directory")

    nowhere = {"XDG_CONFIG_HOME": str(tmp_path), "ATLAS_HOME": str(tmp_path)}
    monkeypatch.setattr("os.getcwd", gone)

    with pytest.raises(ConfigError, match=f"{variable} is a relative path"):
        load_settings({**nowhere, variable: "here"})
    assert load_settings(nowhere).home == tmp_path


def test_home_and_variables_in_a_path_are_written_out() -> None:
    environ = {"DATA": "/srv", "D": "/other"}

    assert expanded("X", "$DATA/atlas", environ) == "/srv/atlas"
    assert expanded("X", "${DATA}/$D", environ) == "/srv//other"
    assert expanded("X", "%DATA%/a", environ) == "/srv/a"
    assert expanded("X", "~/a", environ) == str(Path.home() / "a")
    assert expanded("X", "/plain/$/100%", environ) == "/plain/$/100%"


@pytest.mark.parametrize("path", ["$NOWHERE/a", "${NOWHERE}/a", "~nobody-of-this-name/a"])
def test_a_path_that_cannot_be_written_out_names_its_variable(path: str) -> None:
    with pytest.raises(ValueError, match=r"ATLAS_X: .*write the path out"):
        expanded("ATLAS_X", path, {})
