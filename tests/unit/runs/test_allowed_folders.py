"""A file is opened by its real path, and only under a folder that is open to clients."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from atlas_mcp.errors import InvalidInput
from atlas_mcp.runs.allowed_folders import open_allowed


def read(path: str, *folders: Path) -> bytes:
    descriptor = open_allowed(path, "images[0]", folders=folders)
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An open folder with a file in it, beside a closed one."""
    for name in ("open", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
    return tmp_path / "open"


def test_a_file_is_named_in_full_or_from_its_folder(folder: Path) -> None:
    assert read(str(folder / "a.txt"), folder) == b"open"
    assert read("a.txt", folder) == b"open"


def test_of_several_folders_the_one_that_has_the_file_is_read(folder: Path) -> None:
    (folder / "b.txt").write_text("b")

    assert read("b.txt", folder.parent / "closed", folder) == b"b"


@pytest.mark.parametrize("name", ["../closed/a.txt", "{closed}/a.txt"])
def test_a_file_beyond_the_folders_is_refused_with_the_folders(folder: Path, name: str) -> None:
    path = name.format(closed=folder.parent / "closed")
    with pytest.raises(InvalidInput, match="outside the folders") as caught:
        read(path, folder)

    assert caught.value.argument == "images[0]"
    assert str(folder) in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_out_of_the_folder_leads_nowhere(folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent / "closed")

    with pytest.raises(InvalidInput, match="outside the folders"):
        read("link/a.txt", folder)


def test_without_a_folder_the_error_names_the_setting(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="ATLAS_IMAGES_FOLDERS"):
        read(str(folder / "a.txt"))


def test_a_file_that_is_not_there_is_an_error_of_the_system(folder: Path) -> None:
    with pytest.raises(OSError, match=r"none\.txt|No such file"):
        read("none.txt", folder)
