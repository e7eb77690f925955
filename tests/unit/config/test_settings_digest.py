"""The digest of a configuration: equal for equal ones in every process, and of all its parts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from atlas_mcp.config.endpoints import SolverSettings
from atlas_mcp.config.settings import BudgetSettings, Settings
from atlas_mcp.config.settings_digest import settings_digest

IN_ANOTHER_PROCESS = """
from pathlib import Path
from atlas_mcp.config.settings import Settings
from atlas_mcp.config.settings_digest import settings_digest
print(settings_digest(Settings(home=Path("home"), credentials=frozenset("abcdefgh"))))
"""


def settings(**changes: object) -> Settings:
    values: dict[str, object] = {
        "home": Path("home"),
        "solvers": {"s": SolverSettings(model="openai/x"), "t": SolverSettings(model="openai/y")},
        "keys": {"OPENAI_API_KEY": "a secret"},
        "credentials": frozenset({"anthropic", "openai"}),
    }
    return Settings.model_validate(values | changes)


def test_equal_settings_have_one_digest_that_shows_no_key() -> None:
    reverse = dict(reversed(settings().solvers.items()))
    assert settings_digest(settings()) == settings_digest(settings(solvers=reverse))
    assert re.fullmatch(r"[0-9a-f]{64}", settings_digest(settings()))


@pytest.mark.parametrize(
    "change",
    [
        {"home": Path("elsewhere")},
        {"keys": {"OPENAI_API_KEY": "another"}},
        {"base_urls": {"openai": "http://127.0.0.1:1"}},
        {"budget": BudgetSettings(max_explores=9)},
        {"solvers": {"s": SolverSettings(model="openai/x")}},
        {"credentials": frozenset({"openai"})},
        {"faults": {"X": "is empty"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_of_any_part_changes_it(change: dict[str, object]) -> None:
    assert settings_digest(settings(**change)) != settings_digest(settings())


@pytest.mark.parametrize("seed", ["1", "2"])
def test_it_is_the_same_in_another_process(seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    here = Settings(home=Path("home"), credentials=frozenset("abcdefgh"))
    assert done.stdout.strip() == settings_digest(here)
