"""The facts of a run have the same words in every place that tells of the run."""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal

import pytest

from atlas_mcp.atlas import wording
from atlas_mcp.atlas.state import RunState
from atlas_mcp.cli.display import picture
from atlas_mcp.cli.terminal import Screen
from atlas_mcp.runs.live import LiveRun
from atlas_mcp.runs.snapshot import RunSnapshot
from atlas_mcp.views import facts
from atlas_mcp.views.plain_text import state_line
from atlas_mcp.views.rendering import view_of
from atlas_mcp.views.run_view import RunView
from atlas_mcp.views.status import status_line
from atlas_mcp.views.summaries import summary
from atlas_mcp.views.task_lines import resume_question, task_message
from tests.support.played_runs import a_run, failed, found, play


def a_state() -> RunState:
    """Return a run with two candidates that agree and a failure, before its synthesis."""
    run = play(
        a_run(prefetch=3),
        solve=lambda command: failed() if command.intent.explore_id == 2 else found(),
    )
    return next(one for one in run.live if len(one.done) == 3)


def result(state: RunState) -> str:
    return summary(view_at(state))


def task(state: RunState) -> str:
    return task_message(view_at(state))


def question(state: RunState) -> str:
    return resume_question(view_at(state))


def progress(state: RunState) -> str:
    return status_line(LiveRun("r", state), now=state.at)


def table(state: RunState) -> str:
    stream = io.StringIO()
    Screen(stream, columns=200).print(picture(LiveRun("r", state), now=state.at))
    return stream.getvalue()


def printed(state: RunState) -> str:
    return state_line(view_at(state))


def view_at(state: RunState) -> RunView:
    return view_of(RunSnapshot("r", state, state.at, driven=False))


PLACES: dict[str, Callable[[RunState], str]] = {
    "result": result,
    "task": task,
    "question": question,
    "progress": progress,
    "table": table,
    "printed": printed,
}


@pytest.mark.parametrize(
    ("fact", "places"),
    [
        ("cost", ["result", "task", "question", "progress", "table", "printed"]),
        ("capped cost", ["progress", "table"]),
        ("evidence", ["task", "question", "progress"]),
        ("agreement", ["progress", "table"]),
        ("calls", ["result", "printed"]),
        ("time", ["result", "printed"]),
        ("failures", ["result", "task", "question", "progress"]),
    ],
)
def test_a_fact_has_the_same_words_in_every_place(fact: str, places: list[str]) -> None:
    state = a_state()
    view = view_at(state)
    words = {
        "cost": wording.cost_text(state.cost_usd),
        "capped cost": wording.cost_text(state.cost_usd, state.budget.max_cost_usd),
        "evidence": facts.evidence_text(2, 1),
        "agreement": facts.agreement_text(2, 2, 2),
        "calls": facts.calls_text(view.usage),
        "time": wording.seconds_text(view.elapsed_s),
        "failures": facts.failed_text(1),
    }[fact]

    for place in places:
        assert words in PLACES[place](state), place


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (facts.tokens_text(1_200), "1,200 tokens"),
        (facts.evidence_text(3, 0), "3 candidates"),
        (facts.evidence_text(1, 2), "1 candidate, 2 explores failed"),
        (facts.agreement_text(1, 1, 1), ""),
        (facts.agreement_text(1, 3, 1), "no two agree"),
        (facts.agreement_text(3, 4, 3), "3 of 4 agree"),
        (facts.agreement_text(3, 4, 2), "3 of 4 agree: 2 by rule, 1 by judgement"),
        (facts.agreement_text(2, 4, 1), "2 of 4 agree: by judgement"),
        (facts.agreement_text(4, 5, 4, 1), "1 of 5 gives this answer, 4 agree on another"),
        (facts.agreement_text(3, 5, 3, 2), "2 of 5 give this answer, 3 agree on another"),
        (facts.agreement_text(3, 5, 3, 0), "none of 5 gives this answer, 3 agree on another"),
        (facts.agreement_text(1, 2, 1, 0), "none of 2 gives this answer, no two agree"),
        (facts.top_answer_text(1, 1, '"42"', 1), '1 of 1 candidate says "42"'),
        (facts.top_answer_text(1, 3, '"42"', 1), '1 of 3 candidates says "42"'),
        (facts.top_answer_text(2, 3, '"42"', 2), '2 of 3 candidates say "42"'),
        (
            facts.top_answer_text(2, 3, '"42"', 1),
            '2 of 3 candidates say "42" (by the orchestrator\'s judgement)',
        ),
        (
            facts.top_answer_text(3, 4, '"42"', 2),
            '3 of 4 candidates say "42" (2 by rule, 1 by the orchestrator\'s judgement)',
        ),
        (facts.explore_name(2, "s", strategy="direct"), "#2 s direct"),
        (facts.explore_name(2, "s", strategy="direct", role="critic"), "#2 s critic"),
        (facts.confidence_text(0.9), " (90%)"),
        (facts.confidence_text(0.9, "confidence "), " (confidence 90%)"),
        (facts.confidence_text(None), ""),
        (
            facts.uncertain_text(Decimal("0.5")),
            "Calls that broke off may have been billed up to $0.50 beyond cost_usd.",
        ),
    ],
)
def test_the_words_of_each_fact(text: str, words: str) -> None:
    assert text == words


def test_explores_are_named_by_their_numbers() -> None:
    assert facts.explores_text(()) == ""
    assert facts.explores_text([3]) == "explore 3"
    assert facts.explores_text([1, 2, 5]) == "explores 1, 2 and 5"


def test_a_failure_says_its_kind_in_words() -> None:
    assert facts.failure_text(failed("timeout", "too slow")) == "out of time: too slow"
