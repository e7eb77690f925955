"""Draws `docs/architecture.md` from the imports of the package.

python docs/drawing.py            says whether the page is current
python docs/drawing.py --write    makes it so
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/architecture.md"
PACKAGE = "atlas_mcp"
NOT_DRAWN = {"__main__", "testing"}

BEGIN, END = "<!-- drawn: {} -->\n", "<!-- end -->"


def rooms() -> grimp.ImportGraph:
    """Return which rooms import which; a room is a module or package right below ours."""
    graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True)
    for room in graph.find_children(PACKAGE):
        if room.rpartition(".")[2] in NOT_DRAWN:
            for part in {room, *graph.find_descendants(room)}:
                graph.remove_module(part)
        else:
            graph.squash_module(room)
    return graph


def edges() -> list[tuple[str, str]]:
    """Return the imports between rooms, without those that others imply."""
    graph = rooms()
    names = {room: room.rpartition(".")[2] for room in graph.find_children(PACKAGE)}
    found = {
        name: {names[one] for one in graph.find_modules_directly_imported_by(room) if one in names}
        - {name}
        for room, name in names.items()
    }

    def reach(room: str) -> set[str]:
        return {one for to in found[room] for one in ({to} | reach(to))}

    return sorted(
        (room, to)
        for room, others in found.items()
        for to in others
        if not any(to in reach(other) for other in others - {to})
    )


def drawing() -> str:
    lines = ["```mermaid", "flowchart TD"]
    lines += [f"    {room} --> {to}" for room, to in edges()]
    return "\n".join([*lines, "```", ""])


def packages() -> Iterator[tuple[str, str]]:
    """Yield the rooms and their wings, each with the first paragraph of its docstring."""
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        inner = path.relative_to(ROOT / PACKAGE)
        if inner.name == "__init__.py":
            name = f"{inner.parent.as_posix()}/"
        elif len(inner.parts) == 1:
            name = inner.name
        else:
            continue
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if name not in ("./", "__main__.py"):
            yield name, " ".join(doc.partition("\n\n")[0].split())


def table() -> str:
    lines = ["| room | what it owns |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{name}` | {doc} |" for name, doc in packages()), ""])


def drawn(page: str) -> str:
    """Return the page with its drawn parts as the package is."""
    for name, part in (("rooms", drawing()), ("table", table())):
        before, begin, rest = page.partition(BEGIN.format(name))
        _, end, after = rest.partition(END)
        page = before + begin + part + end + after
    return page


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    new = drawn(page)
    if "--write" in sys.argv:
        PAGE.write_text(new, encoding="utf-8")
    elif new != page:
        sys.exit("docs/architecture.md is not current: run `python docs/drawing.py --write`")


if __name__ == "__main__":
    main()
