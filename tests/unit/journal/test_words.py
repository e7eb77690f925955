"""How texts are cut into words, and where words are found in them."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.journal.words import (
    MOST_WORDS,
    WORD_CATEGORIES,
    count_in,
    has_all,
    indexed,
    phrases_of,
    pieces_of,
    storable,
    tokens_of,
)

TEXT = "The café of Zoë: 日本語の問題です, x = 5 and 😀; İstanbul, naïve, ไทย, Ἀθῆναι."


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("How many", '"how" "many"*'),
        ("x=5", '"x = 5"'),
        ("2+2", '"2 + 2"'),
        ("solve for x", '"solve" "for" "x"'),
        ("日本", '"日 本"'),
        ("😀", '"😀"'),
        ('"quoted" AND', '"quoted" "and"*'),
        ("NEAR(a b)", '"near a" "b"'),
        ("problem: x*", '"problem" "x"'),
        ("claude-sonnet-5", '"claude sonnet 5"'),
        ("", ""),
        ('"""', ""),
        ("\0\x1b", ""),
        ("?!… --", ""),
    ],
)
def test_a_text_becomes_phrases_and_nothing_else(text: str, query: str) -> None:
    assert " ".join(phrase.as_query for phrase in phrases_of(text)) == query


def test_a_long_search_is_read_in_part() -> None:
    [one] = phrases_of("how " * 100_000)
    assert str(one) == "how"
    assert len(phrases_of(" ".join(map(str, range(100_000))))) == MOST_WORDS
    [one] = phrases_of("x" * 1_000_000)
    assert len(one.as_query) < 600


@given(st.text())
def test_what_is_indexed_can_be_stored_and_has_the_same_words(text: str) -> None:
    indexed(text).encode()

    assert tokens_of(storable(text)) == tokens_of(text)


@pytest.mark.requirement("FIND-2")
@given(st.text(), st.text())
def test_no_text_fails_and_pieces_are_the_text(text: str, searched: str) -> None:
    phrases = phrases_of(searched)
    has_all(text, phrases)
    count_in(text, phrases)
    pieces = pieces_of(text, phrases) if phrases else ("",)

    assert len(pieces) % 2 == 1


@pytest.mark.parametrize(
    "searched", ["cafe", "CAFÉ zoe", "の問題", "x=5", "😀", "istan", "naive", "ไทย", "5", "αθηναι"]
)
def test_a_scan_finds_what_the_index_finds(searched: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE VIRTUAL TABLE words USING fts5(body, "
        f"tokenize=\"unicode61 remove_diacritics 2 categories '{WORD_CATEGORIES}'\")"
    )
    connection.execute("INSERT INTO words VALUES (?)", (indexed(TEXT),))
    phrases = phrases_of(searched)
    query = " ".join(phrase.as_query for phrase in phrases)
    asked = "SELECT count(*) FROM words WHERE words MATCH ?"

    assert connection.execute(asked, (query,)).fetchone() == (1,)
    assert has_all(TEXT, phrases)
    assert count_in(TEXT, phrases) == len(phrases)
    connection.close()


def test_what_is_not_there_is_not_found() -> None:
    for searched in ("caf zoe", "語日", "x=6", "primes", "5x"):
        assert not has_all(TEXT, phrases_of(searched)), searched


def test_words_are_found_whole_but_for_the_last() -> None:
    assert tokens_of("Ärger_im-Haus") == ("arger", "im", "haus")
    assert has_all("a handshake", phrases_of("hand"))
    assert not has_all("a handshake", phrases_of("hand a"))


def test_pieces_alternate_and_are_one_line() -> None:
    text = "a" * 100 + " the first\n  PRIME and another prime." + " b" * 500

    pieces = pieces_of(text, phrases_of("prime"))

    assert pieces[1::2] == ("PRIME", "prime")
    assert pieces[0].startswith("…aaa")
    assert pieces[0].endswith("the first ")
    assert pieces[-1].endswith("b…")
    assert sum(map(len, pieces)) < 300


def test_without_a_find_the_beginning_is_shown() -> None:
    assert pieces_of("Which river?", phrases_of("primes")) == ("Which river?",)


@pytest.mark.parametrize("sign", ["=", "|", "█", "日", "a=", "a b ", "_="])
def test_many_like_signs_are_gone_through_once(sign: str) -> None:
    phrases = phrases_of(sign * 250)

    assert count_in(sign * 20_000, phrases) == len(phrases)
    assert len(pieces_of(sign * 20_000, phrases)) % 2 == 1
    assert count_in(sign * 20, phrases_of("=" * 250)) == 0


def test_finds_do_not_overlap_and_stand_where_they_are() -> None:
    assert pieces_of("a === b", phrases_of("==")) == ("a ", "==", "= b")
    found = pieces_of("\ud800 日本語 Zoë", phrases_of("本語 zoe"))

    assert found == ("\ud800 日", "本語", " ", "Zoë", "")


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_cut_as_any_text_is(text: str) -> None:
    # A sign of another script, which is a word by itself, takes the text off the shorter way.
    assert (*tokens_of(text), "日") == tokens_of(f"{text} 日")
