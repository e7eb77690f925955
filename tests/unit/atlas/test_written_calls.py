"""A call of a tool that was written out as text is read, whichever form it has."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.written_calls import written_call

ASKED: dict[str, Json] = {"strategy": "decompose", "instruction": "Check 7 < 8."}


@pytest.mark.parametrize(
    "text",
    [
        "I look further.\n<tool_call>\n<function=explore>\n<parameter=strategy>\ndecompose\n"
        "</parameter>\n<parameter=instruction>\nCheck 7 < 8.\n</parameter>\n</function>",
        '<invoke name="explore"><parameter name="strategy">decompose</parameter>'
        '<parameter name="instruction">Check 7 < 8.</parameter></invoke>',
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary "
        'to=functions.explore <|constrain|>json<|message|>{"strategy": "decompose", '
        '"instruction": "Check 7 < 8."}<|call|>',
    ],
    ids=["function", "invoke", "harmony"],
)
def test_a_call_is_read_in_the_form_that_its_model_was_trained_on(text: str) -> None:
    assert written_call(text, "explore") == ASKED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I would explore further.",
        '{"answer": "<function>"}',
        "<function=other><parameter=a>1</parameter></function>",
        "to=functions.explore",
        "to=functions.explore <|message|>not json",
        "to=functions.explore <|message|>[1]",
    ],
)
def test_what_is_no_call_is_left_alone(text: str) -> None:
    assert written_call(text, "explore") is None


@pytest.mark.parametrize(
    "piece", ["<function=explore>", "<parameter=a>", '<invoke name="explore">', "<parameter "]
)
def test_a_text_full_of_tags_is_gone_through_once(piece: str) -> None:
    assert written_call(piece * 50_000, "explore") in (None, {})
