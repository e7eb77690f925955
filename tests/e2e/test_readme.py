"""The README's words are run, or held against what they speak of."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from atlas_mcp.config import FileSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def block(readme: str, mark: str) -> list[str]:
    match = re.search(rf"<!-- {mark} -->\n```bash\n(.*?)\n```", readme, re.DOTALL)
    assert match is not None
    return match[1].splitlines()


def test_ci_runs_the_test_command_of_the_readme(readme: str) -> None:
    [command] = block(readme, "test")

    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()


def test_the_configuration_in_the_readme_is_accepted(readme: str) -> None:
    match = re.search(r"```toml\n(.*?)```", readme, re.DOTALL)
    assert match is not None

    settings = FileSettings.model_validate(tomllib.loads(match[1]))

    assert set(settings.solvers) == {"sonnet", "haiku"}


def test_the_readme_shows_the_example_for_claude_desktop(readme: str) -> None:
    example = json.loads((ROOT / "claude_desktop_config.example.json").read_text(encoding="utf-8"))
    match = re.search(r"```json\n(.*?)```", readme, re.DOTALL)
    assert match is not None

    assert json.loads(match[1]) == example


def test_the_readme_names_every_command(readme: str) -> None:
    from atlas_mcp.cli.commands import cli

    for name in set(cli.commands) - {"serve"}:
        assert f"atlas-mcp {name}" in readme
