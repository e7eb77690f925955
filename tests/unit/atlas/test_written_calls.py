"""A call of a tool that was written out as text is read, whichever form it has."""

from __future__ import annotations

import json

import pytest

from atlas_mcp.atlas.messages import Json
from atlas_mcp.atlas.written_calls import MAX_CALLS, MAX_PARAMETERS, written_calls

ASKED: dict[str, Json] = {"strategy": "decompose", "instruction": "Check 7 < 8."}


TEXT = json.dumps(ASKED)
NAMED = f'{{"name": "explore", "arguments": {TEXT}}}'
FORMS = {
    "function": "I look further.\n<tool_call>\n<function=explore>\n<parameter=strategy>\ndecompose\n"  # noqa: E501
    "</parameter>\n<parameter=instruction>\nCheck 7 < 8.\n</parameter>\n</function>\n</tool_call>",
    "function with JSON": f"<function=explore>{TEXT}</function>",
    "invoke": '<invoke name="explore"><parameter name="strategy">decompose</parameter>'
    '<parameter name="instruction">Check 7 < 8.</parameter></invoke>',
    "single quotes": "<invoke name='explore'><parameter name='strategy'>decompose</parameter>"
    "<parameter name='instruction'>Check 7 < 8.</parameter></invoke>",
    "DSML": '<\uff5cDSML\uff5cinvoke name="explore"><\uff5cDSML\uff5cparameter name="strategy" string="true">decompose'  # noqa: E501
    '</\uff5cDSML\uff5cparameter><\uff5cDSML\uff5cparameter name="instruction" string="true">Check 7 < 8.'  # noqa: E501
    "</\uff5cDSML\uff5cparameter></\uff5cDSML\uff5cinvoke>",
    "GLM": "<tool_call>explore\n<arg_key>strategy</arg_key>\n<arg_value>decompose</arg_value>\n"
    "<arg_key>instruction</arg_key>\n<arg_value>Check 7 < 8.</arg_value>\n</tool_call>",
    "harmony": "<|channel|>commentary to=functions.explore <|constrain|>json<|message|>"
    f"{TEXT}<|call|>",
    "Kimi": "<|tool_calls_section_begin|><|tool_call_begin|>functions.explore:0"
    f"<|tool_call_argument_begin|>{TEXT}<|tool_call_end|>",
    "DeepSeek V3": "<\uff5ctool▁calls▁begin\uff5c><\uff5ctool▁call▁begin\uff5c>function<\uff5ctool▁sep\uff5c>explore\n```json\n"  # noqa: E501
    f"{TEXT}\n```<\uff5ctool▁call▁end\uff5c>",
    "DeepSeek V3.1": f"<\uff5ctool▁call▁begin\uff5c>explore<\uff5ctool▁sep\uff5c>{TEXT}<\uff5ctool▁call▁end\uff5c>",  # noqa: E501
    "Llama": f'<|python_tag|>{{"name": "explore", "parameters": {TEXT}}}',
    "Mistral": f"[TOOL_CALLS] [{NAMED}]",
    "Mistral 11": f"[TOOL_CALLS]explore[ARGS]{TEXT}",
    "Hermes": f"<tool_call>\n{NAMED}\n</tool_call>",
    "plain": NAMED,
    "arguments as text": json.dumps({"name": "explore", "arguments": TEXT}),
    "Chat Completions": json.dumps(
        {"tool_calls": [{"type": "function", "function": {"name": "explore", "arguments": TEXT}}]}
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_call_is_read_in_the_form_that_its_model_was_trained_on(form: str) -> None:
    assert written_calls(FORMS[form], "explore") == [ASKED]


@pytest.mark.parametrize("form", FORMS)
def test_of_several_calls_each_is_read(form: str) -> None:
    assert written_calls(f"{FORMS[form]}\n{FORMS[form]}", "explore") == [ASKED, ASKED]


@pytest.mark.parametrize("form", FORMS)
def test_a_call_of_another_tool_is_none_of_ours(form: str) -> None:
    assert written_calls(FORMS[form].replace("explore", "explorer"), "explore") == []
    assert written_calls(FORMS[form], "explo") == []


@pytest.mark.parametrize(
    "form",
    [form for form, text in FORMS.items() if not text.startswith(("{", "[TOOL_CALLS] [", "<|p"))],
)
def test_a_call_that_is_quoted_in_an_object_is_none(form: str) -> None:
    assert written_calls(json.dumps({"note": FORMS[form]}), "explore") == []


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<function=explore></function>", {}),
        ('<invoke name="explore">\n</invoke>', {}),
        ('{"name": "explore", "arguments": null}', {}),
        ('{"name": "explore", "arguments": ""}', {}),
        ('{"name": "explore", "arguments": "no"}', None),
        ('{"name": "explore", "arguments": [1]}', None),
        ('<function=explore>{"instruction": </function>', None),
        ("<function=explore><parameter=effort>null</parameter></function>", {"effort": None}),
        (
            r"<function=explore><parameter=instruction>\frac12</parameter></function>",
            {"instruction": r"\frac12"},
        ),
        (
            r'<function=explore>{"instruction": "\frac12"}</function>',
            {"instruction": r"\frac12"},
        ),
    ],
)
def test_arguments_are_read_whole_or_said_to_be_lost(
    text: str, read: dict[str, Json] | None
) -> None:
    assert written_calls(text, "explore") == [read]


def test_of_one_call_a_bounded_number_of_parameters_is_read() -> None:
    names = [f"p{'x' * number}" for number in range(MAX_PARAMETERS + 1)]
    inside = "".join(f"<parameter={name}>1</parameter>" for name in names)

    assert written_calls(f"<function=explore>{inside}</function>", "explore") == [
        dict.fromkeys(names[:-1], "1")
    ]


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
        "to=functions.explorer <|message|>{}",
        "I might write <function=explore> here.",
    ],
)
def test_what_is_no_call_is_left_alone(text: str) -> None:
    assert written_calls(text, "explore") == []


@pytest.mark.every_day(1)
@pytest.mark.parametrize(
    "piece", ["<function=explore>", "<parameter=a>", '<invoke name="explore">', "<parameter "]
)
def test_a_text_full_of_tags_is_gone_through_once(piece: str) -> None:
    assert len(written_calls(piece * 50_000, "explore")) <= MAX_CALLS
