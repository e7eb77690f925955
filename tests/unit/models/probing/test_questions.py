"""The questions of a probe, and the checks of their answers."""

from __future__ import annotations

import pytest

from atlas_mcp.atlas.messages import AssistantTurn, Reply
from atlas_mcp.atlas.model_spec import ModelSpec
from atlas_mcp.atlas.usage import NO_CHARGE
from atlas_mcp.models.endpoint import endpoint_of
from atlas_mcp.models.findings import Feature
from atlas_mcp.models.probing.questions import (
    VERDICT_SHAPE,
    alternatives,
    fits,
    follow_up,
    question,
)


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ('{"verdict": "approved-7", "weight": 3}', True),
        ('Here: {"verdict": "approved-7", "weight": 3}', False),
        ('{"verdict": "YES", "weight": 3}', False),
        ("YES", False),
        ("[" * 100_000, False),
    ],
)
def test_a_shape_is_kept_by_a_value_that_fits_and_nothing_else(text: str, does: bool) -> None:
    assert fits(text, VERDICT_SHAPE) == does


def test_a_follow_up_sends_the_reply_back_as_it_came() -> None:
    reply = Reply(AssistantTurn("ready", verbatim={"thought": "Hm."}), "end", NO_CHARGE)

    first, said, second = follow_up(reply).turns

    assert (first,) == question("Reply with the single word: ready.").turns
    assert said is reply.turn
    assert second != first


@pytest.mark.parametrize(
    ("wanted", "tried"),
    [
        ((), []),
        (("max_tokens_field",), [("max_completion_tokens", None)]),
        (("stream_options",), [("max_tokens", False)]),
        (
            ("max_tokens_field", "stream_options"),
            [
                ("max_completion_tokens", None),
                ("max_tokens", False),
                ("max_completion_tokens", False),
            ],
        ),
    ],
)
def test_a_refused_question_is_asked_in_the_other_ways_that_are_wanted(
    wanted: tuple[Feature, ...], tried: list[tuple[str, bool | None]]
) -> None:
    found = [endpoint_of(spec) for spec in alternatives(ModelSpec("openai/m"), wanted)]

    assert [(one.max_tokens_field, one.stream_options) for one in found] == tried
