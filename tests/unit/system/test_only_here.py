"""Only one room knows the system; the types, checked for three of them, say the rest."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import atlas_mcp

PACKAGE = Path(*atlas_mcp.__path__)

MODULES = {
    *("_winapi", "ctypes", "msvcrt", "nt", "winreg"),
    *("fcntl", "grp", "posix", "pty", "pwd", "resource", "termios", "tty"),
    "platform",
}
"""Modules that some systems lack, or that are about the system."""

QUESTIONS = {("sys", "platform"), ("os", "name"), ("sys", "getwindowsversion"), ("os", "uname")}

EVERYWHERE = {
    *("O_RDONLY", "O_WRONLY", "O_RDWR", "O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND"),
    *("SIGINT", "SIGTERM", "SIG_DFL", "SIG_IGN"),
}


def system_in(source: str) -> Iterator[str]:
    """Yield what a module says of the system that it runs on."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            if (node.module or "").split(".")[0] in MODULES:
                yield str(node.module)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner, name = node.value.id, node.attr
            special = name.startswith(("O_", "SIG")) and name.isupper() and name not in EVERYWHERE
            if (owner, name) in QUESTIONS or (owner in ("os", "signal") and special):
                yield f"{owner}.{name}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # What is asked for by its name.
            name = node.value
            if name.startswith(("O_", "SIG")) and name.isidentifier() and name not in EVERYWHERE:
                yield repr(name)


def test_no_other_room_asks_which_system_it_runs_on() -> None:
    others = [
        path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "system"
    ]
    found = {
        path.relative_to(PACKAGE).as_posix(): list(system_in(path.read_text(encoding="utf-8")))
        for path in others
    }

    assert len(others) > 50
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl",
        "from ctypes import wintypes",
        "import sys\nif sys.platform == 'win32': ...",
        "import os\nos.open('a', os.O_RDONLY | os.O_CLOEXEC)",
        "import signal\nsignal.SIGHUP",
        "import signal\ngetattr(signal, 'SIGBREAK', None)",
    ],
)
def test_a_room_that_asked_would_be_found(source: str) -> None:
    assert list(system_in(source))
