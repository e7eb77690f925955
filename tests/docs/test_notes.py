"""Figures and places in pages and notes are those of the program."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from atlas_mcp.models.chat import spec as chat_spec
from atlas_mcp.models.chat.presets import PRESETS
from atlas_mcp.models.claude import families as claude_families
from atlas_mcp.models.wire.accounts import FIRST_ANSWER, REFUSED_FOR
from atlas_mcp.off_loop import Line
from atlas_mcp.views.whole_runs import PART_CHARS

ROOT = Path(__file__).parents[2]
RIG = "tests/rigs/no_posix/run"


def words_of(page: str) -> str:
    """Return a page as one line."""
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


def test_what_a_refused_key_costs_is_as_the_note_says() -> None:
    note = words_of("docs/design/009-what-goes-to-which-address.md")

    assert f"wait for its first answer, {FIRST_ANSWER:g} seconds at most" in note
    assert f"remembered beside its address, for {REFUSED_FOR:g} seconds" in note


def test_the_limits_of_pictures_are_where_the_note_says() -> None:
    note = words_of("docs/design/006-pictures.md")

    assert (
        "(`models/claude/families.py`, `models/chat/spec.py`, `models/chat/presets.py`, with dates"
        in note
    )
    for module, name in ((claude_families, "image_px"), (chat_spec, "CHAT_IMAGE_PX")):
        assert module.__file__ is not None
        assert name in Path(module.__file__).read_text(encoding="utf-8")
    assert any(preset.image_types for preset in PRESETS)


def test_every_line_of_waiting_is_in_the_note() -> None:
    note = words_of("docs/design/010-bounded-work.md")
    start = note.index("*Lines of waiting*")
    listed = note[start : note.index("None of them", start)]

    for line in get_args(Line):
        assert line in listed
    assert f"made printable {PART_CHARS // 1_024} KB at a time" in note


def test_the_rig_without_posix_runs_where_the_page_says() -> None:
    page = words_of("docs/windows.md")
    runs = {
        name: [
            RIG + line.partition(RIG)[2]
            for line in (ROOT / ".ci" / name).read_text(encoding="utf-8").splitlines()
            if RIG in line and not line.startswith("#")
        ]
        for name in ("run", "nightly")
    }

    assert f"`{RIG} tests` runs the whole suite under it, as `.ci/nightly` does" in page
    assert "without an argument it runs the tests that ask most of a system, as `.ci/run`" in page
    assert runs == {"run": [RIG], "nightly": [f"{RIG} tests"]}
