"""`RunView` as the contract lists it. Source: the contract."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from atlas_mcp.atlas.events import Record, StopRequested
from atlas_mcp.atlas.state import RunState
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views.rendering import MOST_COMPARED, takes_long, view_of
from tests.support.played_runs import (
    Played,
    a_model,
    a_run,
    a_solver,
    answers,
    failed,
    found,
    gives_up,
    in_turn,
    opened,
    play,
    refined,
    remark,
    with_outcomes,
)

FIELDS = [
    "run_id",
    "status",
    "stop_reason",
    "answer",
    "explanation",
    "confidence",
    "agreement",
    "candidates",
    "remarks",
    "usage",
    "cost_usd",
    "cost_split",
    "elapsed_s",
    "page",
    "next",
]
CANDIDATE_FIELDS = [
    "explore_id",
    "solver",
    "model",
    "effort",
    "strategy",
    "role",
    "instruction",
    "status",
    "answer",
    "approach",
    "reasoning",
    "confidence",
    "error",
    "usage",
    "cost_usd",
    "elapsed_s",
]
USAGE_FIELDS = [
    "requests",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
]


def seen(run: Played, *, driven: bool = False) -> dict[str, Any]:
    view = view_of(RunSnapshot("run-1", run.state, 99.0, driven=driven))
    return json.loads(view.model_dump_json())


def one_failure_of_three() -> Played:
    return play(
        a_run(prefetch=3),
        answers(dissent="The second failed."),
        solve=lambda command: failed() if command.intent.explore_id == 2 else found(),
    )


@pytest.mark.requirement("VIEW-1")
def test_the_fields_are_the_contracts_in_its_order() -> None:
    view = seen(one_failure_of_three())

    assert list(view) == FIELDS
    assert list(view["agreement"]) == ["groups", "dissent", "warnings"]
    assert list(view["agreement"]["groups"][0]) == [
        "answer",
        "explore_ids",
        "solvers",
        "approaches",
        "by",
        "chosen",
    ]
    for candidate in view["candidates"]:
        assert list(candidate) == CANDIDATE_FIELDS
        assert list(candidate["usage"]) == USAGE_FIELDS
    assert list(view["usage"]) == USAGE_FIELDS
    assert list(view["cost_split"]) == ["orchestrator", "solvers"]


def test_a_run_of_many_candidates_that_were_never_compared_takes_long_to_show() -> None:
    few, many = (
        with_outcomes(opened(), *(("s", found()) for _ in range(count)))
        for count in (MOST_COMPARED, MOST_COMPARED + 1)
    )

    assert len(many.votes) == MOST_COMPARED + 1
    assert [takes_long(state) for state in (few, many)] == [False, True]
    assert many.groups
    assert not takes_long(many)


@pytest.mark.requirement("VIEW-4")
def test_a_failed_candidate_has_an_error_and_nulls() -> None:
    good, bad, _ = seen(one_failure_of_three())["candidates"]

    assert (good["status"], good["error"]) == ("ok", None)
    assert (good["answer"], good["confidence"], good["reasoning"]) == ("42", 0.75, "So.")
    assert (bad["status"], bad["explore_id"]) == ("failed", 2)
    assert "timeout" in bad["error"]
    for key in ("answer", "approach", "reasoning", "confidence"):
        assert bad[key] is None
    assert bad["usage"]["requests"] == 1


def test_a_small_model_is_warned_of_and_a_file_is_told_by_its_name_alone() -> None:
    file = a_model("local//home/ada/x.gguf")
    small = replace(file, max_string_chars=600)

    for spec, warned in ((file, False), (small, True)):
        view = seen(play(a_run(a_solver("mine", spec=spec)), answers()))

        said = [one for one in view["agreement"]["warnings"] if "small embedded model" in one]
        assert bool(said) == warned
        assert {candidate["model"] for candidate in view["candidates"]} == {"local/x.gguf"}
        assert "small embedded model" not in json.dumps(
            seen(play(a_run(a_solver("mine", spec=spec)), solve=lambda command: failed("rejected")))
        ), "where none could start"
        assert "ada" not in json.dumps(view)


@pytest.mark.requirement("VIEW-6")
def test_a_run_that_has_not_ended_has_nulls_and_says_what_to_do() -> None:
    opened = Played(play(a_run()).records[:1], live=[play(a_run()).live[0]])
    view = seen(opened, driven=True)

    assert view["status"] == "running"
    for key in ("stop_reason", "answer", "explanation", "confidence"):
        assert view[key] is None
    assert view["candidates"] == []
    assert view["agreement"] == {"groups": [], "dissent": None, "warnings": []}
    assert (view["cost_usd"], view["elapsed_s"]) == (0, 99)
    assert "get_run" in view["next"]
    assert "run-1" in view["next"]


def test_a_run_that_has_been_stopped_does_not_promise_to_go_on() -> None:
    """A call that its client gave up looks like that until what is in flight has ended."""
    opened = play(a_run()).live[0]
    stopped = opened.apply(Record(opened.seq + 1, opened.at, StopRequested("client")))
    said = [view_of(RunSnapshot("run-1", one, 9.0, driven=True)).next for one in (opened, stopped)]

    assert [text is not None and "the run goes on" in text for text in said] == [True, False]
    assert all(text and "get_run with run_id='run-1'" in text for text in said)
    assert said[1] is not None
    assert "resume_run" in said[1]


@pytest.mark.requirement("SEEN-7")
def test_a_run_nobody_drives_is_interrupted_and_keeps_its_evidence() -> None:
    run = play(a_run())
    cut = next(state for state in run.live if len(state.done) == 2)
    view = view_of(RunSnapshot("run-1", cut, 9e9, driven=False))

    assert (view.status, view.stop_reason) == ("interrupted", None)
    assert len(view.candidates) == 2
    assert view.elapsed_s == cut.at
    assert view.next


def test_an_answered_run_says_how_the_answer_follows() -> None:
    view = seen(one_failure_of_three())

    assert (view["status"], view["stop_reason"], view["answer"]) == ("answered", "decided", "42")
    assert (view["explanation"], view["confidence"]) == ("Both say so.", 0.9)
    assert view["agreement"]["dissent"] == "The second failed."
    assert view["next"] is None


@pytest.mark.requirement("SEEN-4")
def test_no_supported_answer_is_answered_with_null() -> None:
    view = seen(play(a_run(), gives_up()))

    assert (view["status"], view["answer"], view["confidence"]) == ("answered", None, None)
    assert view["stop_reason"] == "no_supported_answer"
    assert view["explanation"]


def test_a_typed_answer_keeps_its_type() -> None:
    from atlas_mcp.atlas.problem import Problem

    problem = Problem("x", answer_schema={"type": "array"})
    run = play(a_run(), answers([1, {"a": None}]), solve=lambda _: found([2]), problem=problem)

    assert seen(run)["answer"] == [1, {"a": None}]
    assert seen(run)["candidates"][0]["answer"] == [2]


@pytest.mark.requirement("SEEN-2")
def test_groups_name_who_stands_behind_an_answer() -> None:
    run = play(
        a_run(a_solver("a"), a_solver("b"), prefetch=3),
        solve=lambda command: found("2" if command.intent.explore_id == 2 else "1"),
    )
    first, second = seen(run)["agreement"]["groups"]

    assert (first["answer"], first["explore_ids"], first["solvers"]) == ("1", [1, 3], ["a"])
    assert (second["answer"], second["explore_ids"], second["solvers"]) == ("2", [2], ["b"])
    assert first["approaches"] == ["Counting."]
    assert "2" in seen(run)["agreement"]["dissent"]


@pytest.mark.parametrize(
    ("chosen", "dissent"),
    [
        ("1", 'Other candidates answer: "2" (explore 2)'),
        ("2", 'Other candidates answer: "1" (explore 1, 3)'),
        ("3", 'Other candidates answer: "1" (explore 1, 3); "2" (explore 2)'),
        (None, 'The candidates differ: "1" (explore 1, 3); "2" (explore 2)'),
    ],
)
def test_others_are_those_that_do_not_say_what_was_chosen(chosen: str | None, dissent: str) -> None:
    """Where none was chosen there are no others, and a minority may have been."""
    run = play(
        a_run(prefetch=3),
        answers(chosen) if chosen else gives_up(),
        solve=lambda command: found("2" if command.intent.explore_id == 2 else "1"),
    )

    assert seen(run)["agreement"]["dissent"] == dissent


def test_the_group_of_the_answer_is_marked() -> None:
    def groups(chosen: str | None) -> list[tuple[str, bool]]:
        run = play(
            a_run(prefetch=3),
            answers(chosen, supported=chosen is not None),
            solve=in_turn(found("42"), found("43"), found("42")),
        )
        return [(one["answer"], one["chosen"]) for one in seen(run)["agreement"]["groups"]]

    assert groups("43") == [("42", False), ("43", True)]
    assert groups("44") == groups(None) == [("42", False), ("43", False)]


@pytest.mark.requirement("SEEN-12")
def test_a_refinement_shows_its_remarks_and_claims_no_agreement() -> None:
    view = seen(refined(found("41"), remark(), found("42"), remark("Fine.", satisfied=True)))

    assert (view["answer"], view["agreement"]["groups"]) == ("42", [])
    assert view["agreement"]["dissent"] is None, "a draft that was replaced is no dissent"
    assert view["agreement"]["warnings"] == ["No independent candidate confirms this answer."]
    assert [(one["explore_id"], one["role"]) for one in view["candidates"]] == [
        (1, "drafter"),
        (3, "refiner"),
    ]
    assert [(one["explore_id"], one["role"], one["about"]) for one in view["remarks"]] == [
        (2, "critic", [1]),
        (4, "critic", [3]),
    ]
    first = view["remarks"][0]
    assert (first["text"], first["usage"]["requests"]) == ("The last step is wrong.", 1)
    costs = [one["cost_usd"] for one in (*view["candidates"], *view["remarks"])]
    assert sum(costs) == pytest.approx(view["cost_usd"])


def test_candidates_that_agree_dissent_from_nothing() -> None:
    assert seen(play(a_run()))["agreement"]["dissent"] is None
    assert seen(play(a_run(), gives_up()))["agreement"]["dissent"] is None


@pytest.mark.requirement("ERR-8")
def test_one_cause_of_failures_is_told_once() -> None:
    cause = "`m`: no credit is left"
    broken = play(a_run(prefetch=3), solve=lambda _: failed("rejected", cause))
    partly = play(
        a_run(prefetch=3, max_explores=3),
        answers(),
        solve=lambda one: found() if one.intent.explore_id == 2 else failed("rejected", cause),
    )

    assert seen(broken)["explanation"].count(cause) == 1
    assert not any(cause in one for one in seen(broken)["agreement"]["warnings"])
    assert (
        f'2 explores (1, 3) failed (rejected): "{cause}"' in seen(partly)["agreement"]["warnings"]
    )


def test_records_of_a_clock_that_was_set_back_take_no_negative_time() -> None:
    run = play(a_run(), answers())
    records = [replace(one, at=1_000.0 - 10 * one.seq) for one in run.records]
    view = view_of(RunSnapshot("r", RunState.fold(records), 0.0, driven=True))

    assert view.elapsed_s == 0
    assert all(one.elapsed_s == 0 for one in view.candidates)


@pytest.mark.parametrize("unknown", ["solver", "orchestrator", "both"])
@pytest.mark.requirement("MONEY-15")
def test_an_unknown_price_is_null_and_never_zero(unknown: str) -> None:
    bare = a_model(price=None)
    spec = a_run(
        a_solver(spec=bare if unknown != "orchestrator" else None),
        orchestrator=bare if unknown != "solver" else None,
        max_cost_usd=None,
    )
    run = play(spec, price=lambda hold: None if hold == 0 else hold)
    view = seen(run)

    assert view["cost_usd"] is None
    assert (view["cost_split"]["solvers"] is None) == (unknown != "orchestrator")
    assert (view["cost_split"]["orchestrator"] is None) == (unknown != "solver")


def test_money_and_tokens_add_up() -> None:
    run = play(a_run())
    view = seen(run)

    split = view["cost_split"]
    assert view["cost_usd"] == pytest.approx(split["orchestrator"] + split["solvers"])
    assert split["solvers"] == pytest.approx(sum(c["cost_usd"] for c in view["candidates"]))
    assert view["usage"] == {
        "requests": 3,
        "input_tokens": 300,
        "output_tokens": 150,
        "cache_read_tokens": 30,
        "cache_write_tokens": 15,
    }


def test_an_answer_that_was_not_synthesized_comes_with_a_warning() -> None:
    view = seen(play(a_run(), failed("unavailable", "overloaded")))

    assert view["answer"] == "42"
    assert "overloaded" in view["agreement"]["warnings"][0]


@pytest.mark.requirement("VIEW-5")
def test_the_view_is_the_same_after_a_fold() -> None:
    run = one_failure_of_three()
    again = RunState.fold(run.records)

    views = [view_of(RunSnapshot("r", one, 0, driven=False)) for one in (again, run.state)]
    assert views[0] == views[1]
