"""The results of tools are long enough and no longer, by the text and by the structure alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from atlas_mcp.texts import counted
from atlas_mcp.views.lengths import chars_of, chars_per_token
from atlas_mcp.views.polling import POLLED
from atlas_mcp.views.run_view import (
    Agreement,
    RunView,
)
from atlas_mcp.views.structures import structured
from atlas_mcp.views.summaries import summary
from tests.support.shown_views import REASONING, a_solve, tokens, views

TOLD = {"explore_id", "solver", "status"}
"""The facts that are shown of every candidate."""

SCAFFOLD = 900
"""Characters of names and numbers in a result of marks alone, which has no room for them."""

FORMULA = r"\frac{1}{2}+\sqrt{x^2+y^2} = \sum_{i=1}^{n} a_i \cdot b_i, \quad " * 30

ANSWERED_TOKENS, POLL_TOKENS = 1_200, 300
"""Source: the contract."""


def assert_no_nulls(value: object) -> None:
    assert "null" not in json.dumps(value).replace('"null', "")


@pytest.mark.parametrize("answers", [["42"] * 6, ["42", "43", "42", "44", "45", "46"]])
@pytest.mark.requirement("TOOL-10")
def test_an_answered_solve_of_six_explores_is_short_either_way(answers: list[str]) -> None:
    view = a_solve(answers)
    text, structure = summary(view), structured(view)

    assert tokens(text) < ANSWERED_TOKENS
    assert tokens(structure) < ANSWERED_TOKENS
    assert_no_nulls(structure)
    for candidate in structure.get("candidates", []):
        assert set(candidate) == {*TOLD, "answer", "confidence", "strategy"}
    for said in (text, json.dumps(structure)):
        assert all(word in said for word in ("42", "All of the paths", view.run_id, "0.0123"))
    assert REASONING[:100] not in text + json.dumps(structure)


@pytest.mark.parametrize("count", [0, 1, 6, 60])
@pytest.mark.parametrize("answer", ["42", "a long answer of many words " * 40])
def test_a_poll_is_short_either_way_and_says_what_is_new(count: int, answer: str) -> None:
    view = a_solve(
        [answer] * count or ["42"],
        status="running",
        stop_reason=None,
        answer=None,
        explanation=None,
        next="Call get_run with run_id='abcdefghijklmn', since=60, wait_s=540; the run goes on.",
        **({} if count else {"candidates": []}),
    )
    left_out = [one.explore_id for one in view.candidates][:-POLLED]
    text, structure = summary(view, left_out), structured(view, left_out)

    assert tokens(text) < POLL_TOKENS
    assert tokens(structure) < POLL_TOKENS
    shown = [one["explore_id"] for one in structure.get("candidates", [])]
    assert shown == [*range(1, count + 1)][-POLLED:]
    assert f"Still running: {counted(count, 'candidate')} so far." in text
    for said in (text, json.dumps(structure)):
        assert "since=60" in said
        assert view.run_id in said


@pytest.mark.parametrize("count", [1, 6, 12])
@pytest.mark.requirement("SEEN-8")
def test_evidence_carries_each_justification_in_both(count: int) -> None:
    view = a_solve(["42"] * count, answer=None, explanation=None)
    text, structure = summary(view), structured(view)

    assert len(text) <= chars_of(view)
    assert len(json.dumps(structure)) <= chars_of(view)
    assert text.count('"justification": "Because 6 is 2 times 3, six') == count
    assert f"atlas://runs/{view.run_id}" in text
    told = [one.get("reasoning", "") for one in structure.get("candidates", [])]
    assert len(told) == count
    for one in told:
        assert one == REASONING or one.endswith(f"whole in atlas://runs/{view.run_id}]")
        assert one.startswith("Because 6 is 2 times 3")


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("Most candidates reach the same number by paths of their own.", 4.0, 4.0),
        ("Für jede natürliche Zahl gibt es höchstens zwei Lösungen.", 3.5, 4.0),
        ("Для каждого натурального числа их не более двух.", 3.5, 4.0),
        (FORMULA, 1.5, 2.3),
        ("3.14159265, 2718281828, 1.41421356e-10; 57721", 1.3, 2.0),
        ("设这两个集合的元素个数相等,那么它们之间存在一个双射。", 1.0, 1.4),
        ("", 4.0, 4.0),
    ],
)
def test_formulas_and_other_scripts_take_more_tokens(text: str, least: float, most: float) -> None:
    assert least <= chars_per_token(text) <= most


def test_an_answer_in_formulas_is_cut_to_fewer_characters() -> None:
    view = a_solve(["42"] * 6, explanation=FORMULA, agreement=Agreement())

    assert len(summary(view)) < ANSWERED_TOKENS * 2.3
    assert len(json.dumps(structured(view))) < ANSWERED_TOKENS * 2.3
    assert view.run_id in summary(view)


def test_what_was_told_before_is_told_in_brief_and_the_new_at_length() -> None:
    view = a_solve(["42"] * 6, answer=None, explanation=None)
    earlier = range(1, 6)
    text, structure = summary(view, (), earlier), structured(view, (), earlier)

    *old, new = [one.get("reasoning", "") for one in structure.get("candidates", [])]
    assert new == REASONING
    assert all(len(one) < 350 for one in old)
    assert json.dumps(REASONING)[:-1] in text
    assert tokens(text) < 2_000
    assert tokens(structure) < 2_000


@given(view=views())
def test_every_result_keeps_to_its_form(view: RunView) -> None:
    """But for the answer, `next`, which is ours, and the escapes of what is shown."""
    view = view.model_copy(update={"next": "Call get_run.", "answer": view.answer and "42"})
    chars = chars_of(view)
    left_out = [one.explore_id for one in view.candidates][:-POLLED]
    structure = structured(view, left_out)

    assert len(summary(view, left_out)) <= 1.5 * chars + SCAFFOLD
    assert len(json.dumps(structure, ensure_ascii=False)) <= 1.5 * chars + SCAFFOLD
