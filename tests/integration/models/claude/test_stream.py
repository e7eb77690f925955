"""The event stream of the Messages API, as it arrives."""

from __future__ import annotations

from typing import Any

import pytest

from atlas_mcp.atlas.usage import Usage
from atlas_mcp.errors import ModelError
from atlas_mcp.testing.messages_wire import encode
from tests.support.claude_calls import heard

EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "é✓"}},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "citations_delta", "citation": {"cited_text": "x"}},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "tool_use", "id": "t", "name": "explore", "input": {}},
    },
    {
        "type": "content_block_delta",
        "index": 1,
        "delta": {"type": "input_json_delta", "partial_json": '{"cut": '},
    },
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "thinking"}},
    {"type": "content_block_stop", "index": 2},
    {"type": "something_new"},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "max_tokens"},
        "usage": {"output_tokens": 40, "input_tokens": None},
    },
    {"type": "message_stop"},
)


STREAM = b"".join(encode(event) for event in EVENTS)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
async def test_a_stream_reads_the_same_wherever_it_is_cut(line_end: bytes) -> None:
    wire = STREAM.replace(b"\n", line_end)
    for cut in range(len(wire)):
        message = await heard(wire[:cut], wire[cut:])

        assert message.done
        assert message.stop_reason == "max_tokens"
        assert message.usage == Usage(1, 9, 40)
        # Cut arguments count as none, and thinking without its signature cannot go back.
        assert message.turn.verbatim["content"] == [
            {"type": "text", "text": "é✓", "citations": [{"cited_text": "x"}]},
            {"type": "tool_use", "id": "t", "name": "explore", "input": {}},
        ]


@pytest.mark.parametrize(
    "wire",
    [b"data: 1\n\n", b"data: {\ndata: }\n\n", b"data: x\n\n", b'data: {"type": 5}\n\n'],
)
async def test_what_is_no_stream_of_the_api_is_garbled(wire: bytes) -> None:
    with pytest.raises(ModelError, match="the reply could not be read"):
        await heard(wire)
