"""JSON is read as it was meant, whichever backslashes a model has left out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.written_json import as_json, read_object, with_whole_escapes


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


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # As a program of Python or JavaScript writes it.
        ("{'answer': 'it\\'s', 'b': None}", "it's"),
        ("""{'answer': "it's"}""", "it's"),
        ("""{'answer': 'he said "no"'}""", 'he said "no"'),
        ('{"answer": True, "b": None,}', True),
        ('{"answer": [1, 2, ], }', [1, 2]),
        ('{answer: "x", b: 1}', "x"),
        ('{"answer": 1, // as was shown\n "b": 2 /* and this */}', 1),
        ("Sure, it's this:\n```python\n{'answer': False}\n```\nThat's it.", False),
        (r"{'answer': '\frac{1}{2}'}", r"\frac{1}{2}"),
        # Texts that look like it stay as they are.
        ('{"answer": "True, // not None,]"}', "True, // not None,]"),
        ('{"answer": "a: {b: \'c\'},}", "b": 1,}', "a: {b: 'c'},}"),
        # Escapes of other languages, and a reply in a text of its own.
        (r'{"answer": "it\'s"}', "it's"),
        (json.dumps('{"answer": "x"}'), "x"),
        # A formula where a formula begins, and lines where lines do.
        (r'{"answer": "\nu"}', r"\nu"),
        (r'{"answer": "$\to$"}', r"$\to$"),
        (r'{"answer": "v = 2\nu = 3"}', "v = 2\nu = 3"),
        # Paths of Windows.
        (r'{"answer": "C:\new\table\bin\file.txt"}', r"C:\new\table\bin\file.txt"),
        (r'{"answer": "in C:\Users\rob\notes, too"}', r"in C:\Users\rob\notes, too"),
        (r'{"answer": "C:\\new\\table"}', r"C:\new\table"),
        (r'{"answer": "Q:\nnow?\nA:\nno"}', "Q:\nnow?\nA:\nno"),
    ],
)
def test_what_is_nearly_json_is_read_as_it_is_meant(text: str, answer: object) -> None:
    found = read_object(text, ("answer",))

    assert not isinstance(found, str), found
    assert found["answer"] == answer


@pytest.mark.parametrize("piece", ["{'", "{a:", "//", "/*", "',", "{ ", "\\'", '"', "{'a': "])
def test_what_is_nearly_json_takes_as_long_as_it_is(piece: str) -> None:
    """What stands there again and again is gone through a few times; a second would be years."""
    assert isinstance(read_object("{'a': 1 " + piece * 100_000, ("a",)), str | dict)


def test_json_stays_as_it_is() -> None:
    text = json.dumps({"a": "it's, // {b: True},]", "c": [1, None, True], "d'": {"e": "\\'"}})

    assert as_json(text) == text
