"""The content blocks of a reply of the Messages API, put together from their pieces."""

from __future__ import annotations

from typing import Any

import pytest

from atlas_mcp.models.claude import blocks as module
from atlas_mcp.models.claude.blocks import Blocks


def text(piece: object) -> dict[str, Any]:
    return {"type": "text_delta", "text": piece}


def test_a_text_is_the_sum_of_its_pieces() -> None:
    blocks = Blocks()
    blocks.begin(0, {"type": "text", "text": "4"})

    assert not blocks.extend(0, text("2"))
    assert not blocks.are_closed
    blocks.close(0)

    assert (blocks.turn.text, blocks.characters, blocks.are_closed) == ("42", 1, True)


def test_a_text_that_lacks_its_beginning_begins_with_its_first_piece() -> None:
    blocks = Blocks()

    assert blocks.extend(7, text("42"))
    assert not blocks.extend(8, {"type": "signature_delta", "signature": "x"})
    assert not blocks.extend(7, {"type": None})
    assert blocks.turn.text == "42"


def test_a_call_has_its_arguments_and_an_id_of_its_own() -> None:
    blocks = Blocks()
    for index in range(2):
        blocks.begin(index, {"type": "tool_use", "id": "same", "name": "explore"})
        blocks.extend(index, {"type": "input_json_delta", "partial_json": '{"a": '})
        blocks.extend(index, {"type": "input_json_delta", "partial_json": "1}"})

    calls = blocks.turn.tool_calls

    assert [call.arguments for call in calls] == [{"a": 1}] * 2
    assert len({call.id for call in calls}) == 2


@pytest.mark.parametrize(
    ("fields", "closed", "sent"),
    [
        ({"type": "text", "text": ""}, True, False),
        ({"type": None}, True, False),
        ({"type": "thinking", "thinking": "Hm."}, False, False),
        ({"type": "thinking", "thinking": "Hm."}, True, True),
        ({"type": "thinking", "thinking": "", "signature": "x"}, False, True),
    ],
)
def test_a_block_that_the_api_would_refuse_is_not_sent_back(
    fields: dict[str, Any], closed: bool, sent: bool
) -> None:
    blocks = Blocks()
    blocks.begin(0, fields)
    if closed:
        blocks.close(0)

    assert bool(blocks.turn.verbatim["content"]) == sent


def test_citations_are_added_to_those_with_which_a_block_began() -> None:
    blocks = Blocks()
    blocks.begin(0, {"type": "text", "text": "42", "citations": ["a"]})
    blocks.extend(0, {"type": "citations_delta", "citation": "b"})

    assert blocks.turn.verbatim["content"][0]["citations"] == ["a", "b"]


def test_blocks_without_end_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BLOCKS", 2)
    blocks = Blocks()
    blocks.add_whole([{"type": "text", "text": str(number)} for number in range(3)])

    assert blocks.turn.text == "01"
    assert blocks.fault == "it has more than 2 parts"


def test_a_part_that_is_no_object_is_a_block_without_content() -> None:
    blocks = Blocks()
    blocks.add_whole(["42"])

    assert blocks.turn.verbatim["content"] == []
    assert blocks.wrote
