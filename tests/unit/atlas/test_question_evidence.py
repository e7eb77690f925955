# ruff: noqa: E501 - the snapshots hold lines as models read them
"""The evidence that a question shows: the whole of it, in one order, shortened by one rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from atlas_mcp.atlas import question_evidence
from atlas_mcp.atlas.events import RunResumed
from atlas_mcp.atlas.messages import Image, Text
from atlas_mcp.atlas.problem import Problem
from atlas_mcp.atlas.question_evidence import evidence_turn, fair_limit
from atlas_mcp.atlas.state import RunState
from tests.support.played_runs import (
    a_model,
    a_run,
    answers,
    explores,
    failed,
    followed_by,
    found,
    in_turn,
    opened,
    play,
    questioned,
    refined,
    remark,
    says,
    text_of,
    with_outcomes,
)


def shown(state: RunState, question: str = "Why?") -> str:
    return text_of(evidence_turn(state, question, a_model()).turn)


def test_the_evidence_is_shown_whole_and_in_order() -> None:
    run = play(
        a_run(),
        explores({"strategy": "decompose", "instruction": "Look at step 2."}),
        says("I think so."),
        answers(dissent="Explore 3 differs."),
        solve=in_turn(found(), failed("timeout", "no reply"), found("43")),
    )

    assert shown(run.state, "Why not 43? </question>") == snapshot("""\
<problem>
How many?
</problem>
<candidate>{"number": 1, "solver": "s", "model": "maker/s", "strategy": "direct", "answer": "42", "confidence_percent": 75, "approach": "Counting.", "justification": "So.", "cost_usd": 0.0328}</candidate>
<candidate>{"number": 2, "solver": "s", "model": "maker/s", "strategy": "first_principles", "failed": "timeout", "why": "no reply", "cost_usd": 0.0329}</candidate>
<candidate>{"number": 3, "solver": "s", "model": "maker/s", "strategy": "decompose", "instruction": "Look at step 2.", "answer": "43", "confidence_percent": 75, "approach": "Counting.", "justification": "So.", "cost_usd": 0.0329}</candidate>
<decision>{"turn": 1, "was_shown": [1, 2], "reply": "Looking further.", "calls": [{"strategy": "decompose", "instruction": "Look at step 2."}], "explores": [3]}</decision>
<decision>{"turn": 2, "was_shown": [3], "reply": "I think so.", "not_accepted": "Your reply could not be used: the reply holds no JSON object. Reply again in the shape asked for."}</decision>
<decision>{"turn": 3, "was_shown": [], "reply": "{\\"explanation\\": \\"Both say so.\\", \\"answer\\": \\"42\\", \\"supported\\": true, \\"confidence_percent\\": 90, \\"dissent\\": \\"Explore 3 differs.\\"}"}</decision>
<end>{"status": "answered", "stopped_by": "decided", "answer": "42", "explanation": "Both say so.", "confidence_percent": 90, "dissent": "Explore 3 differs."}</end>
<question>"Why not 43? \\u003c/question>"</question>\
""")


def test_pictures_come_with_the_problem() -> None:
    picture = Image("image/png", "aGk=")
    state = opened(problem=Problem("What is it?", (picture,)))

    parts = evidence_turn(state, "Why?", a_model(images=True)).turn.parts

    assert parts[0] == picture


def test_all_but_the_question_is_the_same_for_each_question_and_may_be_cached() -> None:
    state = play(a_run(), answers()).state
    one, other = (evidence_turn(state, text, a_model()).turn.parts for text in ("Why?", "How?"))

    assert one[:-1] == other[:-1]
    last = one[-2]
    assert isinstance(last, Text)
    assert last.cache


def test_earlier_questions_are_not_shown() -> None:
    run = play(a_run(), answers())

    assert shown(questioned(run).state) == shown(run.state)


def test_remarks_of_critics_are_shown_with_what_they_were_about() -> None:
    state = refined(found(), remark("Step 2 is wrong."), found("43"), remark(satisfied=True)).state

    text = shown(state)

    assert "Step 2 is wrong." in text
    assert '"was_shown": [1]' in text


def test_a_run_that_has_not_ended_says_so() -> None:
    assert "the search has not ended" in shown(with_outcomes(opened(), ("s", found())))


def test_an_evidence_too_long_for_its_reader_is_cut_in_its_longest_texts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(question_evidence, "MAX_EVIDENCE_CHARS", 5_000)
    long, short = found(reasoning="a" * 9_000), found("43", reasoning="b" * 300)
    state = with_outcomes(opened(), ("s", long), ("s", short))

    evidence = evidence_turn(state, "Why?", a_model())

    text = text_of(evidence.turn)
    assert evidence.shortened
    assert len(text) < 6_000
    assert "b" * 300 in text, "a short text stays whole"
    assert "more characters]" in text
    assert "its longest texts are cut" in text


@pytest.mark.parametrize("char", ["<", '"', "\u202e", "a"])
def test_the_bound_holds_for_texts_that_are_longer_as_data(
    monkeypatch: pytest.MonkeyPatch, char: str
) -> None:
    monkeypatch.setattr(question_evidence, "MAX_EVIDENCE_CHARS", 5_000)
    state = with_outcomes(opened(), ("s", found(reasoning=char * 9_000)))

    text = text_of(evidence_turn(state, "Why?", a_model()).turn)

    assert 4_000 < len(text) < 6_000


def test_a_run_that_went_on_shows_its_earlier_end_and_the_instruction() -> None:
    run = play(a_run(), answers("41"))
    resumed = RunResumed("Go on.", instruction="Look at the case n = 3.")
    state = RunState.fold(followed_by(run.records, resumed))

    text = shown(state)

    assert '"user_asked": "Look at the case n = 3."' in text
    assert '"earlier_end": {"status": "answered", "stopped_by": "decided", "answer": "41"' in text
    assert "not_accepted" not in text


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(-5, 200))
def test_texts_fit_their_room_and_none_is_cut_for_nothing(lengths: list[int], room: int) -> None:
    limit = fair_limit(lengths, room)

    kept = sum(min(length, limit) for length in lengths)
    assert kept <= max(0, room)
    if any(length > limit for length in lengths):
        assert kept + sum(length > limit for length in lengths) > max(0, room)


@pytest.mark.parametrize("text", ['<"\\', "\u202e", "x\n", "<"])
def test_texts_are_measured_as_they_are_sent(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question_evidence, "MAX_EVIDENCE_CHARS", 9_000)
    run = play(a_run(), answers(), solve=in_turn(*[found(reasoning=text * 20_000)] * 2))

    evidence = evidence_turn(run.state, "Why?", a_model())

    assert evidence.shortened
    assert 6_000 < len(text_of(evidence.turn)) < 10_000
    assert text_of(evidence.turn).count("more characters]") == 2
