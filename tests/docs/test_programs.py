"""Each rig, benchmark and line of code that one hands to a process imports names that there are."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(
    path
    for folder in ("tests/rigs", "tests/support", "benchmarks", "docs")
    for path in (ROOT / folder).rglob("*.py")
    # Frameworks stand in environments of their own.
    if "frameworks" not in path.parts
)

QUOTED = re.compile(r"^\s*from (atlas_mcp[\w.]*) import ([\w, ]+)", re.MULTILINE)
"""An import in code that a program hands on as a text."""


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the modules of ours that a program imports from, each with a name in it."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield node.module, alias.name
    for module, names in QUOTED.findall(source):
        for name in names.split(","):
            yield module, name.strip().partition(" as ")[0]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_program_imports_names_that_there_are(path: Path) -> None:
    for module, name in imported(path):
        if module.partition(".")[0] not in ("atlas_mcp", "tests", "benchmarks"):
            continue
        found = importlib.import_module(module)
        assert hasattr(found, name) or importlib.import_module(f"{module}.{name}"), (module, name)
