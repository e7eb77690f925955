"""Every path and name between backticks, in pages, docstrings and comments, is in the tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath

import pytest

from tests.support.tree import text_of, tracked

PACKAGE = "atlas_mcp"

MENTION = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
PATH = re.compile(r"\.?[\w-]+(?:/[\w.-]+)*/?(?:\.(?:py|md|toml|sql|jsonl|txt))?")
PROSE = re.compile(
    r'(?P<margin>^[ \t]*)?[rRbBfF]{0,2}"""(?s:.*?)"""|(?:(?<=\s)|^)(?P<comment>#[ ].*)$',
    re.MULTILINE,
)
"""A docstring, which begins its line; another string of several lines; or a comment."""

NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
SUFFIXES = (".py", ".md", ".toml", ".sql", ".jsonl")

PLACEHOLDERS = re.compile(r"\b[A-Z]{3,}\b(?=[./])|test_MODULE")
"""Words of a path that stand for others, as in `tests/unit/ROOM/test_MODULE.py`."""

FOREIGN = frozenset(
    {
        # Files of users, and of the libraries that we use.
        *("atlas.toml", "_client.py", "http11.py"),
        # A file that a vendor's folder may have.
        "facts.py",
        # Names in these libraries, and words of systems and endpoints.
        *("REGEX_CACHE", "INITIAL_RETRY_DELAY", "DEFAULT_CONNECTION_LIMITS", "default_ssl_context"),
        *("huggingface_hub", "hf_raise_for_status", "LLAMA_MAX_SEQ", "o200k_base"),
        *("anyio.open_signal_receiver", "json_response", "stateless_http", "nohup", "printf"),
        *("Darwin", "LockFile", "TerminateProcess", "OLLAMA_CONTEXT_LENGTH"),
        *("ERROR_TOXIC", "RECITATION", "SAFETY", "get_hf_file_metadata"),
        # A column of the journal.
        "runs.stop_cause",
    }
)
"""Names that the tree mentions and does not hold."""


def sources() -> list[str]:
    return sorted(name for name in tracked() if name.endswith(".py"))


def pages() -> list[str]:
    return sorted(
        name
        for name in tracked()
        if name.endswith(".md") and not name.startswith("changelog.d/") and name != "CHANGELOG.md"
    )


def prose_and_code(source: str) -> tuple[list[str], str]:
    """Return the docstrings and comments of a module, and its code without them."""
    prose: list[str] = []

    def kept(found: re.Match[str]) -> str:
        if found["margin"] is None and found["comment"] is None:
            return found[0]
        prose.append(found[0])
        return " "

    code = PROSE.sub(kept, source)
    return prose, code


@cache
def known() -> frozenset[str]:
    """Return all words of the code, of the configuration and of names of files."""
    words: set[str] = set()
    for name in sources():
        words.update(re.findall(r"\w+", prose_and_code(text_of(name))[1]))
    words.update(re.findall(r"\w+", text_of("pyproject.toml")))
    return frozenset(words | {PurePosixPath(name).stem for name in tracked()})


def is_there(path: str) -> bool:
    """Return whether a path is in the tree: below its root, below the package, or by its name."""
    path = path.rstrip("/")
    if "/" in path:
        return path in tracked() or f"{PACKAGE}/{path}" in tracked()
    return path in tracked() or any(PurePosixPath(name).name == path for name in tracked())


def is_path(mention: str) -> bool:
    """Return whether a mention is meant for a file or folder of ours."""
    if not PATH.fullmatch(mention) or PLACEHOLDERS.search(mention):
        return False
    if "/" not in mention:
        return mention.endswith(SUFFIXES)
    first = mention.partition("/")[0]
    return first in tracked() or f"{PACKAGE}/{first}" in tracked()


def is_module_and_name(mention: str) -> bool:
    """Return whether `room.module.name` leads to a module, and to a word of its source."""
    parts = mention.removeprefix(f"{PACKAGE}.").split(".")
    for count in range(len(parts), 0, -1):
        path = "/".join((PACKAGE, *parts[:count]))
        if f"{path}.py" in tracked():
            source = text_of(f"{path}.py")
            return all(re.search(rf"\b{part}\b", source) for part in parts[count:])
        if path in tracked():
            return len(parts) == count
    return False


def unknown(text: str) -> Iterator[str]:
    """Yield what a text mentions between backticks and the tree does not hold."""
    for mention in MENTION.findall(text):
        head = mention.partition("(")[0].partition(": ")[0]
        if head in FOREIGN or len(head) < 4:
            continue
        if is_path(head):
            if not is_there(head):
                yield mention
        elif NAME.fullmatch(head):
            room = head.partition(".")[0]
            ours = room in (PACKAGE, *rooms()) and "." in head
            if not (is_module_and_name(head) if ours else set(head.split(".")) <= known()):
                yield mention


@cache
def rooms() -> frozenset[str]:
    """Return the names of the folders and modules of the package."""
    return frozenset(
        PurePosixPath(name).stem for name in tracked() if str(PurePosixPath(name).parent) == PACKAGE
    ) - {"__init__", "__main__"}


def test_pages_mention_what_there_is() -> None:
    found = {name: list(unknown(text_of(name))) for name in pages()}

    assert {name: words for name, words in found.items() if words} == {}


def test_docstrings_and_comments_mention_what_there_is() -> None:
    found = {
        name: [word for text in prose_and_code(text_of(name))[0] for word in unknown(text)]
        for name in sources()
    }

    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    "text",
    [
        "`atlas/calls.py`, `atlas_mcp/atlas/`, `runs/engine.py: Engine`",
        "`runs.engine.Engine` and `atlas.calls`",
        "`solve_with_atlas(problem)` or `RunState.fold`",
        "`tests/unit/ROOM/test_MODULE.py`",
    ],
)
def test_a_mention_of_what_there_is_is_known(text: str) -> None:
    assert list(unknown(text)) == []


@pytest.mark.parametrize(
    "mention",
    ["atlas/gone.py", "runs/gone/", "runs.engine.Gone" + "Name", "atlas.gone", "gone" + "_name()"],
)
def test_a_mention_of_what_has_gone_is_found(mention: str) -> None:
    assert list(unknown(f"See `{mention}`.")) == [mention]
