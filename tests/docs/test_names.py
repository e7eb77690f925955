"""No file tells readers to fetch the program by name, from an index where it is not ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from atlas_mcp.installation import DISTRIBUTION
from tests.support.tree import ROOT, text_of, tracked_files

NAMES = r"atlas[-_.](?:solve[-_.])?mcp"

BREAK = r"""(?: [ \t]+ | \s*["',\[\]=:({][\s"',\[\]=:({]* )"""
"""What stands between two words of a command: a line ends it, unless JSON or TOML goes on."""

FETCHES = re.compile(
    rf"""
    \b(?: uvx | uv \s+ (?: tool \s+ (?:install|run|upgrade) | add | run \s+ --with )
        | uv \s+ pip \s+ install
        | pipx \s+ (?:install|run|upgrade) | pip[\d.]* \s+ (?:install|download|wheel)
        | easy_install | poetry \s+ add | pdm \s+ add | conda \s+ install | hatch \s+ run )
    (?: {BREAK} (?!{NAMES}\b)[\w./:@<>=~$\\-]+ ){{0,8}}?  # options, other packages, keys of JSON
    {BREAK}                                             # and then the name, which is no path
    {NAMES} (?= [\s"'\[\],;:=<>~!@)}}`] | $ )
    """,
    re.VERBOSE,
)
"""A command that installs, and then one of our names; JSON may spread both over lines."""

SELF = Path(__file__).relative_to(ROOT).as_posix()


def texts() -> Iterator[tuple[str, str]]:
    for name in tracked_files():
        if name != SELF:
            with suppress(UnicodeDecodeError):
                yield name, text_of(name)


def test_no_file_has_a_name_of_ours_fetched_from_an_index() -> None:
    found = [(name, found[0]) for name, text in texts() for found in FETCHES.finditer(text)]

    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "uvx atlas-mcp",
        'pip install "atlas-mcp[openai]"',
        "pip install -U atlas_solve_mcp",
        "python -m pip install --upgrade 'atlas-solve-mcp==1'",
        '"command": "uvx",\n      "args": ["atlas-mcp"],',
        '"command": "uvx",\n  "args": [\n    "--from",\n    "atlas-solve-mcp"\n  ]',
        "uv tool install atlas-mcp",
        "pipx run atlas-mcp serve",
        "uv pip install rich atlas-mcp",
        'command = "uvx"\nargs = ["atlas-mcp"]',
    ],
)
def test_the_search_knows_the_ways_to_fetch(text: str) -> None:
    assert FETCHES.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "uv tool install .",
        'pip install -q ".[local]" && .venv/bin/atlas-mcp solve',
        "pipx install .\natlas-mcp --version",
        "pip install /src/atlas-mcp/dist/x.whl",
    ],
)
def test_the_search_leaves_other_commands_alone(text: str) -> None:
    assert not FETCHES.search(text)


def closure(requirement: Requirement, seen: set[tuple[str, str]]) -> Iterator[str]:
    """Yield the names of all distributions a requirement brings, by what is installed here."""
    name = canonicalize_name(requirement.name)
    if (name, str(requirement.extras)) in seen:
        return
    seen.add((name, str(requirement.extras)))
    yield name
    try:
        listed = requires(name) or []
    except PackageNotFoundError:
        return
    for one in map(Requirement, listed):
        wanted = one.marker is None or any(
            one.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
        )
        if wanted:
            yield from closure(one, seen)


@pytest.mark.parametrize("extra", ["", "local", "openai", "dev"])
def test_no_extra_brings_a_distribution_of_our_name(extra: str) -> None:
    own = Requirement(f"{DISTRIBUTION}[{extra}]" if extra else DISTRIBUTION)
    first, *others = closure(own, set())

    assert first == DISTRIBUTION
    assert len(others) > 10
    assert not [name for name in others if re.fullmatch(NAMES, name)]
