"""A body is a small JSON object with the fields that an action has, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from atlas_mcp.errors import InvalidInput
from atlas_mcp.pages import bodies
from atlas_mcp.pages.bodies import MAX_BODY_BYTES, Kind, read_body

FIELDS: dict[str, Kind] = {"count": "whole number", "cap": "number", "text": "text"}


def arriving(*parts: bytes, ends: bool = True) -> Callable[[], Awaitable[Any]]:
    """Return a body that arrives in parts; then its sender is gone, or never sends more."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": part, "more_body": not ends or at < len(parts) - 1}
        for at, part in enumerate(parts)
    ]

    async def receive() -> Any:
        if messages:
            return messages.pop(0)
        if ends:
            return {"type": "http.disconnect"}
        await anyio.sleep_forever()

    return receive


async def fault_of(body: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        await read_body(arriving(body), FIELDS)
    return str(caught.value)


async def test_fields_are_read_in_as_many_parts_as_they_come() -> None:
    body = json.dumps({"count": 2.0, "cap": 1, "text": "a"}).encode()

    read = await read_body(arriving(body[:5], b"", body[5:]), FIELDS)

    assert read == {"count": 2, "cap": 1, "text": "a"}
    assert isinstance(read["count"], int)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"count": null, "text": ""}'])
async def test_nothing_is_given_in_many_ways(body: bytes) -> None:
    assert await read_body(arriving(body), FIELDS) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"1", b"null", b"{", b'{"count": NaN}', b'{"cap": Infinity}', b"\xff", b"count=2",
        b'{"count": true}', b'{"count": "2"}', b'{"count": 1.5}', b'{"count": 1e400}',
        b'{"cap": -Infinity}', b'{"text": 1}', b'{"text": ["a"]}', b'{"text": {"a": 1}}',
        b'{"other": 1}', b'{"__proto__": {}}', b'{"cap": 1' + b"0" * 400 + b"}",
        b'{"count": ' + b"1" * 5_000 + b"}", b'{"text": ' + b"[" * 60_000,
    ],
)  # fmt: skip
async def test_a_body_that_is_not_as_it_should_be_is_refused(body: bytes) -> None:
    fault = await fault_of(body)

    assert len(fault) < 250


async def test_an_unknown_field_is_named_and_so_are_those_that_there_are() -> None:
    assert await fault_of(b'{"max\\u001b[31m": 1}') == (
        "`max\\x1b[31m`: there is no such field here; there is count, cap, text"
    )


async def test_a_body_that_is_long_is_not_taken_in() -> None:
    part = b" " * 1_000
    with pytest.raises(InvalidInput, match="longer than 128,000 bytes"):
        await read_body(arriving(*[part] * (MAX_BODY_BYTES // 1_000 + 1)), FIELDS)


async def test_a_body_that_does_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "ARRIVE_SECONDS", 0.0)
    with pytest.raises(InvalidInput, match="did not arrive within"):
        await read_body(arriving(b"{", ends=False), FIELDS)


async def test_a_sender_that_goes_has_sent_nothing() -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(InvalidInput, match="did not arrive as a whole"):
        await read_body(gone, FIELDS)
