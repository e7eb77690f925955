"""The shape of the package: how long its parts are, and where tests are.

The import contracts stand in `pyproject.toml`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "atlas_mcp"
MODULES = sorted(PACKAGE.rglob("*.py"))

MOST_FILE_LINES = 400
MOST_CLASS_LINES = 250
MOST_FUNCTION_LINES = 50
REASON = "# long: "
"""Begins the comment on the `def` line of a longer function that says why it is one."""


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def long_parts(path: Path) -> Iterator[str]:
    """Yield what is too long, as `room/file`, or `room/file:name` for classes and functions."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    if len(lines) > MOST_FILE_LINES:
        yield name_of(path)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            allowed = MOST_CLASS_LINES
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            allowed = MOST_FUNCTION_LINES
        else:
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        reason = lines[node.lineno - 1].partition(REASON)[2].strip()
        reasoned = allowed == MOST_FUNCTION_LINES and reason != ""
        if length > allowed and not reasoned:
            yield f"{name_of(path)}:{node.name}"


def is_tested_by_name(path: Path) -> bool:
    """Return whether a test file bears the module's name, in a folder of its room."""
    room = path.relative_to(PACKAGE).parent
    return any(
        (ROOT / "tests" / kind / room / f"test_{path.stem}.py").is_file()
        for kind in ("unit", "integration", "conformance", "e2e")
    )


def untested() -> set[str]:
    """Return the modules without a test file of their name; fakes are shown by conformance."""
    return {
        name_of(path)
        for path in MODULES
        if not path.name.startswith("__")
        and not name_of(path).startswith("testing/")
        and not is_tested_by_name(path)
    }


def test_files_classes_and_functions_are_short_enough_to_be_read() -> None:
    long = {part for path in MODULES for part in long_parts(path)}

    assert long == set(), "shorten, or say why after `# long: ` (functions)"


def test_every_module_has_a_test_file_of_its_name() -> None:
    assert untested() == set(), "these have no test file of their name"
