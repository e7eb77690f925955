"""Events that are nested too deep or hold too much are read as far as they can be."""

from __future__ import annotations

import json

import pytest

from atlas_mcp.atlas.json_parts import MOST_PARTS
from atlas_mcp.models.wire.json_events import DEEP, WIDE, Event, read_event
from tests.support.strange_replies import nested_text

USAGE = {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 5}}


def read(text: str) -> Event:
    return read_event(text.encode(errors="surrogatepass"))


@pytest.mark.parametrize("kind", ["[", "{"])
@pytest.mark.parametrize("levels", [200, 300, 980, 5_000, 100_000])
def test_what_is_deep_takes_nothing_else_of_an_event_along(levels: int, kind: str) -> None:
    deep = nested_text(levels, kind)
    choices = f'[{{"delta": {{"content": "a]\\"}}", "x": {deep}}}, "finish_reason": "stop"}}]'

    event = read(f'{{"id": "i", "choices": {choices}, "usage": {json.dumps(USAGE)}}}')

    assert (event.what, event.fault) == ("data", WIDE if levels > 50_000 else DEEP)
    assert event.value["usage"] == USAGE
    assert event.value["id"] == "i"
    [choice] = event.value["choices"]
    assert (choice["delta"]["content"], choice["finish_reason"]) == ('a]"}', "stop")


@pytest.mark.parametrize("part", ["{}", "[]", "1", '{"a": [1]}', '"a"'])
def test_what_is_wide_is_left_out_and_the_counts_are_kept(part: str) -> None:
    many = ",".join([part] * (MOST_PARTS + 1))

    event = read(f'{{"id": "i", "choices": [{many}], "usage": {json.dumps(USAGE)}}}')

    assert event == Event("data", {"id": "i", "usage": USAGE}, WIDE)


def test_a_deep_event_that_is_cut_off_is_read_up_to_there() -> None:
    event = read('{"id": "i", "usage": {"a": 1}, "choices": ' + "[" * 20_000)

    assert event == Event("data", {"id": "i", "usage": {"a": 1}}, DEEP)


@pytest.mark.parametrize("text", ["{", "nonsense", "[" * 20_000, '{"a": "', "{" * 20_000 + '"'])
def test_what_is_no_json_says_so(text: str) -> None:
    event = read(text)

    assert event.fault is not None
    assert event.what == "unreadable" or event.value == {}


@pytest.mark.parametrize("digits", [999, 1_000, 1_001, 4_300, 4_301, 100_000])
def test_a_number_of_any_length_is_read(digits: int) -> None:
    event = read('{"a": ' + "9" * digits + ', "b": 1}')

    assert (event.what, event.fault, event.value["b"]) == ("data", None, 1)


@pytest.mark.parametrize("text", ['"\\ud83d"', '"a\nb"', "NaN", "1e400", "-Infinity"])
def test_what_is_json_only_in_part_is_read_all_the_same(text: str) -> None:
    assert read(f'{{"a": {text}}}').what == "data"


def test_a_name_that_is_none_loses_only_its_field() -> None:
    wide = "{}," * MOST_PARTS
    event = read_event(f'{{"\\q": 1, "a": [{wide}{{}}], "usage": {{"x": 1}}}}'.encode())

    assert event == Event("data", {"usage": {"x": 1}}, WIDE)


def test_no_text_of_an_event_is_kept_by_its_parser() -> None:
    first, second = (read('{"text": "6 * 7"}').value["text"] for _ in range(2))

    assert first == second
    assert first is not second
