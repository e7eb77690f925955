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
        (r"a\b[red]\f", r"a\b[red]\f"),
        (r"\f(x) = \b(x)", r"\f(x) = \b(x)"),
        (r"A \to B", r"A \to B"),
        (r"X\to Y", r"X\to Y"),
        (r"\tan x", r"\tan x"),
        (r"a \ne b", r"a \ne b"),
        (r"\neg p", r"\neg p"),
        (r"\top", r"\top"),
        (r"S \ni x", r"S \ni x"),
        (r"\not=", r"\not="),
        (r"\nu", r"\nu"),
        (r"h\nu", r"h\nu"),
        (r"$h\nu$", r"$h\nu$"),
        (r"A \rightleftharpoons B", r"A \rightleftharpoons B"),
        (r"\textcolor{red}{x}", r"\textcolor{red}{x}"),
        (r"A \nsupseteq B", r"A \nsupseteq B"),
        (r"x \notag", r"x \notag"),
        (r"x \nsim y", r"x \nsim y"),
        (r"A \trianglelefteq B", r"A \trianglelefteq B"),
        (r"\textup{a}\thinspace b", r"\textup{a}\thinspace b"),
        (r"A \twoheadrightarrow B", r"A \twoheadrightarrow B"),
        (r"\begin{cases} 1 \\ 2 \end{cases}", r"\begin{cases} 1 \\ 2 \end{cases}"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
        (r"\begin{matrix}1\\[2pt]2\\\hline 3", r"\begin{matrix}1\\[2pt]2\\\hline 3"),
        (r"\\begin{cases} 1 \\\\ 2 \\end{cases}", r"\begin{cases} 1 \\ 2 \end{cases}"),
        (r"first\nnot second", "first\nnot second"),
        (r"a\ntop", "a\ntop"),
        (r"\\alpha\n1\tau, a\text", "\\alpha\n1\tau, a\text"),
        (r"C:\\temp 1\tau", "C:\\temp 1\tau"),
        (r"a\tb\nx\tan y", "a\tb\nx\tan y"),
        (r"a line\nu = 3\ni = 4", "a line\nu = 3\ni = 4"),
        (r"there\nexists", "there\nexists"),
        (r"there  \nexists one", "there  \nexists one"),
        (r"Let:\n\nu = \sin x", "Let:\n\nu = \\sin x"),
        (r"x\nu = \sin x", r"x\nu = \sin x"),
    ],
)
def test_a_backslash_keeps_its_meaning(written: str, meant: str) -> None:
    text = f'Thus: {{"explanation": "{written}", "answer": "{written}"}}'

    assert read_object(text) == {"explanation": meant, "answer": meant}


@given(st.text())
def test_what_a_program_wrote_is_read_as_it_was_written_where_it_shows_its_hand(text: str) -> None:
    """Another backslash that is written with two shows that line ends and tabs are meant."""
    clean = "\\alpha " + text.translate({8: None, 12: None})

    is_read_as_written(clean)


@given(st.text(alphabet='\\"\n\t\r/a1 '))
def test_what_a_program_wrote_is_read_as_it_was_written_where_no_command_comes_of_it(
    text: str,
) -> None:
    is_read_as_written(text)


@pytest.mark.parametrize(("text", "read"), [("a\text", r"a\text"), ("1\tau", r"1\tau")])
def test_a_tab_before_the_rest_of_a_command_is_taken_for_it_where_nothing_speaks_for_a_tab(
    text: str, read: str
) -> None:
    assert read_object(json.dumps({"a": text})) == {"a": read}


def is_read_as_written(text: str) -> None:
    assert json.loads(with_whole_escapes(json.dumps({"a": text}))) == {"a": text}
    written = json.dumps({"a": text}, ensure_ascii=False)
    assert json.loads(with_whole_escapes(written)) == {"a": text}


def test_formulas_in_the_prose_before_an_object_say_nothing_of_its_backslashes() -> None:
    text = r'With \frac{1}{2}: {"a": "\\alpha 1\tau"}'

    assert read_object(text) == {"a": "\\alpha 1\tau"}


DRAFT = '{"a": "draft"}'


@pytest.mark.parametrize(
    "text",
    [
        f'<think>{DRAFT}</think>{{"a": "x"}}',
        f'{DRAFT} no.</think>\n{{"a": "x"}}',
        f'<think>1</think> So <think>{DRAFT}</think>{{"a": "x"}}',
        f'[THINK]{DRAFT}[/THINK]{{"a": "x"}}',
        f'<|channel|>analysis<|message|>{DRAFT}<|end|><|channel|>final<|message|>{{"a": "x"}}',
        '<think>{"a": "x"}</think>',
        '<think>{"a": "x"}',
        '{"a": "x"} <think>I am done.</think>',
    ],
)
def test_thoughts_are_not_read_unless_there_is_nothing_else(text: str) -> None:
    assert read_object(text) == {"a": "x"}


@pytest.mark.parametrize("said", ["<think>no</think>", "</think>", "[THINK] </think> <b>"])
def test_a_thought_that_is_quoted_stays(said: str) -> None:
    assert read_object(json.dumps({"a": said})) == {"a": said}


@pytest.mark.parametrize("piece", ["<think>", "</think>", "<think>x</think>", '</think>{"', "\\nu"])
def test_a_text_full_of_thoughts_is_gone_through_in_few_passes(piece: str) -> None:
    assert isinstance(read_object(piece * 20_000), str)


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


@pytest.mark.every_day(3)
@pytest.mark.parametrize("piece", ["{'", "{a:", "//", "/*", "',", "{ ", "\\'", '"', "{'a': "])
def test_what_is_nearly_json_takes_as_long_as_it_is(piece: str) -> None:
    """A part that repeats is gone through a few times; without the bound it would take years."""
    assert isinstance(read_object("{'a': 1 " + piece * 100_000, ("a",)), str | dict)


def test_json_stays_as_it_is() -> None:
    text = json.dumps({"a": "it's, // {b: True},]", "c": [1, None, True], "d'": {"e": "\\'"}})

    assert as_json(text) == text
