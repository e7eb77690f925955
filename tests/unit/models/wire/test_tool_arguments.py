"""The arguments of a tool call are read by one rule, and go back as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from atlas_mcp.models.wire.tool_arguments import arguments_of, sent_back


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ("", {}),
        (None, {}),
        ("{}", {}),
        ({"a": 1}, {"a": 1}),
        ('{"a": NaN, "b": 1e400}', {"a": "NaN", "b": "1e400"}),
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
        ('{"c": ' + "9" * 5_000 + "}", {"c": "9" * 5_000}),
    ],
)
def test_arguments_are_kept_and_go_back_as_json(written: Any, arguments: dict[str, Any]) -> None:
    found, fault = arguments_of(written)

    assert (found, fault) == (arguments, None)
    assert json.loads(sent_back(written, found)) == arguments


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('{"cut": ', "not JSON"),
        ("[1]", "no JSON object"),
        (5, "no JSON object"),
        ('{"a":' * 150 + "0" + "}" * 150, "nested deeper"),
        ('{"a":' * 20_000, "not JSON"),
        ('{"a": [' + "{}," * 200_000 + "{}]}", "more than 100,000 values"),
    ],
)
def test_arguments_that_cannot_be_kept_say_why(written: Any, words: str) -> None:
    found, fault = arguments_of(written)

    assert found == {}
    assert fault is not None
    assert words in fault


DEEP, WIDE = '{"a":' * 99_999 + "0" + "}" * 99_999, '{"a": [' + "{}," * 200_000 + "{}]}"


@pytest.mark.parametrize(
    "written",
    [
        '{"a": 1e400}',
        '{"a": -1e999}',
        '{"a": ' + "9" * 1_001 + "}",
        '{"a": ' + "9" * 5_000 + "}",
        '{"a": ' + "[" * 200 + "]" * 200 + "}",
        '{"a": "\\ud800"}',
        '{"\\udc00": 1}',
        DEEP,
        WIDE,
        "",
        " ",
        None,
        5,
        [1],
    ],
    ids=lambda one: repr(one)[:12],
)
def test_what_not_every_server_reads_goes_back_as_it_was_kept(written: Any) -> None:
    """Whatever was kept: nothing is relied on but the arguments themselves."""
    assert sent_back(written, {"kept": 1}) == '{"kept": 1}'


def test_arguments_that_are_json_go_back_as_they_were_written() -> None:
    written = '{ "a" : 1.0, "b": "\\ud83d\\ude00" }'

    assert sent_back(written, arguments_of(written)[0]) == written
