"""The files of one model in the models folder."""

from __future__ import annotations

from pathlib import Path

from atlas_mcp.models.embedded.files import ModelFiles


def test_every_file_stands_beside_the_weights_under_a_name_of_its_own(tmp_path: Path) -> None:
    files = ModelFiles(tmp_path / "x.gguf")

    assert {one.parent for one in (*files.removable, files.wheels)} == {tmp_path}
    assert len({*files.removable, files.wheels}) == len(files.removable) + 1
    assert files.wheels not in files.removable


def test_weights_count_as_verified_until_they_change(tmp_path: Path) -> None:
    files = ModelFiles(tmp_path / "x.gguf")
    files.weights.write_bytes(b"weights")
    assert not files.is_verified("abc")

    files.mark_verified("abc")
    assert files.is_verified("abc")
    assert not files.is_verified("def")

    files.weights.write_bytes(b"other weights")
    assert not files.is_verified("abc")


def test_weights_that_are_gone_are_not_verified(tmp_path: Path) -> None:
    files = ModelFiles(tmp_path / "x.gguf")
    files.weights.write_bytes(b"weights")
    files.mark_verified("abc")
    files.weights.unlink()

    assert not files.is_verified("abc")
    assert not ModelFiles(tmp_path / "x.gguf" / "y.gguf").is_verified("abc")
