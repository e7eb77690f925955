"""Why a reply ended is read in the words of endpoints that nobody has seen."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.messages import ReplyEnd
from atlas_mcp.models.wire.endings import Ending, detail_of, ending_of

KNOWN: dict[str, ReplyEnd] = {"stop": "end", "length": "max_tokens"}


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        (None, "end"),
        ("", "end"),
        ("stop", "end"),
        ("eos_token", "end"),
        ("COMPLETE", "end"),
        ("FINISH_REASON_STOP", "end"),
        ("network_error", "failed"),
        ("insufficient_system_resource", "failed"),
        ("abort", "failed"),
        ("MALFORMED_FUNCTION_CALL", "failed"),
        ("tool_use_failed", "failed"),
        ("serverError", "failed"),
        ("SAFETY", "refusal"),
        ("content_filtered", "refusal"),
        ("content_filter_error", "refusal"),
        ("PROHIBITED_CONTENT", "refusal"),
        ("guardrail_intervened", "refusal"),
        ("sensitive", "refusal"),
        ("max_output_tokens", "max_tokens"),
        ("length", "max_tokens"),
        ("model_length", "max_tokens"),
        ("load", "failed"),
        ("server_busy", "failed"),
        ("server_overload", "failed"),
        ("connection_reset", "failed"),
        ("terminated", "failed"),
        ("rate_limit", "failed"),
        ("quota_exceeded", "failed"),
        ("UNEXPECTED_TOOL_CALL", "failed"),
        ("unsafe", "refusal"),
        ("flagged", "refusal"),
        ("OTHER", "failed"),
        ("banana", "failed"),
    ],
)
def test_a_reason_is_told_by_its_words(reason: str | None, ending: Ending) -> None:
    assert ending_of(reason, KNOWN, text='{"answer": ', calls=False) == ending


@pytest.mark.parametrize("text", ["So be it.", '{"answer": 42}', '```json\n{"answer": 42}\n```\n'])
def test_a_reply_that_is_whole_is_kept_whatever_its_end_is_called(text: str) -> None:
    assert ending_of("banana", KNOWN, text=text, calls=False) == "end"
    assert ending_of("network_error", KNOWN, text=text, calls=False) == "failed"


def test_a_reply_that_calls_tools_does_so_whatever_its_end_is_called() -> None:
    for reason in (None, "tool_call", "banana", "done"):
        assert ending_of(reason, KNOWN, text="", calls=True) == "tool_calls"


def test_what_is_recorded_names_the_reason() -> None:
    assert detail_of("stop", KNOWN) == detail_of(None, KNOWN) == detail_of("eos", KNOWN) == ""
    assert detail_of("SAFETY", KNOWN) == "it ended with 'SAFETY'"
    assert "not known: 'banana'" in detail_of("banana", KNOWN)
