"""JSON is read as it was meant, whichever backslashes a model has left out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.written_json import read_object, with_whole_escapes


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"\frac{1}{2}", r"\frac{1}{2}"),
        (r"\beta + \binom{n}{k}", r"\beta + \binom{n}{k}"),
        (r"\sqrt{2}\cdot\sqrt{2}", r"\sqrt{2}\cdot\sqrt{2}"),
        (r"2 \times 3", r"2 \times 3"),
        (r"\theta \to 0, \nu \neq \pi", r"\theta \to 0, \nu \neq \pi"),
        (r"\rho \right)", r"\rho \right)"),
        (r"\nabla f", r"\nabla f"),
        (r"\(x\)", r"\(x\)"),
        (r"\underline{x} \upsilon", r"\underline{x} \upsilon"),
        (r"C:\Users\me", r"C:\Users\me"),
        (r"costs \$5, a\_b", r"costs \$5, a\_b"),
        (r"\\frac{1}{2}", r"\frac{1}{2}"),
        (r"\\nu and \\frac{1}{2}", r"\nu and \frac{1}{2}"),
        (r"so\nto the end\ttan", "so\nto the end\ttan"),
        (r"first\n\nnot this", "first\n\nnot this"),
        (r"line\r\nnext", "line\r\nnext"),
        (r"a \"quoted\" word\/", 'a "quoted" word/'),
        (r"\u00e9\u4E2d", "é中"),
        (r"a\b[red]\f", "a\b[red]\f"),
    ],
)
def test_a_backslash_keeps_its_meaning(written: str, meant: str) -> None:
    text = f'Thus: {{"explanation": "{written}", "answer": "{written}"}}'

    assert read_object(text) == {"explanation": meant, "answer": meant}


@given(st.text())
def test_what_a_program_wrote_is_read_as_it_was_written(text: str) -> None:
    clean = text.translate({8: None, 12: None})

    assert json.loads(with_whole_escapes(json.dumps({"a": clean}))) == {"a": clean}
    assert json.loads(with_whole_escapes(json.dumps({"a": clean}, ensure_ascii=False))) == {
        "a": clean
    }


@given(st.text(alphabet='\\"nrtbfu0/{x'))
def test_any_backslashes_are_taken(text: str) -> None:
    assert isinstance(read_object(f'{{"a": "{text}"}}'), dict | str)
