"""What `docs/local-models.md` shows is loaded, or held against what it speaks of."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from atlas_mcp.atlas.guarded_prompts import STEPS_CHARS
from atlas_mcp.atlas.workflows.guarded import USUAL_EXPLORES
from atlas_mcp.cli.commands import cli
from atlas_mcp.config.settings import Settings
from atlas_mcp.models.configuration import load_settings
from atlas_mcp.models.embedded.names import SMALL_BYTES
from atlas_mcp.models.embedded.vendor import (
    CONTEXT_TOKENS,
    MAX_TOKENS,
    PARALLEL,
    SMALL_MAX_TOKENS,
    SMALL_STRING_CHARS,
)
from atlas_mcp.models.pool import Pool
from atlas_mcp.testing.gguf import model_file

PAGE = (Path(__file__).parents[2] / "docs" / "local-models.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
LINES = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of somebody who has the files that the page names."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in re.findall(r"local/~/(\S*?\.gguf)", PAGE):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            opened.write(model_file())
            opened.truncate(SMALL_BYTES)
    return tmp_path


def load(snippet: str, machine: Path) -> Settings:
    config = machine / "atlas.toml"
    config.write_text(snippet, encoding="utf-8")
    environ = {"ATLAS_CONFIG": str(config), "ATLAS_HOME": str(machine), "HOME": str(machine)}
    return load_settings({**environ, "OTHER_API_KEY": "x", "ANTHROPIC_API_KEY": "x"})


def test_there_is_something_to_check() -> None:
    assert len(SNIPPETS) == 4
    assert len(LINES) == 4


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_every_configuration_is_a_pool_with_an_orchestrator(machine: Path, snippet: str) -> None:
    settings = load(snippet, machine)
    pool = Pool(settings)
    solvers = pool.solvers(None)

    assert [entry.name for entry in solvers] == list(settings.solvers)
    for spec in (*(entry.spec for entry in solvers), pool.orchestrator(solvers)):
        assert spec.price is not None, spec.model


def test_the_entry_that_states_the_defaults_states_what_they_are(machine: Path) -> None:
    entry = load(SNIPPETS[0], machine).solvers["mine"]

    assert (entry.context_tokens, entry.max_tokens) == (CONTEXT_TOKENS, MAX_TOKENS)
    assert entry.parallel == PARALLEL


def test_the_servers_hold_replies_to_a_schema(machine: Path) -> None:
    specs = {one.name: one.spec for one in Pool(load(SNIPPETS[2], machine)).solvers(None)}

    assert specs.keys() == {"ollama", "llamacpp", "vllm", "lmstudio"}
    assert {spec.schema_mode for spec in specs.values()} == {"strict"}
    assert {name for name, spec in specs.items() if spec.tools} == {"vllm"}


def test_an_entry_says_whether_its_model_is_helped_where_it_orchestrates(machine: Path) -> None:
    pool = Pool(load(SNIPPETS[1], machine))
    solvers = pool.solvers(None)

    assert {one.name: one.spec.guard for one in solvers} == {"ollama": True, "mine": False}
    assert pool.orchestrator(solvers).guard


@pytest.mark.parametrize("line", LINES)
def test_every_command_is_one_that_there_is(line: str) -> None:
    program, *arguments = shlex.split(line)
    assert program == "atlas-mcp"

    command: click.Command = cli
    context = click.Context(cli, info_name=program, **cli.context_settings)
    while isinstance(command, click.Group):
        found = command.get_command(context, arguments.pop(0))
        assert found is not None, line
        command = found
    # Under its parent: a command remembers the names of its help option from its first context.
    command.make_context("command", arguments, parent=context)


def test_the_numbers_of_the_page_are_those_in_use() -> None:
    for number in (CONTEXT_TOKENS, SMALL_MAX_TOKENS):
        assert f"{number:,} tokens" in PAGE
    assert f"{SMALL_STRING_CHARS} characters" in PAGE
    assert f"at most {STEPS_CHARS} characters each" in PAGE
    assert USUAL_EXPLORES == 4
    assert "**Four explores at most**" in PAGE
    assert f"{SMALL_BYTES / 1e9} GB" in PAGE
