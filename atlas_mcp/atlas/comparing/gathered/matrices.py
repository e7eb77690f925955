r"""Matrices: `\begin{pmatrix}…`, rows in rows of square brackets, and rows cut by semicolons."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from atlas_mcp.atlas.comparing.asked import Asked
from atlas_mcp.atlas.comparing.forms import tuple_key
from atlas_mcp.atlas.comparing.gathered import lists, order
from atlas_mcp.atlas.comparing.gathered.separators import cut, enclosed

MAX_CELLS = 100
"""Cells of the largest matrix that is read."""

_ENVIRONMENT = re.compile(
    r"\\begin ?\{(?P<kind>[pbv]?matrix|smallmatrix|array)\}(?P<inner>.*)\\end ?\{(?P=kind)\}",
    re.DOTALL,
)
_COLUMNS = re.compile(r"\s*(?:\(([clr|\s]+)\)|\{([clr|\s]+)\}|[clr])")
_NAMED = re.compile(r"[A-Z](?:\^-1|\^\(-1\)|\^T)? ?= ?")
_CALL = re.compile(r"(?:np\.array|numpy\.array|Matrix|matrix)\((.*)\)", re.DOTALL)


def read(text: str, asked: Asked, part: Callable[[str], str]) -> str | None:
    """Return the key of a text that is a matrix, or the bars of a determinant around one."""
    call = _CALL.fullmatch(text)
    text = text if call is None else call[1].strip()
    named = _NAMED.match(text)
    if named is not None and order.asks_for_matrix(asked.question):
        text = text[named.end() :]
    kind, rows = _environment(text)
    if rows is None:
        rows = _lists(text, asked.question)
    if not rows or len(rows) * len(rows[0]) > MAX_CELLS:
        return None
    if any(len(row) != len(rows[0]) or not all(row) for row in rows):
        return None
    if not all(lists.is_formal(cell) for row in rows for cell in row):
        return None
    keys = [[part(_bare(cell)) for cell in row] for row in rows]
    if order.asks_for_vector(asked.question) and len(rows[0]) == 1 < len(rows):
        return tuple_key("()", [row[0] for row in keys])
    return f"{kind}:{json.dumps(keys)}"


def _bare(cell: str) -> str:
    """Return a cell without brackets around the whole of it, as they stand around a fraction."""
    around = enclosed(cell)
    return around[1] if around is not None and around[0] == "(" else cell


def _environment(text: str) -> tuple[str, list[list[str]] | None]:
    """Return what the environment of a matrix is, and its rows; no rows of any other text."""
    around = enclosed(text)
    bare = text if around is None or around[0] not in "[(" else around[1]
    bars = text.startswith("|") and text.endswith("|")
    match = _ENVIRONMENT.fullmatch(bare.strip("| ") if bars else bare)
    if match is None:
        return "matrix", None
    kind, inner = match["kind"], match["inner"]
    if kind == "array":
        columns = _COLUMNS.match(inner)
        if columns is None or not (bars or around is not None):
            return "matrix", None
        inner = inner[columns.end() :]
    elif kind != "matrix" and kind != "smallmatrix" and (bars or bare is not text):
        return "matrix", None
    rows = [[cell.strip() for cell in row.split("&")] for row in inner.split("\\\\")]
    if rows[-1] == [""]:
        rows.pop()
    return "determinant" if bars or kind == "vmatrix" else "matrix", rows


def _lists(text: str, question: str) -> list[list[str]] | None:
    around = enclosed(text)
    if around is None or around[0] not in ("[{(" if order.asks_for_matrix(question) else "["):
        return None
    bracket, inner = around
    if bracket == "[" and ";" in inner and "[" not in inner:
        return _by_semicolons(inner, question)
    found = cut(inner)
    outer = [inner] if found is None else found.parts if found.by == "comma" else []
    rows = [_row(one, bracket) for one in outer]
    return [row for row in rows if row] if all(rows) else None


def _row(text: str, bracket: str) -> list[str] | None:
    around = enclosed(text)
    if around is None or around[0] != bracket:
        return None
    found = cut(around[1])
    if found is None:
        return [around[1]]
    return list(found.parts) if found.by == "comma" else None


def _by_semicolons(inner: str, question: str) -> list[list[str]] | None:
    rows = [re.split(r"\s*,\s*|\s+", row.strip()) for row in inner.split(";")]
    wide = len(rows) > 1 and len(rows[0]) > 1
    return rows if wide or order.asks_for_matrix(question) else None
