from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from atlas_mcp.server.lines import LineSplitter
from atlas_mcp.server.messages import Refusal


def split(chunks: Sequence[bytes], longest: int = 1_000) -> list[bytes | Refusal]:
    splitter = LineSplitter(longest)
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*lines, *splitter.finish()]


@given(st.lists(st.binary(max_size=30)), st.integers(1, 7))
def test_lines_come_out_as_they_went_in_however_they_are_cut(lines: list[bytes], step: int) -> None:
    whole = [line.replace(b"\n", b"") for line in lines]
    data = b"\n".join(whole)
    chunks = [data[at : at + step] for at in range(0, len(data), step)]

    assert split(chunks) == [line for line in whole if line.strip()]


def test_a_line_that_is_too_long_is_refused_and_the_next_one_is_read() -> None:
    long = b'{"jsonrpc":"2.0","id":7,"method":"x","params":"' + b"x" * 200 + b'"}\n'
    at_once = split([long + b'{"next":1}\n'], longest=100)
    in_pieces = split([*(bytes([byte]) for byte in long), b'{"next":1}\n'], longest=100)

    for refused, following in (at_once, in_pieces):
        assert isinstance(refused, Refusal)
        assert json.loads(refused.as_json())["id"] == 7
        assert following == b'{"next":1}'


def test_the_last_line_needs_no_end() -> None:
    assert split([b"a\nb"]) == [b"a", b"b"]
