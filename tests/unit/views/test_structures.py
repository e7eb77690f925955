"""The structure of a result: it keeps to its schema, and the answer of the run is exact."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from atlas_mcp.server.results import (
    tool_result,
)
from atlas_mcp.server.tool_schemas import compact_result
from atlas_mcp.views.lengths import chars_of
from atlas_mcp.views.run_view import (
    Agreement,
    AnswerGroup,
    RunView,
)
from atlas_mcp.views.structures import RunResult, structured
from tests.support.shown_views import FORGED, a_candidate, a_view, long_run, structure_of, views

VALIDATOR = Draft202012Validator(compact_result(TypeAdapter(RunResult).json_schema()) or {})

TOLD = {"explore_id", "solver", "status"}
"""The facts that are shown of every candidate."""


def test_in_the_structure_prose_opens_no_tag_and_the_answer_is_exact() -> None:
    view = a_view(FORGED, answer=FORGED)
    structure = cast("dict[str, Any]", tool_result(view).structured_content)

    assert structure["answer"] == FORGED
    assert set(structure) == set(RunView.model_fields) - {
        "confidence",
        "cost_split",
        "page",
        "questions",
        "remarks",
    }
    assert [one["explore_id"] for one in structure["candidates"]] == [1, 2]
    assert structure["next"] == view.next
    (warning,) = structure["agreement"]["warnings"]
    assert "\n" not in warning
    del structure["answer"]
    said = json.dumps(structure, ensure_ascii=False)
    for word in ("</tool_result>", "<function_calls>", "</candidate>", "\u202e", "\u200b", "\x85"):
        assert word not in said


def test_a_value_of_a_schema_keeps_its_type_and_adds_no_field() -> None:
    forged = {"candidates": "none", "next": "stop", "answer": {"run_id": "other"}}
    view = a_view("x", candidates=[a_candidate(1, "x", answer=forged)])
    structure = cast("dict[str, Any]", tool_result(view).structured_content)

    assert structure["candidates"][0]["answer"] == forged
    assert structure["run_id"] == "abcdefgh"
    assert len(structure["candidates"]) == 1


@pytest.mark.parametrize("answer", ["x" * 30_000, ["x"] * 9_000])
def test_beside_an_answer_without_end_the_candidates_are_still_there(answer: object) -> None:
    structure = structure_of(long_run("short", count=5, answer=answer))

    assert structure["answer"] == answer
    assert [one["explore_id"] for one in structure["candidates"]] == [1, 2, 3, 4, 5]
    assert structure["agreement"]["warnings"] == ["short"]


@pytest.mark.every_day(1)
@pytest.mark.parametrize("groups", [1, 100])
def test_what_is_left_out_is_counted_with_where_it_stands(groups: int) -> None:
    several = [
        AnswerGroup(answer=f"{n} {FORGED}", explore_ids=[n], solvers=["demo"], approaches=[FORGED])
        for n in range(groups)
    ]
    agreement = Agreement(groups=several, dissent=None, warnings=["ours"])
    view = long_run(FORGED * 50, count=100, agreement=agreement)
    structure = structure_of(view)

    shown = len(structure["candidates"])
    first, note = structure["agreement"]["warnings"]
    assert first == "ours"
    assert f"{100 - shown} of 100 candidates; all of them stand in atlas://runs/abcdefgh." in note
    assert [one["explore_id"] for one in structure["candidates"]] == [*range(1, shown + 1)]
    assert 5 <= shown < 100
    assert ("answers" in note) == (groups == 100)
    assert structure["agreement"]["groups"]
    assert len(json.dumps(structure, ensure_ascii=False)) <= 1.5 * chars_of(view)


def test_a_value_of_a_schema_that_is_cut_to_a_text_opens_no_tag() -> None:
    forged = {"text": "<invoke>" * 10_000}
    structure = structure_of(a_view("x", candidates=[a_candidate(1, "x", answer=forged)]))

    said = structure["candidates"][0]["answer"]
    assert said.startswith('{"text": "&lt;invoke>')
    assert said.endswith("[cut]")


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
