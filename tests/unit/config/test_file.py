"""The file: where it is, how it is read, and the line of a key."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from atlas_mcp.errors import ConfigError
from atlas_mcp.models.configuration import load_settings
from tests.support.config_files import load
from tests.support.systems import posix


def test_a_file_that_is_named_and_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ATLAS_CONFIG"):
        load_settings({"ATLAS_CONFIG": str(tmp_path / "nowhere.toml")})


def test_a_file_that_is_no_text_is_an_error(toml: Path) -> None:
    toml.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings({"ATLAS_CONFIG": str(toml)})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_an_editor_of_windows_saved_is_read(toml: Path, encoding: str) -> None:
    toml.write_text("[budget]\r\nmax_explores = 3\r\n", encoding=encoding, newline="")

    assert load_settings({"ATLAS_CONFIG": str(toml)}).budget.max_explores == 3


def test_a_folder_in_the_place_of_the_file_is_told_with_the_right_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ATLAS_CONFIG: .* is a folder; name the file"):
        load_settings({"ATLAS_CONFIG": str(tmp_path)})


@posix
@pytest.mark.requirement("HANG-9")
def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe without a writer would keep a server from its start."""
    assert sys.platform != "win32"
    os.mkfifo(tmp_path / "pipe")

    for environ in (
        {"ATLAS_CONFIG": str(tmp_path / "pipe")},
        {"ATLAS_CONFIG": "/dev/zero"},
        {"ATLAS_CONFIG": "/dev/tty"},
    ):
        with pytest.raises(ConfigError, match=f"ATLAS_CONFIG: {environ['ATLAS_CONFIG']} .*file"):
            load_settings(environ)


@posix
def test_the_file_of_the_platform_is_not_waited_for_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sys.platform != "win32"
    os.mkfifo(tmp_path / "atlas.toml")

    def here(name: str) -> Path:
        return tmp_path

    monkeypatch.setattr("platformdirs.user_config_path", here)

    with pytest.raises(ConfigError, match=r"atlas\.toml cannot be read: it is no regular file"):
        load_settings({"ATLAS_HOME": str(tmp_path)})


@posix
def test_the_null_device_is_a_file_in_which_nothing_stands() -> None:
    assert load_settings({"ATLAS_CONFIG": os.devnull}).solvers == {}


@pytest.mark.parametrize(
    ("header", "key", "line"),
    [
        ('[solvers."a.b"]', "quota", 4),
        ("[ solvers . 'a.b' ] # the first", "'quota'", 4),
        ('[solvers."a.b"]', '"quo\\u0074a"', 4),
        ("[solvers]", '"a.b".quota', 4),
        ('[solvers]\n"x=[#]".model = "scripted/demo"', '"a.b" . quota', 5),
        ('[solvers."x]"]\nmodel = "scripted/demo"\n[solvers."a.b"]', "quota", 6),
    ],
)
def test_the_line_of_a_key_is_told_whatever_stands_in_its_name(
    toml: Path, header: str, key: str, line: int
) -> None:
    model = '"a.b".model' if header.startswith("[solvers]") else "model"
    content = f'# what for\n{header}\n{model} = "scripted/demo"\n{key} = 0\n'

    with pytest.raises(ConfigError, match=rf"atlas\.toml.*line {line}\b"):
        load(toml, content)


def test_the_folder_of_another_user_holds_no_file_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path, *, follow_symlinks: bool = True) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(Path, "stat", forbidden)

    assert load_settings({"ATLAS_HOME": str(tmp_path)}).solvers == {}


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf\xef\xbb\xbf[budget]\nmax_explores = 3\n",
        b"[budget]\nmax_explores = 3\n\x1a",
        b"[budget]\rmax_explores = 3\r",
    ],
    ids=["two marks", "an end of file", "lines ended by CR"],
)
def test_a_file_saved_by_an_odd_program_is_read(toml: Path, data: bytes) -> None:
    toml.write_bytes(data)

    settings = load_settings({"ATLAS_CONFIG": str(toml), "ATLAS_HOME": str(toml.parent)})

    assert settings.budget.max_explores == 3
