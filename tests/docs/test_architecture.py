"""The drawing of the house is made from its imports, and is current."""

from __future__ import annotations

from docs.drawing import PAGE, drawn, edges


def test_the_drawing_and_the_table_are_current() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert drawn(page) == page, "run `python docs/drawing.py --write`"


def test_no_arrow_of_the_drawing_points_back() -> None:
    below: dict[str, set[str]] = {}
    for room, to in edges():
        below.setdefault(room, set()).add(to)

    def reached(room: str) -> set[str]:
        return {one for to in below.get(room, set()) for one in ({to} | reached(to))}

    assert all(room not in reached(room) for room in below)
