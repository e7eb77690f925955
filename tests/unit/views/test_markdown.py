"""Text that is not ours in Markdown: without effect, as a parser of CommonMark sees it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from atlas_mcp.views.markdown import escaped, fence, span

HOSTILE = [
    "# heading",
    "a `b` ``c`` ```d",
    "`",
    "` `",
    "```\n# out\n```",
    "~~~\nx",
    "<script>alert(1)</script>",
    "<!-- open",
    "[x](javascript:alert(1))",
    "![x](http://127.0.0.1/x.png)",
    "<http://127.0.0.1>",
    "**b** *i* _e_ ~~s~~",
    "&lt;b&gt;",
    "\\",
    "| a | b |\n|---|---|",
    "- item",
    "1. item",
    "+ x",
    "=====",
    "---",
    "[a]: http://127.0.0.1",
    "",
]


def parts_of(markdown: str) -> list[str]:
    """Return the kinds of the parts that a parser finds, but those of text."""
    found: list[str] = []
    for token in MarkdownIt().parse(markdown):
        found.append(token.type)
        found += (child.type for child in token.children or ())
    return [one for one in found if one not in ("text", "softbreak", "inline")]


PARAGRAPH = ["paragraph_open", "paragraph_close"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_span_is_nothing_but_code(text: str) -> None:
    expected = [] if not text else ["code_inline"]
    assert parts_of(f"Before {span(text)} behind") == [PARAGRAPH[0], *expected, PARAGRAPH[1]]


@given(st.text("`~ab \\\n<#", max_size=30))
def test_a_fence_is_nothing_but_a_fence_and_holds_its_text(text: str) -> None:
    tokens = MarkdownIt().parse(f"before\n\n{fence(text)}\n\nbehind")

    assert [one.type for one in tokens if one.type == "fence"] == ["fence"]
    assert [one.content for one in tokens if one.type == "inline"] == ["before", "behind"]
    assert next(one for one in tokens if one.type == "fence").content == text.strip("\n") + "\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_prose_has_no_marks_wherever_it_stands(text: str) -> None:
    marks = {"entity", "html_inline", "link_open", "image", "em_open", "strong_open", "s_open"}
    for place in ("{}", "- {}", "a {} b", "> {}"):
        found = parts_of(place.format(escaped(text)))
        assert not marks & set(found)
        outside = set(parts_of(place.format("word")))
        assert set(found) - outside <= {"text_special"}


def test_prose_has_no_addresses_that_a_reader_may_turn_into_links() -> None:
    assert escaped("see http://a.example and www.a.example or a@b.example") == (
        "see http:\\//a.example and www\\.a.example or a\\@b.example"
    )


def test_names_stay_as_they_are() -> None:
    assert escaped("raise max_explores") == "raise max_explores"
    assert re.search(r"\\_", escaped("_x_"))
