"""Two runs side by side."""

from __future__ import annotations

from atlas_mcp.atlas.problem import Problem
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.page.comparison import compare_document
from tests.support.played_runs import (
    Played,
    a_run,
    a_solver,
    answers,
    explores,
    found,
    gives_up,
    in_turn,
    opened,
    play,
)


def shown(run: Played, run_id: str) -> RunSnapshot:
    return RunSnapshot(run_id, run.state, run.state.at, driven=False)


ONE = shown(
    play(
        a_run(a_solver("s"), a_solver("t"), max_explores=3),
        explores({}),
        answers("0.5"),
        solve=in_turn(found("1/2", approach="Counting."), found("1/2"), found("7")),
    ),
    "one",
)
TWO = shown(
    play(
        a_run(a_solver("s"), effort="high", max_explores=2, max_cost_usd=None),
        answers("0.5"),
        solve=in_turn(found("0.50", approach=" counting. "), found("8", approach="Algebra.")),
    ),
    "two",
)


def test_answers_of_one_problem_are_compared_by_rule() -> None:
    document = compare_document(ONE, TWO)

    assert document.same_problem
    assert document.same_answer
    assert document.summary.startswith("Both runs give the same answer. The first took 3 explores")
    first = document.answers[0]
    assert (first.answer_text, first.a, first.b) == ("1/2", [1, 2], [1])
    assert first.chosen_in_a
    assert first.chosen_in_b
    assert [(one.answer_text, one.a, one.b) for one in document.answers[1:]] == [
        ("7", [3], []),
        ("8", [], [2]),
    ]


def test_methods_are_gathered_from_both() -> None:
    methods = compare_document(ONE, TWO).methods

    assert [(one.approach, one.a, one.b) for one in methods] == [
        ("Counting.", [1, 2, 3], [1]),
        ("Algebra.", [], [2]),
    ]


def test_only_settings_that_differ_are_named() -> None:
    settings = {one.name: (one.a, one.b) for one in compare_document(ONE, TWO).settings}

    assert settings == {
        "solvers": ("s (maker/s), t (maker/t)", "s (maker/s)"),
        "explore effort": ("low", "high"),
        "most explores": ("3", "2"),
        "cap": ("$5.00", "none"),
    }


def test_a_run_compared_with_itself_differs_in_nothing() -> None:
    document = compare_document(ONE, ONE)

    assert document.settings == []
    assert document.a == document.b
    assert all(one.a == one.b for one in document.answers)


def test_different_answers_are_said_to_differ() -> None:
    other = shown(play(a_run(), answers("8"), solve=in_turn(found("8"))), "other")

    document = compare_document(ONE, other)

    assert document.same_answer is False
    assert "different answers" in document.summary


def test_without_an_answer_nothing_is_compared() -> None:
    without = shown(play(a_run(max_explores=2), gives_up(), solve=in_turn(found("8"))), "without")
    fresh = opened()
    running = RunSnapshot("running", fresh, fresh.at, driven=True)

    for other in (without, running):
        document = compare_document(ONE, other)
        assert document.same_answer is None
        assert "has no answer" in document.summary


def test_answers_of_different_problems_are_not_put_together() -> None:
    other = shown(
        play(a_run(), answers("1/2"), solve=in_turn(found("1/2")), problem=Problem("Which?")),
        "other",
    )

    document = compare_document(ONE, other)

    assert not document.same_problem
    assert document.same_answer is None
    assert [(one.a, one.b) for one in document.answers] == [([1, 2], []), ([3], []), ([], [1, 2])]


def test_texts_of_models_are_made_printable() -> None:
    bad = "\x1b[31m\u202e<script>"
    hostile = play(
        a_run(), answers(bad), solve=in_turn(found(bad, approach=bad)), problem=Problem(bad)
    )

    text = compare_document(shown(hostile, "r"), ONE).model_dump_json()

    assert "\u202e" not in text
    assert "\x1b" not in text
