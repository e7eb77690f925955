"""This Python, as a command: it starts a process in which the same modules are found.

A package may be installed, editable, in an archive, or a folder that `python -m` was started in.
A child therefore gets our whole list of places for modules, and works out none by itself.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import atlas_mcp

_LAUNCH = """
import sys
module, function, *sys.path[:] = sys.argv[1:]
del sys.argv[1:]
from importlib import import_module
sys.exit(getattr(import_module(module), function)())
"""
"""The program of a child: it gets a module, a function of it, and the places for modules."""


def this_python() -> list[str]:
    """Return the program and the options with which a child runs as this process does.

    The folder that the child is started in is never a place for its modules.

    Raises:
        OSError: This process is not run by a program that is Python alone, as a frozen one.
    """
    if not sys.executable or getattr(sys, "frozen", False):
        raise OSError("this program does not know the Python that runs it")
    # It has no public name; `multiprocessing` starts its children with it.
    options: list[str] = cast("Any", subprocess)._args_from_interpreter_flags()
    if not sys.flags.isolated and "-P" not in options:
        options.append("-P")
    known = {one.partition("=")[0] for one in options}
    for name, value in sys._xoptions.items():  # pyright: ignore[reportPrivateUsage] - it is documented
        if name not in known and not (name == "dev" and sys.flags.dev_mode):
            options += ["-X", name if value is True else f"{name}={value}"]
    return [sys.executable, *options]


def launch_command(module: str, function: str) -> list[str]:
    """Return the command of a process that calls a function and exits with its result.

    Args:
        module: The full name of a module.
        function: The name of a function of it, which takes no arguments and returns an exit code.

    Raises:
        OSError: See `this_python`.
    """
    return [*this_python(), "-c", _LAUNCH, module, function, *_places()]


def _places() -> list[str]:
    """Return where this process looks for modules, without the folder in which it was started.

    That folder may be any project; it stays only where this package itself is in it.
    """
    ours = Path(*atlas_mcp.__path__).parent
    try:
        started_in = Path.cwd()
    except OSError:
        # It has been removed; no module is found there.
        return [place for place in sys.path if Path(place).is_absolute()]
    # An empty place, and one that is relative, are below the folder that the process is in.
    places = [str(started_in / place) for place in sys.path]
    return [place for place in places if Path(place) != started_in or started_in == ours]
