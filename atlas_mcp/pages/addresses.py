"""The addresses of the pages: what each gives, and the methods by which it is asked for.

Read by the rules that a request passes (`pages.visitors`) and by the routes that serve it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from starlette.routing import compile_path

Kind: TypeAlias = Literal["page", "document", "file", "action"]
"""A page, or a text, that a person may come to from elsewhere; a document that a page asks for; a
file to keep; something that is done."""

HOME = "/"
RUNS = "/runs"
STATS = "/stats"
COMPARISON = "/compare/{run_id}/{other}"
RUN = "/runs/{run_id}"
TRANSCRIPT = "/runs/{run_id}/transcript"
FILE = "/runs/{run_id}/file"
RUNS_DOCUMENT = "/api/runs"
STATS_DOCUMENT = "/api/stats"
COMPARISON_DOCUMENT = "/api/compare/{run_id}/{other}"
RUN_DOCUMENT = "/api/runs/{run_id}"
ACTION = "/api/runs/{run_id}/{action}"

METHODS: Mapping[Kind, tuple[str, ...]] = {
    "page": ("GET", "HEAD"),
    "document": ("GET",),
    "file": ("GET",),
    "action": ("POST",),
}
"""The methods that are served, by what is at an address."""

_FILE, _ACTION = compile_path(FILE)[0], compile_path(ACTION)[0]


def kind_of(path: str) -> Kind:
    """Return what is at a path, or would be if there were anything."""
    if _FILE.match(path):
        return "file"
    if _ACTION.match(path):
        return "action"
    return "document" if is_in_json(path) else "page"


def is_in_json(path: str) -> bool:
    """Return whether a script reads what is at a path, errors too."""
    return path.startswith("/api/")
