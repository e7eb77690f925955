"""The values in a text of JSON are counted before it is read."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from atlas_mcp.atlas.json_parts import MOST_PARTS, has_too_many_parts

LISTS: Callable[[int], bytes] = lambda count: b"[" + b"[]," * count + b"1]"  # noqa: E731


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (LISTS(1_000), False),
        (LISTS(5_000_000), True),
        (b"[" + b"1," * 200_000 + b"1]", True),
        (b"[" + b'"",' * 150_000 + b"1]", True),
        (json.dumps({"problem": "1,2;[3]{4}," * 30_000}).encode(), False),
        (json.dumps({"problem": '\\",[' * 60_000}).encode(), False),
        (json.dumps({"problem": '"\\"' * 60_000, "x": [1] * MOST_PARTS}).encode(), True),
        (b"[" * 16_000_000, True),
        (b"", False),
    ],
    ids=["few", "lists", "numbers", "texts", "text", "quotes", "after quotes", "deep", "none"],
)
def test_a_message_of_too_many_values_is_not_read(text: bytes, refused: bool) -> None:
    assert has_too_many_parts(text) is refused
