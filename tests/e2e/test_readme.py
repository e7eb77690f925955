"""The README's words are run, or held against what they speak of."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from atlas_mcp.config.settings import FileSettings, Settings
from atlas_mcp.models.chat.presets import PRESETS
from atlas_mcp.models.pool import Pool

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


def test_the_configurations_in_the_readme_are_accepted_and_their_models_known(
    readme: str, tmp_path: Path
) -> None:
    snippets: list[str] = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    files = [FileSettings.model_validate(tomllib.loads(snippet)) for snippet in snippets]

    assert [set(file.solvers) for file in files] == [{"sonnet", "haiku"}, {"qwen", "mistral"}]
    for file in files:
        keys = {"MISTRAL_API_KEY": "k", "QWEN_API_KEY": "k"}
        pool = Pool(
            Settings(
                home=tmp_path, solvers=file.solvers, keys=keys, credentials=frozenset({"anthropic"})
            )
        )
        assert pool.orchestrator(pool.solvers(None))


def test_the_readme_names_every_vendor(readme: str) -> None:
    for preset in PRESETS:
        assert f"`{preset.vendor}/…`" in readme


def test_the_readme_shows_the_example_for_claude_desktop(readme: str) -> None:
    example = json.loads((ROOT / "claude_desktop_config.example.json").read_text(encoding="utf-8"))
    match = re.search(r"```json\n(.*?)```", readme, re.DOTALL)
    assert match is not None

    assert json.loads(match[1]) == example


def test_the_readme_names_every_command(readme: str) -> None:
    from atlas_mcp.cli.commands import cli

    for name, command in cli.commands.items():
        if name != "serve":
            assert f"atlas-mcp {name}" in readme
        for inner in getattr(command, "commands", {}):
            assert f"atlas-mcp {name} {inner} " in readme or f"`{name} {inner}" in readme


def test_the_readme_names_every_tool_of_a_model(readme: str) -> None:
    tools = {path.stem for path in (ROOT / "tests/snapshots/tools").glob("*.json")}

    assert set(re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE)) == tools


def test_the_pictures_of_the_readme_are_there_and_small(readme: str) -> None:
    named = re.findall(r'<img src="([^"]+)"', readme)

    assert named == ["docs/pictures/run.png"]
    assert (ROOT / named[0]).stat().st_size <= 120_000
