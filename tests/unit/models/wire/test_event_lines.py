"""Event streams as servers write them, cut into events wherever the bytes are cut."""

from __future__ import annotations

import pytest

from atlas_mcp.models.wire.event_lines import (
    MARK,
    MAX_EVENT_BYTES,
    ErrorLine,
    EventLines,
    EventTooLong,
    kind_of,
)

A, B, DONE = b'{"a": 1}', b'{"b": 2}', b"[DONE]"


def read(sent: bytes, size: int = 1) -> list[bytes]:
    lines = EventLines()
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    return [line for piece in (*pieces, b"\n\n") for line in lines.feed(piece)]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 1_000])
@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (b'data: {"a": 1}\n\ndata:{"b": 2}\n\n', [A, B]),
        (MARK + b'data: {"a": 1}\n\n', [A]),
        (b': ping\n\ndata:\n\ndata: \n\ndata: {"a": 1}\n\n: ping\n\n', [A]),
        (b'id: 4\nevent: x\nretry: 10\ndata: {"a": 1}\n\n', [A]),
        (b'data: {"a": 1}\ndata: {"b": 2}\ndata: [DONE]\n', [A, B, DONE]),
        (b'data: {"a":\ndata: 1}\n\n', [b'{"a":\n1}']),
        (b'data: {"a": 1}\n\ndata: [DONE]\n\ndata: nonsense', [A, DONE, b"nonsense"]),
        (b'error: {"b": 2}\n', [ErrorLine(b'{"b": 2}')]),
        (b'data: {"a": 1}\nerror: x\n', [A, ErrorLine(b"x")]),
        (b"\n\n\n", []),
    ],
)
def test_events_are_found_wherever_a_stream_is_cut_and_however_its_lines_end(
    sent: bytes, found: list[bytes], size: int, end: bytes
) -> None:
    events = read(sent.replace(b"\n", end), size)

    assert events == found
    assert [type(event) for event in events] == [type(event) for event in found]


def test_an_event_of_many_lines_has_a_bound() -> None:
    lines = EventLines()

    with pytest.raises(EventTooLong, match="longer than 4,000,000 bytes"):
        lines.feed((b"data: " + b"x" * 1_000 + b"\n") * (MAX_EVENT_BYTES // 1_000))


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"data: {", "stream"),
        (b": hello", "stream"),
        (b"event: x", "stream"),
        (MARK + b"data:", "stream"),
        (b"error: x", "stream"),
        (b'  \n{"a"', "json"),
        (MARK + b"[", "json"),
        (MARK + b" \r\n" * 9_999 + b"[", "json"),
        (b"\n" * 99 + MARK + b"\n" * 99 + b"data:", "stream"),
        (b"<html>", "other"),
        (b"Bad gateway", "other"),
        (b"dataset", "other"),
        (b"dat", None),
        (MARK[:2], None),
        (b" \n", None),
        (b"", None),
        (MARK + b"\n" * 99, None),
    ],
)
def test_a_body_is_told_by_its_first_bytes(beginning: bytes, kind: str | None) -> None:
    assert kind_of(beginning) == kind
