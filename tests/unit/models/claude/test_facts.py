"""The credentials for Anthropic that an environment holds, or leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_mcp.models.claude.facts import has_credentials


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE"])
def test_a_variable_that_is_set_counts_and_one_that_is_blank_does_not(name: str) -> None:
    assert has_credentials({name: "x"})
    assert not has_credentials({name: " "})


def test_a_profile_that_a_login_left_on_disk_counts(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    folder = tmp_path / ".config" / "anthropic" / "configs"
    folder.mkdir(parents=True)
    assert not has_credentials(environ)

    (folder / "default.json").write_text("{}")

    assert has_credentials(environ)
    assert has_credentials({"ANTHROPIC_CONFIG_DIR": str(folder.parent)})
    assert not has_credentials({"ANTHROPIC_CONFIG_DIR": str(tmp_path / "none")})
