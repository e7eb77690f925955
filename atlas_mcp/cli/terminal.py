"""Stdout for data and stderr for people, and no text in either that steers a terminal.

What models, files and users wrote is shown as it is only to programs: never on a terminal, and
never on stderr.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator
from contextlib import contextmanager

import click

from atlas_mcp.errors import AtlasError, InvalidInput
from atlas_mcp.system.consoles import prepare_streams

_STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line end, and those that turn the direction of writing about."""


class OutputLost(AtlasError):
    """Stdout took no more: its disk is full, say."""


def printable(text: str) -> str:
    """Return text with control characters written as in JSON: to be read, not obeyed."""
    return _STEERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


@contextmanager
def writing() -> Generator[None]:
    """Turn what goes wrong with stdout in a block into what people are told.

    Raises:
        OutputLost: It could not be written to.
        BrokenPipeError: Whoever read it has gone.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_stdout()
        raise OutputLost(f"stdout cannot be written to: {error.strerror}") from error


def write_data(text: str) -> None:
    """Write data to stdout: as it is, unless somebody looks at it on a terminal.

    Raises:
        OutputLost: It could not be written.
        BrokenPipeError: Whoever read it has gone.
    """
    with writing():
        sys.stdout.write(printable(text) if sys.stdout.isatty() else text)


def tell(text: str) -> None:
    """Write a line for people to stderr."""
    sys.stderr.write(f"{printable(text)}\n")


def sure(question: str) -> bool:
    """Return whether whoever is at the terminal says yes.

    Raises:
        InvalidInput: Nobody can be asked.
        Abort: They would rather leave.
    """
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise InvalidInput("--yes", "nobody can be asked here; nothing was removed") from None


def drop_stdout() -> None:
    """Let what is still to be written to stdout go nowhere.

    The interpreter would complain when it flushes it in the end.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def prepare() -> None:
    """Let stdout and stderr take every text; pipes and files get UTF-8, whatever the locale."""
    prepare_streams()
