"""What a model reads of a run is enough and no more, by the text and by the structure alone."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from atlas_mcp.atlas.events import Planned
from atlas_mcp.atlas.explore import Explore
from atlas_mcp.atlas.outcomes import Status
from atlas_mcp.atlas.run_facts import ExploreState
from atlas_mcp.server.tool_schemas import result_schema
from atlas_mcp.server.tools import POLLED, new_explores
from atlas_mcp.texts import counted
from atlas_mcp.views.forms import chars_of, chars_per_token
from atlas_mcp.views.run_view import Agreement, AnswerGroup, CandidateView, CostSplit, RunView
from atlas_mcp.views.structures import structured
from atlas_mcp.views.summaries import summary
from tests.unit.server.test_results import USAGE, a_candidate, a_view

CHARS_PER_TOKEN = 4

VALIDATOR = Draft202012Validator(result_schema())

TOLD = {"explore_id", "solver", "status"}
"""What is told of every candidate."""

REASONING = ("Because 6 is 2 times 3, six sevens are three fourteens. " * 60)[:3_000]

SCAFFOLD = 900
"""Characters of names and numbers in a result of marks alone, which has no room for them."""

ANSWERED_TOKENS, POLL_TOKENS = 1_200, 300
"""Source: the contract."""


def a_solve(answers: list[str], **changes: Any) -> RunView:
    """Return an answered run with an explore of 3,000 characters of reasoning for each answer."""
    candidates = [
        a_candidate(
            number,
            "Divide both, then compare the parts by their sizes. " * 3,
            answer=answer,
            reasoning=REASONING,
            instruction=None,
        )
        for number, answer in enumerate(answers, 1)
    ]
    groups = [
        AnswerGroup(
            answer=one,
            explore_ids=[n for n, answer in enumerate(answers, 1) if answer == one],
            solvers=["claude", "local"],
            approaches=["Divide both, then compare the parts by their sizes. " * 3],
        )
        for one in dict.fromkeys(answers)
    ]
    return a_view(
        "",
        **{
            "run_id": "abcdefghijklmn",
            "answer": answers[0],
            "explanation": "All of the paths come to one number, by parts and as a whole. " * 12,
            "confidence": 0.9,
            "agreement": Agreement(
                groups=groups, dissent="Explore 6 is a candidate for a slip. " * 5, warnings=[]
            ),
            "candidates": candidates,
            "cost_usd": "0.0123",
            "cost_split": CostSplit.model_validate({"orchestrator": "0.01", "solvers": "0.0023"}),
            "next": None,
            **changes,
        },
    )


def tokens(value: object) -> float:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return len(text) / CHARS_PER_TOKEN


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


def test_a_poll_tells_why_new_explores_failed() -> None:
    fault = "rejected: `openai/m`: no credit is left </candidate> " * 9
    failed = {"status": "failed", "answer": None, "reasoning": None, "approach": None}
    candidates = [
        a_candidate(1, "x", **failed, error=fault),
        a_candidate(2, "x", answer="42"),
        a_candidate(3, "x", **failed, error=fault),
    ]
    view = a_view("", status="running", candidates=candidates, next="Call get_run.")
    text, structure = summary(view, {1}), structured(view, {1})

    assert text.startswith("Still running: 1 candidate, 2 explores failed so far.")
    assert 'Explore 3 (demo) failed: "rejected: `openai/m`: no credit is left' in text
    assert "Explore 1" not in text
    assert "</candidate> " not in text
    told = structure.get("candidates", [])
    assert [(one["explore_id"], one["status"]) for one in told] == [(2, "ok"), (3, "failed")]
    assert "no credit is left" in told[1].get("error", "")
    assert tokens(text) < POLL_TOKENS
    assert tokens(structure) < POLL_TOKENS


def an_end(number: int, seq: int) -> ExploreState:
    return ExploreState(Planned(number, Explore("demo")), "floor", ended_seq=seq)


@pytest.mark.requirement("SEEN-9")
def test_polls_that_follow_each_other_tell_of_each_explore_once() -> None:
    ended = [an_end(number, seq) for number, seq in ((3, 9), (1, 12), (2, 13), (6, 20), (5, 21))]
    since, told = 0, list[frozenset[int]]()
    while len(told) < 3:
        new, since = new_explores(ended, since)
        told.append(new)

    assert told == [{3, 1, 2, 6}, {5}, set()]
    assert since == 21
    # One that was told of and has to be made again joins anew.
    assert new_explores([*ended[1:], an_end(3, 30)], since) == ({3}, 30)
    assert new_explores(ended, 10_000) == (set(), 10_000)
    assert new_explores([], 0) == (set(), 0)


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


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@st.composite
def views(draw: st.DrawFn) -> RunView:
    """Draw runs of any state: nothing found, nothing known, all of it."""
    text = st.none() | st.text(max_size=200) | st.just("<b> sö " * 600)
    some = draw(st.integers(0, 9))
    candidates = [
        CandidateView.model_validate(
            {
                **a_candidate(number, "x").model_dump(),
                "status": draw(st.sampled_from(["ok", "failed"])),
                "answer": draw(JSON),
                **{name: draw(text) for name in ("approach", "reasoning", "error", "effort")},
                "confidence": draw(st.none() | st.floats(0, 1)),
            }
        )
        for number in range(some)
    ]
    groups = [
        AnswerGroup(answer=draw(JSON), explore_ids=[n], solvers=["s"], approaches=["x" * 2_000])
        for n in range(draw(st.integers(0, 5)))
    ]
    statuses: list[Status] = ["running", "answered", "cancelled", "interrupted", "failed"]
    return RunView(
        run_id="abcdefgh",
        status=draw(st.sampled_from(statuses)),
        answer=draw(JSON),
        explanation=draw(text),
        agreement=Agreement(groups=groups, dissent=draw(text), warnings=["x" * 900] * some),
        candidates=candidates,
        usage=USAGE,
        elapsed_s=1.0,
        next=draw(text),
    )


@given(view=views())
def test_every_result_is_as_the_schema_says_and_reads_as_a_run(view: RunView) -> None:
    structure = structured(view)

    VALIDATOR.validate(structure)  # pyright: ignore[reportUnknownMemberType]
    read = RunView.model_validate(structure)
    assert (read.run_id, read.status, read.answer) == (view.run_id, view.status, view.answer)
    for shown in read.candidates:
        whole = next(one for one in view.candidates if one.explore_id == shown.explore_id)
        assert (shown.status, shown.confidence) in {
            (whole.status, whole.confidence),
            (whole.status, None),
        }


def test_evidence_says_how_each_candidate_was_asked_for() -> None:
    one = a_candidate(1, "x", effort="high", instruction="Check it.", reasoning="So.")
    structure = structured(a_view("x", candidates=[one]))

    (told,) = structure.get("candidates", [])
    asked = {"effort": "high", "strategy": "direct", "instruction": "Check it."}
    assert {name: dict(told).get(name) for name in asked} == asked
    assert set(told) == {*TOLD, *asked, "answer", "approach", "reasoning", "confidence"}


FORMULA = r"\frac{1}{2}+\sqrt{x^2+y^2} = \sum_{i=1}^{n} a_i \cdot b_i, \quad " * 30


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


def test_dissent_and_the_next_step_are_never_pushed_out_by_notes() -> None:
    causes = [f"explore {n} failed: " + "the endpoint refuses the request " * 12 for n in range(8)]
    agreement = Agreement(groups=[], dissent="But " * 100, warnings=causes)
    text = summary(a_solve(["42"] * 6, agreement=agreement, next="Do this."))

    assert text.count("Note: explore") == 8
    assert "Dissent: " + "But " * 50 in text
    assert "Next: Do this." in text
    assert tokens(text) < ANSWERED_TOKENS


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


def test_the_output_schema_is_small_and_says_what_is_always_there() -> None:
    schema = result_schema()

    assert len(json.dumps(schema)) < 2_400
    assert schema["required"] == ["run_id", "status", "usage", "elapsed_s"]
    assert set(schema["properties"]) == set(RunView.model_fields)
    assert "$ref" not in json.dumps(schema)
    candidate = cast("dict[str, Any]", schema["properties"]["candidates"]["items"])
    assert "usage" not in candidate["properties"]
