"""The evidence on a page."""

from __future__ import annotations

from collections.abc import Sequence

from atlas_mcp.atlas.explore import Outcome
from tests.support.page_documents import document_of, eventful
from tests.support.played_runs import (
    a_run,
    a_solver,
    answers,
    found,
    in_turn,
    play,
    refined,
    remark,
)


def with_candidates(*outcomes: Outcome, solvers: Sequence[str] = ("a", "b")):
    run = play(
        a_run(*map(a_solver, solvers), prefetch=len(outcomes), max_explores=len(outcomes)),
        solve=in_turn(*outcomes),
    )
    return document_of(run.records)


def test_one_path_of_one_model_is_one_cell() -> None:
    document = with_candidates(
        found(approach="Counting."),
        found(approach=" counting. "),
        found(approach="COUNTING."),
        solvers=["a"],
    )

    assert [(one.approach, one.explore_ids) for one in document.matrix] == [
        ("Counting.", [1, 2, 3])
    ]
    assert document.agreement.sentence == "3 of 3 agree; they come from 1 model by 1 method."


def test_the_matrix_tells_answers_methods_and_models_apart() -> None:
    document = with_candidates(
        found("42", approach="Counting."),
        found("42", approach="Counting."),
        found("41", approach="counting."),
        found("42", approach="Algebra."),
    )

    assert [(c.group, c.approach, c.model, c.explore_ids) for c in document.matrix] == [
        (1, "Counting.", "maker/a", [1]),
        (1, "Counting.", "maker/b", [2]),
        (1, "Algebra.", "maker/b", [4]),
        (2, "Counting.", "maker/a", [3]),
    ]
    assert [(g.number, g.text, g.explore_ids) for g in document.agreement.groups] == [
        (1, "42", [1, 2, 4]),
        (2, "41", [3]),
    ]


def test_an_explore_is_there_from_its_plan_on() -> None:
    records = eventful().records

    running = document_of(records[:3], driven=True, tokens={"solver-1": 12}).candidates

    assert [(one.state, one.status, one.received_tokens) for one in running] == [
        ("running", None, 12),
        ("planned", None, None),
    ]
    assert [one.state for one in document_of(records).candidates] == ["ok", "failed", "ok"]
    assert document_of(records).candidates[1].error == "out of time: it ended badly"


def test_a_remark_is_no_candidate() -> None:
    document = document_of(refined(found(), remark(), found("43")).records)

    assert [one.explore_id for one in document.remarks] == [2]
    assert 2 not in [one.explore_id for one in document.candidates]


def test_the_sentence_is_about_the_answer_of_the_run() -> None:
    run = play(
        a_run(*map(a_solver, "ab"), prefetch=5, max_explores=5),
        answers("20"),
        solve=in_turn(found("19"), found("19"), found("19"), found("19"), found("20")),
    )

    assert document_of(run.records).agreement.sentence == (
        "1 of 5 gives this answer, 4 agree on another; those 4 come from 2 models by 1 method."
    )
