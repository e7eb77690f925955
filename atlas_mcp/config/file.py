"""The file `atlas.toml`: its place, its content, and the line of each key.

Refuses a file that cannot be read, is not TOML, or is longer or deeper than any configuration.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from atlas_mcp.config.encodings import text_of
from atlas_mcp.config.paths import given_path, platform_folder
from atlas_mcp.errors import ConfigError
from atlas_mcp.system.opening import open_regular
from atlas_mcp.texts import one_line

FILE_NAME = "atlas.toml"

MAX_FILE_BYTES = 1_000_000
"""Longest file. Our own choice: a pool of hundreds of solvers has some ten thousand."""

_DEEPEST_KEY = 50
"""Parts of the name of a key or a table. Our own choice: those that we know have four."""

_TOO_DEEP = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{_DEEPEST_KEY}}}"""
)
"""A name of more parts. The library takes a minute for one of thirty thousand."""


class ConfigFile(NamedTuple):
    """The file, read.

    Attributes:
        path: Where it is, or would be; `None` for a user without a place for it.
        text: Its text; empty where there is no file.
    """

    path: Path | None
    text: str

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Self:
        """Return the file that the environment names, or the one in the platform's folder.

        Raises:
            ConfigError: It cannot be read, or the variable names no file.
        """
        from platformdirs import user_config_path

        given = environ.get("ATLAS_CONFIG", "").strip()
        if given:
            path = given_path("ATLAS_CONFIG", given, environ)
            return cls(path, _required(path))
        folder = platform_folder(user_config_path)
        path = None if folder is None else folder / FILE_NAME
        return cls(path, "" if path is None else _optional(path))

    def tables(self) -> dict[str, Any]:
        """Return the content of the file, by key.

        Raises:
            ConfigError: It is not TOML.
        """
        import tomllib

        too_deep = ConfigError(f"{self.path} is nested too deeply")
        if _TOO_DEEP.search(self.text):
            raise too_deep
        try:
            # Lines may all end as they once did on a Macintosh.
            text = self.text if "\n" in self.text else self.text.replace("\r", "\n")
            return tomllib.loads(text)
        except RecursionError:
            raise too_deep from None
        except ValueError as error:
            raise ConfigError(f"{self.path} is not TOML: {one_line(str(error))}") from error

    def line_of(self, location: tuple[str, ...]) -> int | None:
        """Return the number of the line with a key; `None` if it is not found."""
        table: tuple[str, ...] = ()
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := _header(line):
                table = _dotted(header)
                if table == location:
                    return number
            elif key := _key(line):
                at = (*table, *_dotted(key))
                if len(at) > len(table) and location[: len(at)] == at:
                    return number
        return None


def _required(path: Path) -> str:
    """Return the text of the file that a variable names."""
    try:
        return _text(path, f"ATLAS_CONFIG: {path}")
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"ATLAS_CONFIG: there is no file {path}") from None


def _optional(path: Path) -> str:
    """Return the text of a file that need not be there."""
    if not _can_be_seen(path):
        return ""
    try:
        return _text(path, str(path))
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _text(path: Path, where: str) -> str:
    try:
        if os.fspath(path) == os.devnull:
            return ""
        # A pipe without a writer would keep a server from its start.
        with os.fdopen(open_regular(os.fspath(path)), "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise ConfigError(
                f"{where} is longer than {MAX_FILE_BYTES:,} bytes, which no configuration is; "
                "is it the right file?"
            )
        return text_of(data)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except IsADirectoryError:
        raise ConfigError(f"{where} is a folder; name the file, as {path / FILE_NAME}") from None
    except OSError as error:
        raise ConfigError(
            f"{where} cannot be read: {error.strerror}; make it readable, or point ATLAS_CONFIG "
            "at another file"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{where} cannot be read: {error}") from error


def _can_be_seen(path: Path) -> bool:
    """Return whether this user may look for a file, which another user's home folder may forbid."""
    try:
        path.stat()
    except PermissionError:
        return False
    except OSError:
        return True
    return True


_PART = r"""(?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
"""A part of a name: bare, or in quotation marks, where a dot, a bracket and all else may stand."""

_NAME = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"

_HEADER = re.compile(rf"\s*\[{{1,2}}\s*({_NAME})\s*\]{{1,2}}\s*(?:#.*)?")

_KEY = re.compile(rf"\s*({_NAME})\s*=")


def _header(line: str) -> str:
    """Return the name in a line that begins a table, empty for another line."""
    found = _HEADER.fullmatch(line)
    return "" if found is None else found[1]


def _key(line: str) -> str:
    """Return the name in a line that gives a value, empty for another line."""
    found = _KEY.match(line)
    return "" if found is None else found[1]


def _dotted(name: str) -> tuple[str, ...]:
    """Return the parts of a name, each as TOML reads it."""
    return tuple(_plain(part) for part in re.findall(_PART, name))


def _plain(part: str) -> str:
    import tomllib

    if not part.startswith('"'):
        return part.strip("'")
    try:
        return next(iter(tomllib.loads(f"{part} = 0")))
    except ValueError:
        # Inside a text of several lines, where no key is.
        return part[1:-1]
