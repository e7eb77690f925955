"""The decisions about the course of a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal

from atlas_mcp.atlas.events import Record, RunResumed, StopRequested
from atlas_mcp.atlas.explore import Explore
from tests.support.client_runs import explored
from tests.support.page_documents import document_of, eventful
from tests.support.played_runs import (
    a_model,
    a_run,
    answers,
    explores,
    followed_by,
    found,
    gives_up,
    play,
    refined,
    remark,
    says,
)


def decided(records: Sequence[Record]) -> list[tuple[object, ...]]:
    found = document_of(records).decisions
    return [(one.kind, one.by, one.turn, one.reason, one.explore_ids) for one in found]


def test_a_run_is_told_by_its_decisions() -> None:
    first = "The first explores start at once: one candidate is never enough."

    assert decided(eventful().records) == [
        ("started", "rule", None, first, [1, 2]),
        ("explored", "orchestrator", 1, "Looking further.", [3]),
        ("synthesized", "orchestrator", 2, "Both say so.", []),
    ]


def test_a_turn_has_its_time_and_its_money() -> None:
    turn = document_of(eventful().records).decisions[1]

    assert (turn.at, turn.ended_at) == (6.0, 8.0)
    assert turn.usage is not None
    assert turn.cost_usd is not None


def test_an_answer_below_the_floor_is_sent_back_with_its_words() -> None:
    run = play(a_run(prefetch=1), answers(), explores({}), answers())

    back = document_of(run.records).decisions[1]

    assert (back.kind, back.by, back.words) == ("sent_back", "rule", "Both say so.")
    assert "explore" in back.reason


def test_an_orchestrator_without_tools_gives_its_assessment() -> None:
    wants = {"assessment": "They differ.", "action": "explore", "strategy": "direct"}
    spec = a_run(orchestrator=a_model("maker/boss", tools=False))

    run = play(spec, says(json.dumps(wants)), answers())

    assert decided(run.records)[1][3] == "They differ."


def test_the_ceiling_is_a_limit_before_the_orchestrator_concludes() -> None:
    run = play(a_run(max_explores=2), answers())

    assert [one[0] for one in decided(run.records)] == ["started", "limit", "synthesized"]
    assert decided(run.records)[1][3] == (
        "The ceiling of explores is reached: the orchestrator is asked to conclude."
    )


def test_no_supported_answer_is_the_orchestrators_stop() -> None:
    last = decided(play(a_run(), gives_up()).records)[-1]

    assert last[:2] == ("stopped", "orchestrator")


def test_workflows_without_an_orchestrator_are_rules() -> None:
    assert [one[:2] for one in decided(refined(found(), remark(satisfied=True)).records)][-1] == (
        "workflow",
        "rule",
    )
    majority = play(a_run(workflow="majority:3", max_explores=3))
    assert [one[:2] for one in decided(majority.records)] == [
        ("workflow", "rule"),
        ("workflow", "rule"),
    ]


def test_a_client_decides_in_a_run_of_explores() -> None:
    assert decided(explored(Explore("s")))[0][:2] == ("explored", "client")


def test_stops_and_resumptions_are_decisions_of_people() -> None:
    records = followed_by(eventful().records[:3], StopRequested("user"))
    resumed = RunResumed("Go on.", max_explores=9, max_cost_usd=Decimal(7))
    records = followed_by(records, resumed, RunResumed("", lifts=True))

    assert [one[:4] for one in decided(records)[-3:]] == [
        ("stopped", "user", None, "It was cancelled: calls in flight are aborted."),
        ("resumed", "user", None, "It was resumed with up to 9 explores and within $7.00."),
        ("resumed", "user", None, "The stop was taken back."),
    ]


def test_the_steps_of_a_workflow_are_told_by_their_parts() -> None:
    steps = [one[3] for one in decided(refined(found(), remark(), found("41")).records)]

    assert steps[:3] == [
        "Next in the workflow: a drafter.",
        "Next in the workflow: a critic, shown explore 1.",
        "Next in the workflow: a refiner, shown explore 1, 2.",
    ]
    majority = decided(play(a_run(workflow="majority:3", max_explores=3)).records)
    assert majority[0][3] == "Next in the workflow: 3 solvers on the problem alone."


def test_a_run_that_ended_at_a_limit_says_so_and_what_is_said_besides() -> None:
    end = decided(refined(found(), remark(), max_explores=3).records)[-1]

    assert str(end[3]).startswith("The ceiling of explores is reached. ")
