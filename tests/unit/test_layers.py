"""Rules about rooms that the import linter cannot see, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import grimp
import pytest

import atlas_mcp
from atlas_mcp.models.registry import VENDORS

PACKAGE = Path(*atlas_mcp.__path__)

READERS = frozenset({"config", "cli", "server", "driver", "testing"})
"""The rooms that may read the environment; the fakes of tests are no part of the program."""

READING = frozenset(
    {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv", "getproxies"}
)
"""Names of the standard library that read the environment, or change it."""


MODULES = frozenset({"os", "posix", "nt", "urllib.request"})
"""The modules that have them."""


def names_of_modules(tree: ast.Module) -> Iterator[str]:
    """Yield the names by which a module knows one of `MODULES`, as they are written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name in MODULES:
                    yield name.asname or name.name
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                if f"{node.module}.{name.name}" in MODULES:
                    yield name.asname or name.name


def reads_of_the_environment(source: str) -> Iterator[str]:
    """Yield each place in which a module reads the environment itself."""
    tree = ast.parse(source)
    owners = set(names_of_modules(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in READING:
            if ast.unparse(node.value) in owners:
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for name in node.names:
                if name.name in READING:
                    yield f"line {node.lineno}: from {node.module} import {name.name}"


def test_only_configuration_and_the_ways_in_read_the_environment() -> None:
    modules = [
        path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in READERS
    ]
    found = {
        path.relative_to(PACKAGE).as_posix(): list(
            reads_of_the_environment(path.read_text(encoding="utf-8"))
        )
        for path in modules
    }

    assert len(modules) > 50
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['A']",
        "import os\nos.getenv('A')",
        "import os\nchild = {**os.environ}",
        "from os import environ",
        "from os import getenv as env",
        "from urllib.request import getproxies",
        "import os as o\no.environ['A']",
        "import urllib.request\nurllib.request.getproxies()",
        "from urllib import request as r\nr.getproxies()",
    ],
)
def test_a_module_that_reads_the_environment_is_found(source: str) -> None:
    assert list(reads_of_the_environment(source))


@pytest.mark.parametrize(
    "source", ["import os\nos.path.join('a', 'b')", "def f(environ): return environ['A']"]
)
def test_a_module_that_is_given_an_environment_reads_none(source: str) -> None:
    assert not list(reads_of_the_environment(source))


def test_vendors_know_nothing_of_each_other() -> None:
    """The folders are those of the registry, so that a new vendor stands under the rule by itself.

    What two of them need is in `models/wire`.
    """
    folders = sorted(set(VENDORS.values()))
    graph = grimp.build_graph("atlas_mcp", cache_dir=None)

    assert len(folders) > 3
    assert not [
        f"{importer} -> {imported}"
        for importer, imported in permutations(folders, 2)
        if graph.chain_exists(importer=importer, imported=imported, as_packages=True)
    ]
