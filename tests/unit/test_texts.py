"""Foreign text: shown to people, programs and models, and obeyed by none of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.texts import (
    answer_text,
    as_data,
    counted,
    labelled,
    one_line,
    printable,
    quoted,
    unmarked_json,
    untagged,
    without_logins,
)

HOSTILE = "\x1b[2J\x9b31m\x07\x7f\u202e\u2066\rover"

STRANGE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x1b\x9b\r\n\t\x85\u2028\u200b\u200d\u202e\ufe0f\u0301\ud800\U000e0041<>`#"
        ),
    )
)


@pytest.mark.parametrize(("count", "says"), [(0, "0 runs"), (1, "1 run"), (12_345, "12,345 runs")])
def test_things_are_counted_as_people_count(count: int, says: str) -> None:
    assert counted(count, "run") == says


def test_control_characters_are_written_as_json_writes_them() -> None:
    assert printable(HOSTILE) == (r"\u001b[2J\u009b31m\u0007\u007f\u202e\u2066\u000dover")


@pytest.mark.parametrize(
    "text",
    [
        "tab\tand\nline",
        "漢字 é 😀",
        # A family and a burning heart; a word of Persian.
        "\U0001f469\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f\u200d\U0001f525",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "[red]",
        r"\u001b",
        "",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\r\ntwo\r", "one\ntwo\\u000d"),
        ("right\u200f to \u061cleft", r"right\u200f to \u061cleft"),
        ("ad\u200dmin a\u200cb \u200d", r"ad\u200dmin a\u200cb \u200d"),
        ("zero\u200b\ufeff\u2060width", r"zero\u200b\ufeff\u2060width"),
        ("a line\u2028 of its own\u2029", r"a line\u2028 of its own\u2029"),
        ("tag\U000e0041\U000e007f", r"tag\udb40\udc41\udb40\udc7f"),
        ("half \ud800", r"half \ud800"),
        ("x\ufe0e\ufe0f\ufe00", "x\ufe0e\\ufe0f\\ufe00"),
        ("z" + "\u0301" * 6, "z" + "\u0301" * 4 + r"\u0301\u0301"),
    ],
)
def test_what_is_not_seen_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(text=STRANGE)
def test_json_means_the_same_once_it_is_printable_and_without_tags(text: str) -> None:
    written = json.dumps({"answer": text}, ensure_ascii=False)

    assert json.loads(printable(written)) == {"answer": text}
    assert json.loads(unmarked_json(written)) == {"answer": text}
    assert json.loads(as_data(text)) == text


@given(text=STRANGE)
def test_a_value_as_data_is_one_line_that_closes_no_tag(text: str) -> None:
    for written in (as_data({text: [text]}), quoted(text)):
        assert len(written.splitlines()) == 1
        assert "<" not in written


@given(text=STRANGE, at_most=st.integers(1, 50))
def test_a_line_is_one_and_no_longer_than_it_may_be(text: str, at_most: int) -> None:
    line = one_line(text, at_most)

    assert len(line.splitlines()) <= 1
    assert len(line) <= at_most


@given(text=STRANGE)
def test_no_line_of_a_labelled_text_begins_as_one_of_ours_does(text: str) -> None:
    first, *others = labelled("Why", text).splitlines()

    assert first.startswith("Why:")
    assert all(line.startswith("> ") for line in others)


def test_tags_and_special_tokens_are_opened_by_none_and_comparisons_stay() -> None:
    assert untagged("if a < b: <tool_call> </candidate> <|im_start|> <!-- x <3") == (
        "if a < b: &lt;tool_call> &lt;/candidate> &lt;|im_start|> &lt;!-- x <3"
    )


def test_an_answer_is_told_as_the_text_it_is_or_as_json() -> None:
    assert answer_text("17, or é") == "17, or é"
    assert answer_text({"found": True, "why": None}) == '{"found": true, "why": null}'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no way to https://user:hunter2@h:1/v1; look", "no way to https://***@h:1/v1; look"),
        ("http://sk-key@h/v1", "http://***@h/v1"),
        ("http://u:p@ss@h/v1", "http://***@h/v1"),
        ('{"a": "HTTPS://u:p@h", "b": "x@y"}', '{"a": "HTTPS://***@h", "b": "x@y"}'),
        (r"https:\/\/u:p@h\/v1", r"https:\/\/***@h\/v1"),
        ("socks5://u:p@h", "socks5://***@h"),
        ("git clone ssh://git@github.com/x", "git clone ssh://git@github.com/x"),
        ("https://h/users/@me?to=a@b", "https://h/users/@me?to=a@b"),
        ("mail me@h, http://h:80", "mail me@h, http://h:80"),
    ],
)
def test_a_login_in_an_address_is_not_shown(text: str, shown: str) -> None:
    assert without_logins(text) == shown


def test_no_character_that_steers_is_overlooked_beside_others_that_do_not() -> None:
    # Five of a kind, since marks are let pass up to four; the last one of them is in the way.
    blocks = ((0x80, 0x3200), (0xD7F0, 0xE000), (0xFD00, 0x10000), (0x1D100, 0x1D200))
    codes = (code for block in (*blocks, (0xE0000, 0xE0200)) for code in range(*block))
    for code in codes:
        alone = printable(chr(code) * 5)
        # The escape character takes the text out of the short way.
        assert printable(f"{chr(code) * 5}\x1b") == f"{alone}\\u001b"
