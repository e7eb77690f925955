"""Text that is not ours in Markdown of ours: shown as it is, without effect.

A heading, a link, HTML or a fence in it stays inside its span or its fence. Texts are printable
already: see `atlas_mcp.texts.printable`.
"""

from __future__ import annotations

import re

from atlas_mcp.texts import LINE_CHARS, one_line

_RUNS = re.compile("`+")

_SHORTEST_FENCE = 3

_ACTIVE = re.compile(r"[\\`*\[\]<>&~|@#]|(?<!\w)_|_(?!\w)|(?<=:)//|(?<=www)\.", re.IGNORECASE)
"""Characters that mean something within a line of Markdown, and the middle of an address."""

_BEGINS_BLOCK = re.compile(r"[-+=]|\d+(?=[.)])")
"""The beginning of a line that would begin a list or a heading."""


def escaped(text: str, at_most: int = LINE_CHARS) -> str:
    """Return text as one line of prose without links, HTML or other marks."""
    line = _ACTIVE.sub(lambda found: f"\\{found[0]}", one_line(text, at_most))
    begins = _BEGINS_BLOCK.match(line)
    if begins is None:
        return line
    at = begins.end() if begins[0].isdigit() else 0
    return f"{line[:at]}\\{line[at:]}"


def span(text: str, at_most: int = LINE_CHARS) -> str:
    """Return text as one line of code that nothing in it can end."""
    line = one_line(text, at_most)
    if not line:
        return "(nothing)"
    ticks = "`" * (_longest_run(line) + 1)
    # A space is taken off at both ends where both have one.
    room = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{room}{line}{room}{ticks}"


def fence(text: str, language: str = "text") -> str:
    """Return text as a block of code that nothing in it can end."""
    ticks = "`" * max(_SHORTEST_FENCE, _longest_run(text) + 1)
    body = text.strip("\n")
    return f"{ticks}{language}\n{body}\n{ticks}"


def _longest_run(text: str) -> int:
    return max((len(found) for found in _RUNS.findall(text)), default=0)
