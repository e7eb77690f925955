"""All that is printed goes through one module. Read from the source, so that it stays so."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import atlas_mcp

PACKAGE = Path(atlas_mcp.__file__).parent

WAY_OUT = PACKAGE / "cli" / "terminal.py"

OTHERS = ("testing", "server", "driver/process.py", "system", "program.py")
"""The modules that print by themselves: fakes, and those whose streams lead to no terminal."""

PRINTS = frozenset(
    {
        "print",
        "Console",
        "from_markup",
        "render_markup",
        "rprint",
        "echo",
        "secho",
        "confirm",
        "prompt",
        "pprint",
        "print_exception",
        "print_exc",
        "inspect",
        "Panel",
        "Rule",
    }
)
"""Names of what puts text on a terminal, or reads markup, as the titles of panels do."""


def sources() -> list[Path]:
    def is_other(path: Path) -> bool:
        name = path.relative_to(PACKAGE).as_posix()
        return path == WAY_OUT or any(name == one or name.startswith(f"{one}/") for one in OTHERS)

    return [path for path in sorted(PACKAGE.rglob("*.py")) if not is_other(path)]


def called(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name):
                yield function.id, node
            elif isinstance(function, ast.Attribute):
                yield function.attr, node


@pytest.mark.parametrize("path", sources(), ids=lambda one: one.relative_to(PACKAGE).as_posix())
def test_nothing_prints_but_the_way_out(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    for name, call in called(tree):
        on_screen = (
            name == "print"
            and isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id == "screen"
        )
        assert on_screen or name not in PRINTS, f"{path.name}:{call.lineno} calls {name}"
        if name in ("TextColumn", "RenderableColumn"):
            (markup,) = [one.value for one in call.keywords if one.arg == "markup"]
            assert isinstance(markup, ast.Constant)
            assert markup.value is False
        if name == "Spinner":
            for text in (one.value for one in call.keywords if one.arg == "text"):
                # A string would be read as markup.
                assert isinstance(text, ast.Call)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr"):
            assert not (isinstance(node.value, ast.Name) and node.value.id == "sys"), (
                f"{path.name}:{node.lineno} uses sys.{node.attr}"
            )
