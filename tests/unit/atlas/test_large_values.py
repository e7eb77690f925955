"""Long texts of a record's line: out, stored once, and back in."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.atlas.large_values import LARGE_CHARS, MAX_LINE_CHARS, digest_of, join, split
from atlas_mcp.errors import JournalCorrupt

LONG = "x" * (LARGE_CHARS + 1)

KEYS = st.sampled_from(["$large", "$$large", "large", "$whole", LONG, 'a "key": here', "é"])
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [LONG, '"' * LARGE_CHARS, "\\" * LARGE_CHARS, "\n\u2028é漢" * LARGE_CHARS, "$large"]
    ),
    st.builds(digest_of, st.sampled_from([LONG, ""])),
    st.just(f'{{"$large":"{digest_of(LONG)}"}}' * 100),
)
VALUES: st.SearchStrategy[object] = st.recursive(
    st.one_of(TEXTS, st.none(), st.integers(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
WRITERS: tuple[Callable[[object], str], ...] = (
    lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    lambda value: json.dumps(value, ensure_ascii=False),
    json.dumps,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.sampled_from(WRITERS))
def test_a_line_is_given_back_as_it_was(value: object, write: Callable[[object], str]) -> None:
    line = write(value)

    short, texts = split(line)

    if texts:
        assert join(short, texts.get) == line
    else:
        assert short == line
    assert len(short) <= max(len(line), MAX_LINE_CHARS)
    assert isinstance(json.loads(short), dict)
    assert all(digest_of(text) == digest for digest, text in texts.items())


def test_a_short_line_is_left_alone() -> None:
    line = json.dumps({"$large": "y" * (LARGE_CHARS // 2)})

    assert split(line) == (line, {})


def test_only_texts_over_the_bound_are_taken_out_each_once() -> None:
    line = json.dumps({"a": LONG, "b": ["y" * LARGE_CHARS, LONG], LONG: 1})

    short, texts = split(line)

    reference = {"$large": digest_of(LONG)}
    assert json.loads(short) == {"a": reference, "b": ["y" * LARGE_CHARS, reference], LONG: 1}
    assert list(texts.values()) == [LONG]


def test_an_object_that_looks_like_a_reference_is_not_taken_for_one() -> None:
    value = {"a": LONG, "b": {"$large": digest_of(LONG)}, "c": {"$$large": digest_of(LONG)}}

    short, texts = split(json.dumps(value))

    assert json.loads(join(short, texts.get)) == value


def test_a_long_line_of_short_values_becomes_a_text_of_its_own() -> None:
    value = {"a": LONG, "numbers": list(range(MAX_LINE_CHARS)), "$large": 1}
    line = json.dumps(value)

    short, texts = split(line)

    assert len(short) < 100
    assert len(texts) == 2
    assert join(short, texts.get) == line
    numbers = json.dumps({"numbers": list(range(MAX_LINE_CHARS)), "$large": 1})
    assert join(split(numbers).line, split(numbers).texts.get) == numbers


@pytest.mark.parametrize(
    ("found", "how"), [(None, "missing"), ("", "damaged"), (LONG[:-1] + "y", "damaged")]
)
def test_a_text_that_is_missing_or_damaged_is_named_as_that(found: str | None, how: str) -> None:
    short, _ = split(json.dumps({"a": LONG}))

    with pytest.raises(JournalCorrupt, match=f"a long text of it is {how}"):
        join(short, lambda _: found)
