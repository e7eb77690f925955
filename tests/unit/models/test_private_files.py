"""Files that only this user may read."""

from __future__ import annotations

from pathlib import Path

from atlas_mcp.models.private_files import private
from tests.support.systems import posix


@posix
def test_a_new_file_is_for_this_user_only(tmp_path: Path) -> None:
    assert private(tmp_path / "f").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_keeps_what_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("held", encoding="utf-8")

    assert private(file).read_text(encoding="utf-8") == "held"
