"""The body of an answer is read to its end, whatever its form: both adapters alike."""

from __future__ import annotations

import json
import threading

import pytest

from atlas_mcp.atlas.messages import Reply
from atlas_mcp.atlas.usage import Charge
from atlas_mcp.errors import ModelRejected, ModelUnavailable
from atlas_mcp.models.wire.bounded import MOST_HINTS
from atlas_mcp.models.wire.json_events import LARGE_BYTES
from atlas_mcp.models.wire.trips import Trip
from tests.support.arriving_replies import (
    COST,
    COUNTED,
    STREAMS,
    WHOLE,
    both,
    event,
    on_asyncio,
    reply_to,
    with_it,
)
from tests.support.raw_servers import HINTS, endless, heading, in_bytes, once


@both
@on_asyncio
@pytest.mark.parametrize("kind", ["text/event-stream", "text/plain", "application/json", ""])
async def test_a_stream_is_told_by_its_first_bytes(adapter: str, kind: str) -> None:
    sent = b"\xef\xbb\xbf: hello\n\n" + b"".join(STREAMS[adapter])

    reply = await reply_to(adapter, once(heading(kind=kind), sent.replace(b"\n", b"\r")))

    assert (reply.end, reply.turn.text, reply.charge.cost) == ("end", "So be it.", COST)


@both
@on_asyncio
@pytest.mark.parametrize("kind", ["text/event-stream", "text/plain", "application/json", ""])
async def test_a_reply_in_one_piece_is_read_where_a_stream_was_asked_for(
    adapter: str, kind: str
) -> None:
    sent = b"\n \n" + json.dumps(WHOLE[adapter], indent=1).encode()

    reply = await reply_to(adapter, once(heading(kind=kind), sent))

    assert (reply.end, reply.turn.text) == ("end", "So be it.")
    assert reply.charge == Charge(COUNTED, COST)


MARK = b"\xef\xbb\xbf"


@both
@on_asyncio
@pytest.mark.parametrize("form", ["whole", "streamed"])
@pytest.mark.parametrize("before", [MARK + b"\r\n" * 30, b" " * 30 + MARK + b"\n" * 30])
async def test_a_body_behind_a_mark_and_many_blanks_is_told_by_its_first_character(
    adapter: str, before: bytes, form: str
) -> None:
    whole, streamed = json.dumps(WHOLE[adapter]).encode(), b"".join(STREAMS[adapter])
    sent = in_bytes(before + (whole if form == "whole" else streamed))

    reply = await reply_to(adapter, once(heading(kind="", transfer_encoding="chunked"), sent))

    assert (reply.end, reply.turn.text) == ("end", "So be it.")
    assert reply.charge == Charge(COUNTED, COST)


@both
@on_asyncio
@pytest.mark.parametrize("line_end", [b"", b"\n", b"\r"])
@pytest.mark.parametrize("broken", [False, True])
async def test_the_last_event_needs_no_empty_line_behind_it(
    adapter: str, line_end: bytes, broken: bool
) -> None:
    """Nor is it lost with its connection."""
    sent = b"".join(STREAMS[adapter][: LAST[adapter]]).rstrip() + line_end
    head = heading(content_length=str(len(sent) + broken))

    reply = await reply_to(adapter, once(head, sent))

    assert (reply.end, reply.turn.text) == ("end", "So be it.")


LAST = {"chat": 3, "claude": 6}
"""The pieces of a stream up to the reason for its end, which no empty line follows."""


@both
@on_asyncio
async def test_an_event_that_is_cut_with_its_connection_completes_nothing(adapter: str) -> None:
    sent = b"".join(STREAMS[adapter][: LAST[adapter]]).rstrip()[:-1]

    with pytest.raises(ModelUnavailable, match="the connection was cut"):
        await reply_to(adapter, once(heading(content_length=str(len(sent) + 1)), sent))


@both
@on_asyncio
async def test_a_reply_in_chunks_of_one_byte_is_read(adapter: str) -> None:
    sent = in_bytes(b"".join(STREAMS[adapter]))

    reply = await reply_to(adapter, once(heading(transfer_encoding="chunked"), sent))

    assert (reply.end, reply.turn.text) == ("end", "So be it.")


@both
@on_asyncio
async def test_some_hints_before_an_answer_are_passed_over(adapter: str) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * MOST_HINTS

    reply = await reply_to(adapter, once(hints, heading(), *STREAMS[adapter]))

    assert reply.turn.text == "So be it."


@both
@on_asyncio
async def test_hints_without_end_are_the_endpoints_fault(adapter: str) -> None:
    with pytest.raises(ModelRejected, match="more than 100 informational responses"):
        await reply_to(adapter, endless(b"", HINTS))


@both
@on_asyncio
async def test_a_reply_that_is_large_for_anything_in_it_is_put_together_off_the_loop(
    monkeypatch: pytest.MonkeyPatch, adapter: str
) -> None:
    threads: list[int] = []
    masked = Trip.masked

    def noting(trip: Trip, reply: Reply) -> Reply:
        threads.append(threading.get_ident())
        return masked(trip, reply)

    monkeypatch.setattr(Trip, "masked", noting)
    bulk = [
        event({"choices": [{"delta": {"thoughts": "a" * 1_000}}], "type": "x", "x": "a" * 1_000})
    ] * (LARGE_BYTES // 1_000)

    reply = await reply_to(adapter, once(heading(), with_it(adapter, b"".join(bulk))))

    assert reply.turn.text == "So be it."
    assert len(threads) == 1
    assert threads != [threading.get_ident()]
